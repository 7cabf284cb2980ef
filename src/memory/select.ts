/** Which items a filter means: ids of live items whose metadata matches. */
import type { Where } from "../index/filter/where.ts";
import type { RowSet } from "../index/row-set.ts";
import { decodeIdEntry, NS } from "./layout.ts";
import type { Library } from "./library.ts";

/** Live rows that match; undefined means every row (nothing deleted, no filter). */
export function matchingRows(library: Library, where: Where | undefined, now: number): RowSet | undefined {
  let rows: RowSet | undefined = library.dead.isEmpty ? undefined : library.live;
  if (where) rows = library.columns.evaluate(where).and(library.live);
  if (library.columns.has("$expires")) {
    const expired = library.columns.evaluate({ fields: { $expires: { lte: now } } });
    rows = (rows ?? library.live).andNot(expired);
  }
  return rows;
}

/** Ids in their order, of items that match (all for undefined), expired ones included. */
export async function selectIds(library: Library, where: Where | undefined): Promise<string[]> {
  const rows = where && library.columns.evaluate(where).and(library.live);
  const ids: string[] = [];
  for await (const { key, value } of library.store.range(NS.ids)) {
    if (!rows || rows.has(decodeIdEntry(value).firstRow)) ids.push(String(key[0]));
  }
  return ids;
}
