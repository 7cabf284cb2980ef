/** list: headers of items in the order of their ids. */
import { MnemeError } from "../errors.ts";
import { idPages } from "./id-pages.ts";
import type { Library } from "./library.ts";
import { isExpired, recordOf } from "./read-item.ts";
import { matchingRows } from "./select.ts";
import type { ItemHead, ListOptions } from "./types.ts";

export async function* listItems(library: Library, options: ListOptions): AsyncGenerator<ItemHead> {
  for await (const { head } of listPlaces(library, options)) yield head;
}

/** The same with the place of each item's first row: good until the library is given time to change. Items not wanted are not looked at. */
export async function* listPlaces(
  library: Library,
  options: ListOptions,
  isWanted: (firstRow: number) => boolean = () => true,
): AsyncGenerator<{ head: ItemHead; firstRow: number }> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  if (!(limit >= 0)) throw new MnemeError("RANGE", `list: limit must be 0 or more, got ${limit}`);
  await library.refresh();
  const now = Date.now();
  const rows = options.where && matchingRows(library, options.where, now);
  let given = 0;
  for await (const page of idPages(library, firstId(options))) {
    if (given >= limit) return;
    for (const { id, entry } of page) {
      if (options.prefix !== undefined && !id.startsWith(options.prefix)) return;
      const { firstRow } = entry;
      if ((rows && !rows.has(firstRow)) || !library.live.has(firstRow) || !isWanted(firstRow)) continue;
      const head = await library.gate.read(async () => (await recordOf(library.placeOf(firstRow))).head);
      if (head.id !== id || isExpired(head, now)) continue;
      yield { head, firstRow };
      if (++given >= limit) return;
    }
  }
}

/** The later of the prefix and the place right after `after`. */
function firstId({ prefix = "", after }: ListOptions): string {
  return after === undefined || after < prefix ? prefix : `${after}\0`;
}
