/**
 * Posting lists in a store. Of each list one value with what every search of it needs, ids and coarse codes, and pages of fine codes, of which
 * a search reads those that survivors lie on. Each value has the store's checksum and the number of the build that it belongs to.
 */
import { MnemeError } from "../../../errors.ts";
import type { Batch, Key, MaybePromise, ReadableStore } from "../../../storage/store.ts";
import { BLOCK_ROWS } from "./coarse-codes.ts";
import type { ListCoder } from "./list-codes.ts";

export const NAMESPACE = "spann";
/** What of a page of the disk store is left for a value: 4096 less the page's header and the checksum. */
const PAGE_VALUE = 4064;
export const PAGE = 4096;
/** u32 build, u32 rows. */
const HEADER = 8;

/** A value that takes longer came from a disk: several are then waited for at once. What is in RAM takes a twentieth. */
const SLOW_MS = 0.1;
/** So many slow batches in a row are a disk: a single one may be a thread that was not let run. */
const SLOW_BATCHES = 2;
/** Batches that are read ahead after those. */
const READ_AHEAD = 8;

/** Where the parts of a list's value begin. */
export const idsAt = HEADER;
export const blocksAt = (rows: number): number => (HEADER + rows * 4 + 15) & ~15;

export class PostingShape {
  readonly coder: ListCoder;
  /** Rows of a list at most. */
  readonly limit: number;
  /** Rows of a page of fine codes. */
  readonly pageRows: number;

  constructor(coder: ListCoder, limit: number) {
    this.coder = coder;
    this.limit = limit;
    this.pageRows = Math.max(1, Math.floor((PAGE_VALUE - HEADER) / coder.fineBytes));
  }

  listBytes(rows: number): number {
    return bytesOf(rows, this.coder.coarseBytes);
  }

  get finePageBytes(): number {
    return HEADER + this.pageRows * this.coder.fineBytes;
  }

  /** Pages of fine codes of a list. */
  finePages(rows: number): number {
    return Math.ceil(rows / this.pageRows);
  }

  /** Pages of the disk store that a list's value takes. */
  listPages(rows: number): number {
    return Math.ceil(this.listBytes(rows) / PAGE_VALUE);
  }

  /** Where in a page of fine codes a row of the list begins. */
  fineAt(place: number): number {
    return HEADER + (place % this.pageRows) * this.coder.fineBytes;
  }
}

/** Rows of a list such that its value fills `pages` pages. @param rowBytes of a row's coarse codes */
export function rowsOfPages(rowBytes: number, pages: number): number {
  let rows = 1;
  while (bytesOf(rows + 1, rowBytes) <= pages * PAGE_VALUE) rows++;
  return rows;
}

const bytesOf = (rows: number, rowBytes: number): number =>
  blocksAt(rows) + blocksOf(rows) * BLOCK_ROWS * rowBytes;

export interface ListValue {
  readonly ids: Uint32Array;
  readonly coarse: Uint8Array;
  readonly fine: Uint8Array;
}

/** What a list is in the store: one value, absent where it has no rows, and pages of fine codes, those that differ from what is there. */
export interface ListValues {
  readonly list: number;
  readonly rows: number;
  readonly value: Uint8Array | undefined;
  readonly pages: readonly (readonly [number, Uint8Array])[];
  /** Rows that it had before. */
  readonly before: number;
}

/** What of a list can be read. */
export interface Sound {
  /** Absent where they cannot be trusted. */
  readonly ids: Uint32Array | undefined;
  /** Numbers of pages of fine codes. */
  readonly pages: ReadonlySet<number>;
}

/** Takes a value that is borrowed until it returns. */
export type Take = (value: Uint8Array, index: number) => void;

type Visit = (value: Uint8Array | undefined, index: number) => void;

export class Postings {
  readonly shape: PostingShape;
  readonly #store: ReadableStore;
  readonly #name: string;
  readonly #build: number;
  /** Values on their way to the store, by their keys. */
  readonly #held = new Map<string, Uint8Array>();
  /** Slow batches one after the other. */
  #slow = 0;
  /** Batches to come that are read ahead. */
  #ahead = 0;

