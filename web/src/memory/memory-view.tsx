/** Memory: the budget as a picture, what holds which bytes on which tier, and the two things one does about it. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { MemoryInfo, StatsRow } from "../../../src/memory/types.ts";
import { formatBytes, formatCount, formatPercent } from "../format.ts";
import { Icon } from "../shell/icons.tsx";
import { keyOf, StackedBar, Treemap } from "./pictures.tsx";
import {
  coloursOf,
  compact,
  downloadSnapshot,
  failure,
  followHoldings,
  type Holdings,
  holdings,
  pointed,
  roomOf,
  working,
} from "./state.ts";

export function MemoryView(): JSX.Element {
  useEffect(followHoldings, []);
  return (
    <div class="memory">
      <header class="view-head">
        <div>
          <h1>Memory</h1>
          <p class="muted">{holdings.value?.info.location ?? " "}</p>
        </div>
        <Actions />
      </header>
      {failure.value && <p class="failure">{failure.value}</p>}
      {holdings.value && <Picture {...holdings.value} />}
    </div>
  );
}

function Actions(): JSX.Element {
  return (
    <div class="actions">
      <button type="button" onClick={() => void compact()} disabled={working.value !== undefined}>
        {working.value === "compact" ? "Compacting…" : "Compact"}
      </button>
      <button type="button" onClick={() => void downloadSnapshot()} disabled={working.value !== undefined}>
        <Icon name="download" /> {working.value === "snapshot" ? "Writing…" : "Snapshot"}
      </button>
    </div>
  );
}

function Picture({ info, rows }: Holdings): JSX.Element {
  const colours = coloursOf(rows);
  const ram = byBytes(rows.filter(({ tier }) => tier === "ram"));
  const disk = byBytes(rows.filter(({ tier }) => tier !== "ram"));
  // a language model is not out of the budget: only the table and the tiles have it
  const own = ram.filter(({ share }) => share !== undefined);
  const used = own.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <>
      <section class="tier" aria-labelledby="ram-title">
        <h2 id="ram-title">
          <b class="total">{formatBytes(used)}</b> of {formatBytes(info.budgetBytes)} RAM
          <span class="muted">{formatPercent(used / info.budgetBytes)} of the budget</span>
        </h2>
        <StackedBar
          rows={own}
          limit={info.budgetBytes}
          colours={colours}
          label={`RAM: ${formatBytes(used)} of a budget of ${formatBytes(info.budgetBytes)}; the table below has each part`}
        />
      </section>
      <section class="tier" aria-labelledby="disk-title">
        <h2 id="disk-title">
          <b class="total">{formatBytes(info.diskBytes)}</b> on disk
          <span class="muted">{formatBytes(info.freeBytes)} of it free for reuse</span>
        </h2>
        <StackedBar
          rows={disk}
          limit={disk.reduce((sum, { bytes }) => sum + bytes, 0)}
          colours={colours}
          label={`Disk: ${formatBytes(info.diskBytes)}; the table below has each part`}
        />
      </section>
      <Facts info={info} />
      <section aria-labelledby="structures-title">
        <h2 id="structures-title">Every structure, as large as its bytes</h2>
        <Treemap rows={rows} colours={colours} />
        <StructureTable rows={[...ram, ...disk]} colours={colours} />
      </section>
    </>
  );
}

function byBytes(rows: readonly StatsRow[]): StatsRow[] {
  return [...rows].sort((a, b) => b.bytes - a.bytes);
}

function Facts({ info }: { readonly info: MemoryInfo }): JSX.Element {
  const facts: readonly (readonly [string, string])[] = [
    ["documents", formatCount(info.items)],
    ["passages", formatCount(info.passages)],
    ["of text", formatBytes(info.textBytes)],
    ["segments", formatCount(info.segments)],
    [`dimensions, ${info.space.model}`, formatCount(info.space.dim)],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function StructureTable({
  rows,
  colours,
}: {
  readonly rows: readonly StatsRow[];
  readonly colours: ReadonlyMap<string, string>;
}): JSX.Element {
  return (
    <table class="structures">
      <caption class="visually-hidden">Bytes by structure and tier</caption>
      <thead>
        <tr>
          <th scope="col">Structure</th>
          <th scope="col">Tier</th>
          <th scope="col" class="num">
            Bytes
          </th>
          <th scope="col" class="num">
            Of budget
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr
            key={keyOf(row)}
            class={pointed.value === keyOf(row) ? "pointed" : undefined}
            onPointerEnter={() => {
              pointed.value = keyOf(row);
            }}
            onPointerLeave={() => {
              pointed.value = undefined;
            }}
          >
            <th scope="row">
              <i class={`swatch ${colours.get(roomOf(row))}`} aria-hidden="true" />
              {row.structure}
            </th>
            <td>{row.tier === "ram" ? "RAM" : row.tier}</td>
            <td class="num">{formatBytes(row.bytes)}</td>
            <td class="num">{row.share === undefined ? "" : formatPercent(row.share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
