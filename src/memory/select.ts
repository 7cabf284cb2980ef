/** Which items a filter means: ids of live items whose metadata matches. */
import type { Where } from "../index/filter/where.ts";
import type { RowSet } from "../index/row-set.ts";
import { Pacer } from "../pacer.ts";
import { idPages } from "./id-pages.ts";
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
  // while segments are switched, the columns lack some of them
  const rows =
    where && (await library.gate.read(async () => library.columns.evaluate(where).and(library.live)));
  const ids: string[] = [];
  const pacer = new Pacer();
  for await (const page of idPages(library)) {
    for (const { id, entry } of page) if (!rows || rows.has(entry.firstRow)) ids.push(id);
    if (pacer.isDue) await pacer.pause();
  }
  return ids;
}
