/**
 * Long byte strings as numbered pages under [...key, pageNumber], so that ranges of them can be read without the rest. Not a cache:
 * every read goes to the store.
 */
import { MnemeError } from "../errors.ts";
import { Pacer } from "../pacer.ts";
import type { Batch, Key, MaybePromise, ReadableStore } from "./store.ts";

/**
 * The largest value that fills exactly 4 pages of 4096 bytes in the disk store: 16,384 less 24 (LMDB's page header) and 8 (our
 * checksum). One byte more would take a fifth page. A multiple of 32.
 */
export const PAGE_BYTES = 16_352;

/** Pages read between two looks at the clock. */
const READ_PAGES = 64;

/** Puts `bytes` as the pages from number `firstPage` on. The last page is short; no bytes, no page. */
export function writePages(
  batch: Batch,
  namespace: string,
  key: Key,
  bytes: Uint8Array,
  firstPage = 0,
): void {
  for (let at = 0; at < bytes.length; at += PAGE_BYTES)
    batch.put(namespace, [...key, firstPage + at / PAGE_BYTES], bytes.subarray(at, at + PAGE_BYTES));
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
): MaybePromise<Uint8Array<ArrayBuffer>> {
  if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end))
    throw new MnemeError(
      "RANGE",
      `readPages: bytes ${start} to ${end}, need whole numbers with 0 <= start <= end`,
    );
  const whole = new Uint8Array(end - start);
  const first = Math.floor(start / PAGE_BYTES);
  const keys = pageKeys(key, first, Math.ceil(end / PAGE_BYTES));
  const join = (pages: readonly (Uint8Array | undefined)[]): Uint8Array<ArrayBuffer> => {
    pages.forEach((page, i) => {
      const base = (first + i) * PAGE_BYTES;
      const from = Math.max(start - base, 0);
      const to = Math.min(end - base, PAGE_BYTES);
      if (!page || page.length < to) lacking(store, namespace, keys[i]!, page, to);
      whole.set(page.subarray(from, to), base + from - start);
    });
    return whole;
  };
  const found = store.getMany(namespace, keys);
  return Array.isArray(found) ? join(found) : found.then(join);
}

/** A whole string of `size` bytes, owned, read in many short turns. @throws MnemeError CORRUPT as readPages does. */
export async function readWhole(
  store: ReadableStore,
  namespace: string,
  key: Key,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(size);
  const pacer = new Pacer();
  const step = READ_PAGES * PAGE_BYTES;
  for (let at = 0; at < size; at += step) {
    whole.set(await readPages(store, namespace, key, at, Math.min(size, at + step)), at);
    if (pacer.isDue) await pacer.pause();
  }
  return whole;
}

/** Keys of the pages from number `first` to before number `end`. */
function pageKeys(key: Key, first: number, end: number): Key[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i): Key => [...key, first + i]);
}

function lacking(
  store: ReadableStore,
  namespace: string,
  key: Key,
  page: Uint8Array | undefined,
  needed: number,
): never {
  throw new MnemeError(
    "CORRUPT",
    `${store.location}: ${namespace}/${JSON.stringify(key)} holds ${page?.length ?? "no"} bytes, ${needed} are needed; ` +
      "restore a snapshot or index again",
  );
}