  constructor(store: ReadableStore, name: string, build: number, shape: PostingShape) {
    this.#store = store;
    this.#name = name;
    this.#build = build;
    this.shape = shape;
  }

  /** Puts a list in place of what was there under its number. @param before rows that it had */
  put(batch: Batch, list: number, value: ListValue, before = 0): void {
    this.write(batch, this.values(list, value, before));
  }

  /** A list as values of the store. @param before rows that it had */
  values(list: number, { ids, coarse, fine }: ListValue, before: number): ListValues {
    const { coder, pageRows } = this.shape;
    const value = new Uint8Array(this.shape.listBytes(ids.length));
    const words = new DataView(value.buffer);
    words.setUint32(0, this.#build, true);
    words.setUint32(4, ids.length, true);
    for (let i = 0; i < ids.length; i++) words.setUint32(idsAt + i * 4, ids[i]!, true);
    value.set(coarse, blocksAt(ids.length));
    const pages: [number, Uint8Array][] = [];
    const step = pageRows * coder.fineBytes;
    for (let page = 0; page < this.shape.finePages(ids.length); page++)
      pages.push([page, this.#finePage(fine.subarray(page * step, (page + 1) * step))]);
    return { list, rows: ids.length, value: ids.length > 0 ? value : undefined, pages, before };
  }

  /** The same list with rows behind those that it has. @param coarse blocks of those */
  appended(
    list: number,
    before: number,
    ids: readonly number[],
    coarse: Uint8Array,
    fine: Uint8Array,
  ): ListValues {
    const { coder, pageRows } = this.shape;
    const rows = before + ids.length;
    const value = new Uint8Array(this.shape.listBytes(rows));
    this.#readLocal(this.#listKey(list), (old) => {
      this.#checkList(old, list, before);
      value.set(old!.subarray(0, idsAt + before * 4));
      value.set(old!.subarray(blocksAt(before)), blocksAt(rows));
    });
    const words = new DataView(value.buffer);
    words.setUint32(4, rows, true);
    const blocks = value.subarray(blocksAt(rows));
    ids.forEach((id, i) => {
      words.setUint32(idsAt + (before + i) * 4, id, true);
      coder.putRow(blocks, before + i, coarse, i);
    });
    const first = Math.floor(before / pageRows);
    const held = (before - first * pageRows) * coder.fineBytes;
    const pages: [number, Uint8Array][] = [];
    const step = pageRows * coder.fineBytes;
    for (let at = -held, page = first; at < fine.length; at += step, page++) {
      const from = Math.max(0, at);
      const bytes = this.#finePage(fine.subarray(from, at + step), from - at);
      if (from > at)
        this.#readLocal(this.#fineKey(list, page), (old) => {
          this.#checkBuild(old, () => `page ${page} of list ${list}`);
          bytes.set(old!.subarray(HEADER, HEADER + held), HEADER);
        });
      pages.push([page, bytes]);
    }
    return { list, rows, value, pages, before };
  }

  /** @param at bytes before the codes, for others */
  #finePage(codes: Uint8Array, at = 0): Uint8Array {
    const bytes = new Uint8Array(HEADER + at + codes.length);
    new DataView(bytes.buffer).setUint32(0, this.#build, true);
    bytes.set(codes, HEADER + at);
    return bytes;
  }

  write(batch: Batch, { list, rows, value, pages, before }: ListValues): void {
    if (value) batch.put(NAMESPACE, this.#listKey(list), value);
    else batch.delete(NAMESPACE, this.#listKey(list));
    for (const [page, bytes] of pages) batch.put(NAMESPACE, this.#fineKey(list, page), bytes);
    for (let page = this.shape.finePages(rows); page < this.shape.finePages(before); page++)
      batch.delete(NAMESPACE, this.#fineKey(list, page));
  }

  /** From now on lists are read as these values have them: they are on their way to the store. */
  hold(values: readonly ListValues[]): void {
    for (const { list, value, pages } of values) {
      if (value) this.#held.set(this.#listKey(list).join(), value);
      for (const [page, bytes] of pages) this.#held.set(this.#fineKey(list, page).join(), bytes);
    }
  }

  /** All that was held is in the store. */
  release(): void {
    this.#held.clear();
  }

  /** Numbers of a list's rows, owned, where the store is local. @throws MnemeError CORRUPT, VERSION */
  readIds(list: number, rows: number): Uint32Array {
    const ids = new Uint32Array(rows);
    this.#readLocal(this.#listKey(list), (value) => {
      this.#checkList(value, list, rows);
      for (let i = 0; i < rows; i++) ids[i] = wordAt(value!, idsAt + i * 4);
    });
    return ids;
  }

  /** Rows that a list has by its own value: none where that cannot be trusted. */
  async storedRows(list: number): Promise<number> {
    try {
      const [value] = await this.#store.getMany(NAMESPACE, [this.#listKey(list)]);
      if (!value) return 0;
      const rows = value.length < HEADER ? 0 : wordAt(value, 4);
      this.#checkList(value, list, rows);
      return rows;
    } catch (error) {
      if (isDamage(error)) return 0;
      throw error;
    }
  }

  /** Fine codes of a page, owned, where the store is local. @throws MnemeError CORRUPT, VERSION */
  readPage(list: number, page: number): Uint8Array {
    let codes = new Uint8Array(0);
    this.#readLocal(this.#fineKey(list, page), (value) => {
      this.#checkBuild(value, () => `page ${page} of list ${list}`);
      codes = value!.slice(HEADER);
    });
    return codes;
  }

  /** What of a list can be read, where the store is local. */
  soundOf(list: number, rows: number): Sound {
    const ids = unlessDamaged(() => this.readIds(list, rows));
    const pages = new Set<number>();
    const { pageRows, coder } = this.shape;
    for (let page = 0; page < this.shape.finePages(rows); page++) {
      const codes = unlessDamaged(() => this.readPage(list, page));
      if (codes?.length === Math.min(pageRows, rows - page * pageRows) * coder.fineBytes) pages.add(page);
    }
    return { ids, pages };
  }

  /** A list, owned: to change it. @throws MnemeError CORRUPT, VERSION */
  async readWhole(list: number, rows: number): Promise<ListValue> {
    const ids = new Uint32Array(rows);
    const coarse = new Uint8Array(this.shape.coder.blockBytes(rows));
    await this.readLists([list], [rows], (value) => {
      const words = new DataView(value.buffer, value.byteOffset, value.byteLength);
      for (let i = 0; i < rows; i++) ids[i] = words.getUint32(idsAt + i * 4, true);
      coarse.set(value.subarray(blocksAt(rows)));
    });
    const fine = new Uint8Array(rows * this.shape.coder.fineBytes);
    await this.readAllFine(list, rows, (codes, at) => fine.set(codes, at));
    return { ids, coarse, fine };
  }

  /** All fine codes of a list, piece by piece: borrowed until `take` returns, with where they begin. @throws MnemeError CORRUPT, VERSION */
  readAllFine(list: number, rows: number, take: (codes: Uint8Array, at: number) => void): MaybePromise<void> {
    const pages = Array.from({ length: this.shape.finePages(rows) }, (_, page) => page);
    const lists = pages.map(() => list);
    const pageBytes = this.shape.pageRows * this.shape.coder.fineBytes;
    return this.readFine(lists, pages, (value, page) => take(value.subarray(HEADER), page * pageBytes));
  }

  /**
   * Values of some lists, in one batch. @param rows that each has, as the directory says
   * @throws MnemeError CORRUPT naming the list, VERSION where it is another build's
   */
  readLists(lists: readonly number[], rows: readonly number[], take: Take): MaybePromise<void> {
    const keys = lists.map((list) => this.#listKey(list));
    return this.#read(keys, (value, i) => {
      this.#checkList(value, lists[i]!, rows[i]!);
      take(value!, i);
    });
  }

  /** Pages of fine codes, in one batch. @throws MnemeError CORRUPT, VERSION */
  readFine(lists: readonly number[], pages: readonly number[], take: Take): MaybePromise<void> {
    const keys = lists.map((list, i) => this.#fineKey(list, pages[i]!));
    return this.#read(keys, (value, i) => {
      this.#checkBuild(value, () => `page ${pages[i]} of list ${lists[i]}`);
      take(value!, i);
    });
  }

  #read(keys: readonly Key[], take: Visit): MaybePromise<void> {
    if (this.#held.size === 0) return this.#readStored(keys, take);
    const rest: number[] = [];
    keys.forEach((key, i) => {
      const held = this.#held.get(key.join());
      if (held) take(held, i);
      else rest.push(i);
    });
    return this.#readStored(
      rest.map((i) => keys[i]!),
      (value, j) => take(value, rest[j]!),
    );
  }

  /** Of a store that can be written, whose reads are synchronous. */
  #readLocal(key: Key, take: (value: Uint8Array | undefined) => void): void {
    const held = this.#held.get(key.join());
    if (held) take(held);
    else void this.#readNow([key], take);
  }

  #readStored(keys: readonly Key[], take: Visit): MaybePromise<void> {
    if (keys.length === 0) return;
    if (this.#ahead > 0 && this.#store.readAhead) {
      this.#ahead--;
      return this.#store.readAhead(NAMESPACE, keys).then(() => this.#readNow(keys, take));
    }
    const started = performance.now();
    const reading = this.#readNow(keys, take);
    this.#slow = performance.now() - started > SLOW_MS * keys.length ? this.#slow + 1 : 0;
    if (this.#slow >= SLOW_BATCHES) {
      this.#ahead = READ_AHEAD;
      this.#slow = SLOW_BATCHES - 1;
    }
    return reading;
  }

  #readNow(keys: readonly Key[], take: Visit): MaybePromise<void> {
    if (this.#store.visitMany) return this.#store.visitMany(NAMESPACE, keys, take);
    const found = this.#store.getMany(NAMESPACE, keys);
    if (Array.isArray(found)) found.forEach(take);
    else return found.then((values) => values.forEach(take));
  }

  #checkList(value: Uint8Array | undefined, list: number, rows: number): void {
    this.#checkBuild(value, () => `list ${list}`);
    const held = wordAt(value!, 4);
    if (held === rows && value!.length === this.shape.listBytes(rows)) return;
    throw this.#damaged(`list ${list}`, `holds ${held} rows in ${value!.length} bytes, expected ${rows}`);
  }

  #checkBuild(value: Uint8Array | undefined, what: () => string): void {
    if (!value || value.length < HEADER) throw this.#damaged(what(), "is missing");
    const build = wordAt(value, 0);
    if (build === this.#build) return;
    throw new MnemeError(
      "VERSION",
      `spann "${this.#name}": ${what()} is of build ${build}, the heads are of build ${this.#build}; build the index again`,
    );
  }

  #damaged(what: string, why: string): MnemeError {
    return new MnemeError(
      "CORRUPT",
      `spann "${this.#name}": ${what} ${why}; repair the index, restore a snapshot or build it again`,
      { details: { index: this.#name } },
    );
  }

  #listKey(list: number): Key {
    return [this.#name, "list", list];
  }

  #fineKey(list: number, page: number): Key {
    return [this.#name, "fine", list, page];
  }
}

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** Whether an error says that what was read cannot be trusted. */
export const isDamage = (error: unknown): boolean =>
  error instanceof MnemeError && (error.code === "CORRUPT" || error.code === "VERSION");

const wordAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

/** Blocks of a list of `rows` rows. */
export const blocksOf = (rows: number): number => Math.ceil(rows / BLOCK_ROWS);
