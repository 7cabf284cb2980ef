/** The bitmap of rows that were replaced or forgotten, as it is kept in a store: in pages; and what is alive without them. */
import { RowSet } from "../index/row-set.ts";
import { rowAt } from "../index/segment.ts";
import type { ReadableStore } from "../storage/store.ts";
import { NS } from "./layout.ts";
import type { OpenSegment } from "./open-segment.ts";

export const DEAD_PAGE_ROWS = 32_768;

export async function readDeadRows(store: ReadableStore, rows: number): Promise<RowSet> {
  const bytes = new Uint8Array(Math.ceil(rows / DEAD_PAGE_ROWS) * (DEAD_PAGE_ROWS / 8));
  for await (const { key, value } of store.range(NS.dead))
    bytes.set(value, Number(key[0]) * (DEAD_PAGE_ROWS / 8));
  return RowSet.fromBytes(bytes);
}

/** Rows of segments that are not dead. @param rows ids given so far */
export function liveRows(segments: readonly OpenSegment[], dead: RowSet, rows: number): RowSet {
  const live = new RowSet(rows);
  for (const { stored } of segments) {
    const { base, count } = stored.rows;
    if (base !== null) live.addRange(base, base + count);
    else for (let i = 0; i < count; i++) live.add(rowAt(stored.rows, i));
  }
  return live.andNot(dead);
}
