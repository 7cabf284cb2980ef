/** What each page of an LMDB file is for: nothing yet, in use, or free. Finds pages that are used twice, or free while used. */
import type { LmdbFile } from "./lmdb-file.ts";
import { u64 } from "./lmdb-format.ts";

const UNSEEN = 0;
const USED = 1;
const FREE = 2;

export class PageMap {
  readonly #file: LmdbFile;
  readonly #pageSize: number;
  readonly #seen: Uint8Array;

  /** `pages` of the file, the first two of which are its meta pages. */
  constructor(file: LmdbFile, pages: number, pageSize: number) {
    this.#file = file;
    this.#pageSize = pageSize;
    this.#seen = new Uint8Array(pages);
    this.#seen.fill(USED, 0, 2);
  }

  /** @throws MnemeError CORRUPT where the run leaves the file or meets pages in use. */
  use(page: number, count: number): void {
    const file = this.#file;
    if (page < 2 || count < 1 || page + count > this.#seen.length)
      file.fail(`a reference to pages ${page} + ${count} of ${this.#seen.length}`);
    if ((page + count) * this.#pageSize > file.bytes)
      file.fail(`cut off at ${file.bytes} bytes, page ${page + count - 1} is missing`);
    for (let i = page; i < page + count; i++) {
      if (this.#seen[i] !== UNSEEN) file.fail(`page ${i} is used twice`);
      this.#seen[i] = USED;
    }
  }

  /** Free pages may lie beyond the end of the file. @returns `run` */
  free(page: number, run: number): number {
    if (page < 2 || page + run > this.#seen.length)
      this.#file.fail(`its free list holds pages ${page} + ${run}`);
    for (let i = page; i < page + run; i++) {
      if (this.#seen[i] !== UNSEEN) this.#file.fail(`page ${i} is free and in use`);
      this.#seen[i] = FREE;
    }
    return run;
  }
}

/** Each list: a count, then page numbers; -n before one makes it a run of n pages; zeros are empty slots. @returns pages. */
export function checkFreeLists(file: LmdbFile, map: PageMap, lists: readonly Uint8Array[]): number {
  let freed = 0;
  for (const list of lists) {
    const view = new DataView(list.buffer, list.byteOffset, list.length);
    const count = list.length >= 8 && list.length % 8 === 0 ? u64(view, 0) : -1;
    if (count < 0 || count >= list.length / 8) file.fail("a list of free pages has a wrong length");
    for (let i = 1; i <= count; i++) {
      let run = 1;
      if (view.getInt32(8 * i + 4, true) < 0) {
        run = -Number(view.getBigInt64(8 * i, true));
        if (++i > count) file.fail("a list of free pages ends within a run");
      }
      const page = u64(view, 8 * i);
      if (page !== 0 || run > 1) freed += map.free(page, run);
    }
  }
  return freed;
}
