/** The bitmap of rows that were replaced or forgotten, as it is kept in a store: in pages. */
import { RowSet } from "../index/row-set.ts";
import type { ReadableStore } from "../storage/store.ts";
import { NS } from "./layout.ts";

export const DEAD_PAGE_ROWS = 32_768;

export async function readDeadRows(store: ReadableStore, rows: number): Promise<RowSet> {
  const bytes = new Uint8Array(Math.ceil(rows / DEAD_PAGE_ROWS) * (DEAD_PAGE_ROWS / 8));
  for await (const { key, value } of store.range(NS.dead))
    bytes.set(value, Number(key[0]) * (DEAD_PAGE_ROWS / 8));
  return RowSet.fromBytes(bytes);
}
