/** The pictures of memory: RAM as a bar against the budget, and every structure as a tile as large as its bytes. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { StatsRow } from "../../../src/memory/types.ts";
import { formatBytes, formatPercent } from "../format.ts";
import { pointed, roomOf } from "./state.ts";
import { treemap } from "./treemap.ts";

type Colours = ReadonlyMap<string, string>;

export interface BarProps {
  readonly rows: readonly StatsRow[];
  /** What a full bar is: the budget, or all bytes. */
  readonly limit: number;
  readonly colours: Colours;
  readonly label: string;
}

export function StackedBar({ rows, limit, colours, label }: BarProps): JSX.Element {
  const used = rows.reduce((sum, row) => sum + row.bytes, 0);
  const full = Math.max(limit, used);
  let at = 0;
  return (
    <svg class="stacked" viewBox="0 0 1000 44" preserveAspectRatio="none" role="img" aria-label={label}>
      <defs>
        <pattern
          id="free-space"
          width="9"
          height="9"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect class="hatch" width="4" height="9" />
        </pattern>
      </defs>
      <rect class="ground" width="1000" height="44" />
      <rect width="1000" height="44" fill="url(#free-space)" />
      {rows.map((row) => {
        const width = (1000 * row.bytes) / full;
        const x = at;
        at += width;
        return (
          <rect
            key={row.structure}
            class={`piece ${colours.get(roomOf(row))} ${pointedClass(row)}`}
            x={x}
            width={Math.max(0, width - 1.5)}
            height="44"
            onPointerEnter={() => point(row)}
            onPointerLeave={() => point(undefined)}
          >
            <title>{`${row.structure}: ${formatBytes(row.bytes)}, ${formatPercent(row.bytes / full)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

const GAP = 3;

export function Treemap({
  rows,
  colours,
}: {
  readonly rows: readonly StatsRow[];
  readonly colours: Colours;
}): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const size = useSignal({ width: 1000, height: 340 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      size.value = { width, height };
    });
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);
  const tiles = treemap(rows, ({ bytes }) => bytes, { x: 0, y: 0, ...size.value });
  return (
    <div class="treemap" ref={frame} aria-hidden="true">
      {tiles.map(({ data, x, y, width, height }) => (
        <div
          key={keyOf(data)}
          class={`tile ${colours.get(roomOf(data))} ${pointedClass(data)}`}
          title={`${data.structure} (${data.tier}): ${formatBytes(data.bytes)}`}
          style={{ left: px(x), top: px(y), width: px(width - GAP), height: px(height - GAP) }}
          onPointerEnter={() => point(data)}
          onPointerLeave={() => point(undefined)}
        >
          <span>{data.structure}</span>
          <b>{formatBytes(data.bytes)}</b>
          <i>{data.tier === "ram" ? "RAM" : data.tier}</i>
        </div>
      ))}
    </div>
  );
}

function px(length: number): string {
  return `${Math.max(1, length)}px`;
}

export function keyOf(row: StatsRow): string {
  return `${row.tier} ${row.structure}`;
}

function point(row: StatsRow | undefined): void {
  pointed.value = row && keyOf(row);
}

function pointedClass(row: StatsRow): string {
  return pointed.value === keyOf(row) ? "pointed" : "";
}
