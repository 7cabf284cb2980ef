/** Rows that an index holds, one bit each: what was deleted may still lie in lists until they are cleaned. Stored in pages, written where changed. */
import { PAGE_BYTES, readPages, writePages } from "../../../storage/pages.ts";
import type { Batch, Key, ReadableStore } from "../../../storage/store.ts";
import { RowSet } from "../../row-set.ts";
import { NAMESPACE } from "./postings.ts";

const PAGE_ROWS = PAGE_BYTES * 8;

export class LiveRows {
  readonly #key: Key;
  readonly #rows: RowSet;
  #lastRow: number;
  /** Pages that differ from what is stored. */
  readonly #changed = new Set<number>();

  private constructor(name: string, rows: RowSet, lastRow: number) {
    this.#key = [name, "rows"];
    this.#rows = rows;
    this.#lastRow = lastRow;
  }

  /** An index that is built: all pages are to be written. @param ids of its rows, in any order */
  static of(name: string, ids: Iterable<number>): LiveRows {
    const rows = new LiveRows(name, new RowSet(), -1);
    for (const id of ids) rows.add(id);
    return rows;
  }

  /** @throws MnemeError CORRUPT */
  static async read(store: ReadableStore, name: string, lastRow: number): Promise<LiveRows> {
    const bytes = await readPages(store, NAMESPACE, [name, "rows"], 0, liveBytes(lastRow));
    return new LiveRows(name, RowSet.fromBytes(bytes), lastRow);
  }

  /** Of which something may be missing. @param bytes zeros where it is */
  static left(name: string, bytes: Uint8Array, lastRow: number): LiveRows {
    return new LiveRows(name, RowSet.fromBytes(bytes), lastRow);
  }

  /** How many there are. */
  get count(): number {
    return this.#rows.count;
  }

  /** Rows [from, to) are written with the next change, whether they differ or not. */
  touch(from: number, to: number): void {
    for (let page = pageOf(from); page * PAGE_ROWS < to; page++) this.#changed.add(page);
  }

  get bytes(): number {
    return this.#rows.bytes;
  }

  get lastRow(): number {
    return this.#lastRow;
  }

  has(row: number): boolean {
    return this.#rows.has(row);
  }

  add(row: number): void {
    this.#rows.add(row);
    // pages between, which hold no row, are there too
    for (let page = pageOf(Math.max(0, this.#lastRow)); page <= pageOf(row); page++) this.#changed.add(page);
    this.#changed.add(pageOf(row));
    this.#lastRow = Math.max(this.#lastRow, row);
  }

  /** @returns whether it was there */
  delete(row: number): boolean {
    if (!this.#rows.has(row)) return false;
    this.#rows.delete(row);
    this.#changed.add(pageOf(row));
    return true;
  }

  /** Those of the rows that are not in `other`, ascending. */
  without(other: RowSet): Uint32Array {
    return Uint32Array.from(this.#rows.andNot(other));
  }

  write(batch: Batch): void {
    const { words } = this.#rows;
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    const end = liveBytes(this.#lastRow);
    for (const page of this.#changed) {
      const [from, to] = [page * PAGE_BYTES, Math.min(end, (page + 1) * PAGE_BYTES)];
      // a copy: the set may change before it is written; it may be shorter than what is stored of it
      const some = new Uint8Array(Math.max(0, to - from));
      some.set(bytes.subarray(from, to));
      writePages(batch, NAMESPACE, this.#key, some, page);
    }
    this.#changed.clear();
  }
}

const pageOf = (row: number): number => Math.floor(row / PAGE_ROWS);

/** Bytes of the set of rows as it is stored. */
export const liveBytes = (lastRow: number): number => ((lastRow >>> 5) + 1) * 4;
