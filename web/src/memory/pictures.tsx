/** The pictures of memory: RAM as a bar against the budget, and every structure as a tile as large as its bytes. */
import type { JSX } from "preact";
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
            class={`piece ${colours.get(roomOf(row))} ${dimmed(row)}`}
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

const WIDTH = 1000;
const HEIGHT = 340;
const GAP = 1.5;

export function Treemap({
  rows,
  colours,
}: {
  readonly rows: readonly StatsRow[];
  readonly colours: Colours;
}): JSX.Element {
  const tiles = treemap(rows, (row) => row.bytes, { x: 0, y: 0, width: WIDTH, height: HEIGHT });
  return (
    <div class="treemap" aria-hidden="true">
      {tiles.map(({ data, x, y, width, height }) => (
        <div
          key={`${data.tier} ${data.structure}`}
          class={`tile ${colours.get(roomOf(data))} ${dimmed(data)}`}
          title={`${data.structure} (${data.tier}): ${formatBytes(data.bytes)}`}
          style={{
            left: `${(100 * x) / WIDTH}%`,
            top: `${(100 * y) / HEIGHT}%`,
            width: `calc(${(100 * width) / WIDTH}% - ${GAP * 2}px)`,
            height: `calc(${(100 * height) / HEIGHT}% - ${GAP * 2}px)`,
          }}
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

export function keyOf(row: StatsRow): string {
  return `${row.tier} ${row.structure}`;
}

function point(row: StatsRow | undefined): void {
  pointed.value = row && keyOf(row);
}

function dimmed(row: StatsRow): string {
  return pointed.value !== undefined && pointed.value !== keyOf(row) ? "dim" : "";
}
