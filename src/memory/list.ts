/** list: headers of items in the order of their ids. */
import { MnemeError } from "../errors.ts";
import { compileWhere } from "../index/filter/compile-where.ts";
import { columnsOf } from "./columns-of.ts";
import { idPages } from "./id-pages.ts";
import type { Library } from "./library.ts";
import { isExpired, recordOf } from "./read-item.ts";
import { matchingRows } from "./select.ts";
import type { ItemHead, ListOptions } from "./types.ts";
import { checkId } from "./validate.ts";

export async function* listItems(library: Library, options: ListOptions): AsyncGenerator<ItemHead> {
  for await (const { head } of listPlaces(library, options)) yield head;
}

/**
 * The same with the place of each item's first row: good until the library is given time to change. Items not wanted are not looked at. An
 * item that is replaced meanwhile is listed as it is then.
 */
export async function* listPlaces(
  library: Library,
  options: ListOptions,
  isWanted: (firstRow: number) => boolean = () => true,
): AsyncGenerator<{ head: ItemHead; firstRow: number }> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  if (!(limit >= 0)) throw new MnemeError("RANGE", `list: limit must be 0 or more, got ${limit}`);
  if (options.prefix) checkId(options.prefix, "list: prefix");
  if (options.after) checkId(options.after, "list: after");
  await library.refresh();
  const now = Date.now();
  /** Rows from here on may have come after the filter was evaluated. */
  const since = library.counters.nextRow;
  const rows =
    options.where && (await library.gate.read(async () => matchingRows(library, options.where, now)));
  const test = options.where && compileWhere(options.where);
  let given = 0;
  for await (const page of idPages(library, firstId(options))) {
    if (given >= limit) return;
    for (const { id, entry } of page) {
      if (options.prefix !== undefined && !id.startsWith(options.prefix)) return;
      // since the page was read the item may have been replaced, and stands in other rows
      const firstRow = library.live.has(entry.firstRow)
        ? entry.firstRow
        : (await library.idEntries([id]))[0]?.firstRow;
      if (firstRow === undefined || !library.live.has(firstRow) || !isWanted(firstRow)) continue;
      if (firstRow < since && rows && !rows.has(firstRow)) continue;
      const head = await library.gate.read(async () => (await recordOf(library.placeOf(firstRow))).head);
      if (head.id !== id || isExpired(head, now)) continue;
      if (firstRow >= since && test) {
        const columns = columnsOf(head);
        if (!test((field) => (Object.hasOwn(columns, field) ? columns[field] : undefined))) continue;
      }
      yield { head, firstRow };
      if (++given >= limit) return;
    }
  }
}

/** The later of the prefix and the place right after `after`. */
function firstId({ prefix = "", after }: ListOptions): string {
  return after === undefined || after < prefix ? prefix : `${after}\0`;
}
