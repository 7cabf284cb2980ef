/**
 * Long byte strings as numbered pages under [...key, pageNumber], so that ranges of them can be read and replaced without the
 * rest. Not a cache: every read goes to the store.
 */
import { MnemeError } from "../errors.ts";
import type { Batch, Key, MaybePromise, ReadableStore } from "./store.ts";

/**
 * The largest value that fills exactly 16 pages of 4096 bytes in the disk store: 65,536 less 24 (LMDB's page header) and 8 (our
 * checksum). One byte more would take a 17th page. A multiple of 32.
 */
export const PAGE_BYTES = 65_504;

/** Replaces whatever stood under `key` by `bytes`. The last page is short; no bytes, no page. @returns pages written */
export function writePages(
  batch: Batch,
  namespace: string,
  key: Key,
  bytes: Uint8Array,
  pageBytes: number = PAGE_BYTES,
): number {
  checkPageBytes(pageBytes);
  batch.deletePrefix(namespace, key);
  const pages = Math.ceil(bytes.length / pageBytes);
  for (let page = 0; page < pages; page++)
    batch.put(namespace, [...key, page], bytes.subarray(page * pageBytes, (page + 1) * pageBytes));
  return pages;
}

/**
 * Bytes start (inclusive) to end (exclusive), owned. Synchronous where the store is.
 * @throws MnemeError RANGE for bounds out of order, CORRUPT where a page is missing or shorter than the range needs.
 */
export function readPages(
  store: ReadableStore,
  namespace: string,
  key: Key,
  start: number,
  end: number,
  pageBytes: number = PAGE_BYTES,
): MaybePromise<Uint8Array> {
  checkPageBytes(pageBytes);
  if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end))
    throw new MnemeError(
      "RANGE",
      `readPages: bytes ${start} to ${end}, need whole numbers with 0 <= start <= end`,
    );
  const first = Math.floor(start / pageBytes);
  const count = Math.ceil(end / pageBytes) - first;
  const keys = Array.from({ length: Math.max(0, count) }, (_, i): Key => [...key, first + i]);
  const join = (pages: readonly (Uint8Array | undefined)[]): Uint8Array =>
    joinPages(pages, keys, `${store.location}: ${namespace}`, first, start, end, pageBytes);
  const found = store.getMany(namespace, keys);
  return Array.isArray(found) ? join(found) : found.then(join);
}

function joinPages(
  pages: readonly (Uint8Array | undefined)[],
  keys: readonly Key[],
  where: string,
  first: number,
  start: number,
  end: number,
  pageBytes: number,
): Uint8Array {
  const whole = new Uint8Array(end - start);
  pages.forEach((page, i) => {
    const base = (first + i) * pageBytes;
    const from = Math.max(start - base, 0);
    const to = Math.min(end - base, pageBytes);
    if (!page || page.length < to)
      throw new MnemeError(
        "CORRUPT",
        `readPages: ${where}/${JSON.stringify(keys[i])} holds ${page?.length ?? "no"} bytes, ${to} are needed`,
      );
    whole.set(page.subarray(from, to), base + from - start);
  });
  return whole;
}

function checkPageBytes(pageBytes: number): void {
  if (!Number.isInteger(pageBytes) || pageBytes < 1)
    throw new MnemeError("RANGE", `pages: page size ${pageBytes}, need a positive whole number of bytes`);
}
