/** The ids of a library in their order, a page at a time: the store is never iterated across a pause, and long lists let others in between. */
import { decodeIdEntry, type IdEntry, NS } from "./layout.ts";
import type { Library } from "./library.ts";

const PAGE_IDS = 256;

export interface IdAndEntry {
  readonly id: string;
  readonly entry: IdEntry;
}

/** Ids from `start` on, before `end`. */
export async function* idPages(
  { store }: Pick<Library, "store">,
  start = "",
  end?: string,
): AsyncGenerator<readonly IdAndEntry[]> {
  for (let from = start; ; ) {
    const page: IdAndEntry[] = [];
    const bounds = { start: [from], limit: PAGE_IDS, ...(end === undefined ? {} : { end: [end] }) };
    const entries = store.range(NS.ids, bounds);
    const take = (key: unknown, value: Uint8Array): number =>
      page.push({ id: String(key), entry: decodeIdEntry(value) });
    if (Symbol.iterator in entries) for (const { key, value } of entries) take(key[0], value);
    else for await (const { key, value } of entries) take(key[0], value);
    yield page;
    if (page.length < PAGE_IDS) return;
    from = `${page.at(-1)!.id}\0`;
  }
}
