/** list: headers of items in the order of their ids. */
import { MnemeError } from "../errors.ts";
import { decodeIdEntry, NS } from "./layout.ts";
import type { Library } from "./library.ts";
import { isExpired, recordOf } from "./read-item.ts";
import { matchingRows } from "./select.ts";
import type { ItemHead, ListOptions } from "./types.ts";

/** Ids read ahead of the headers, so that a store is not iterated across an await. */
const PAGE_IDS = 256;

export async function* listItems(library: Library, options: ListOptions): AsyncGenerator<ItemHead> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  if (!(limit >= 0)) throw new MnemeError("RANGE", `list: limit must be 0 or more, got ${limit}`);
  await library.refresh();
  const now = Date.now();
  const rows = options.where && matchingRows(library, options.where, now);
  let given = 0;
  for (let start = firstId(options); given < limit; ) {
    const page = await idPage(library, start, options.prefix);
    for (const { id, firstRow } of page) {
      if ((rows && !rows.has(firstRow)) || !library.live.has(firstRow)) continue;
      const head = await library.gate.read(async () => (await recordOf(library.placeOf(firstRow))).head);
      if (head.id !== id || isExpired(head, now)) continue;
      yield head;
      if (++given >= limit) return;
    }
    if (page.length < PAGE_IDS) return;
    start = `${page.at(-1)!.id}\0`;
  }
}

/** The later of the prefix and the place right after `after`. */
function firstId({ prefix = "", after }: ListOptions): string {
  return after === undefined || after < prefix ? prefix : `${after}\0`;
}

async function idPage(
  library: Library,
  start: string,
  prefix: string | undefined,
): Promise<{ id: string; firstRow: number }[]> {
  const page: { id: string; firstRow: number }[] = [];
  const range = start === "" ? { limit: PAGE_IDS } : { start: [start], limit: PAGE_IDS };
  for await (const { key, value } of library.store.range(NS.ids, range)) {
    const id = String(key[0]);
    if (prefix !== undefined && !id.startsWith(prefix)) break;
    page.push({ id, firstRow: decodeIdEntry(value).firstRow });
  }
  return page;
}
