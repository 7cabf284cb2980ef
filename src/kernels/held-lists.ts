/**
 * HeldLists: posting lists in kernel memory, opened once and kept for the queries to come: most words of any question were in one before.
 * Two generations: a list that is asked for again moves to the younger one, and when that is full the older one is let go. So a hit costs
 * a look at two numbers, nothing is fragmented, and what no query asks for is gone after two turns.
 */
import type { Region } from "./arena.ts";
import type { ListSource } from "./list-source.ts";
import { CURSOR_BYTES, DECODED_BYTES, POSTING_BLOCK, type RowStatistics } from "./postings.ts";
import type { WasmFace } from "./wasm.ts";

/** What stands before a list's table, in words: bytes of all, where its own bytes begin, how many they are. */
const ALL = 0;
const FROM = 1;
const LENGTH = 2;
const HEAD_BYTES = 16;
const TABLE_ENTRY_BYTES = 16;
/** Unpacking reads whole words beyond the end of a list, and up to 3 bytes more stand before and behind it. */
const PADDING = 24;

const LARGEST_CHUNK = 1 << 20;
const SMALLEST_CHUNK = 1 << 14;

/** Bounds hold for averages up to this times the one they were made for, so that every new row does not empty all. */
const AVERAGE_SLACK = 1.01;
/** With an average so much below it they are looser than they need be. */
const AVERAGE_LEAST = 0.95;

const align = (bytes: number): number => (bytes + 15) & ~15;

/** Lists that came or were asked for between two turns. */
interface Generation {
  readonly number: number;
  readonly chunks: Region[];
  /** Bytes in use of the last chunk, and of all. */
  last: number;
  used: number;
}

export class HeldLists implements Disposable {
  readonly #face: WasmFace;
  readonly #limitBytes: number;
  readonly #chunkBytes: number;
  readonly #resized: (bytes: number) => void;
  /** Oldest first; the last is the current one. */
  #generations: Generation[] = [{ number: 2, chunks: [], last: 0, used: 0 }];
  /** Generations of queries under way, a number each. */
  readonly #leased: number[] = [];
  /** What bounds were made for. */
  #basis: RowStatistics | undefined;
  /** A cursor and room for one block, for opening. */
  readonly #scratch: Region;
  #view: Uint32Array = new Uint32Array(0);

  /** @param resized told what is held, whenever that changes */
  constructor(face: WasmFace, limitBytes: number, resized: (bytes: number) => void = () => {}) {
    this.#face = face;
    this.#limitBytes = limitBytes;
    this.#chunkBytes = Math.min(LARGEST_CHUNK, Math.max(SMALLEST_CHUNK, align(limitBytes >>> 5)));
    this.#resized = resized;
    this.#scratch = face.arena.alloc(align(CURSOR_BYTES) + DECODED_BYTES);
  }

  get bytes(): number {
    return this.#generations.reduce(
      (sum, { chunks }) => chunks.reduce((all, { byteLength }) => all + byteLength, sum),
      0,
    );
  }

  /** What lists are put into now. */
  get generation(): number {
    return this.#current.number;
  }

  /** For as long as a query uses lists: those it is given from now on stay where they are. @param statistics of the index now */
  lease(statistics: RowStatistics): Disposable {
    if (!this.#fits(statistics)) {
      this.#basis = statistics;
      this.#turn(2);
    } else if (this.#current.used * 2 > this.#limitBytes) this.#turn(1);
    const generation = this.generation;
    this.#leased.push(generation);
    return {
      [Symbol.dispose]: () => {
        const at = this.#leased.indexOf(generation);
        if (at >= 0) this.#leased.splice(at, 1);
      },
    };
  }

  /** Whether lists given under a lease of this generation are still there. */
  holds(generation: number): boolean {
    return generation >= this.generation - 1;
  }

  /** Where a list given in this generation is now; 0 where it is no more. */
  renewed(list: number, generation: number): number {
    const now = this.generation;
    if (generation === now) return list;
    if (list === 0 || generation !== now - 1) return 0;
    const bytes = this.#words[list / 4 + ALL]!;
    const to = this.#room(bytes);
    this.#words.copyWithin(to / 4, list / 4, (list + bytes) / 4);
    return to;
  }

  /** Copies list `index` of `source`, of `count` postings, and opens it. @param lengths u16 terms of each row */
  put(source: ListSource, index: number, count: number, lengths: Region): number {
    const length = source.length(index);
    const table = Math.max(1, Math.ceil(count / POSTING_BLOCK)) * TABLE_ENTRY_BYTES;
    const bytes = align(HEAD_BYTES + table + length + PADDING);
    const list = this.#room(bytes);
    const words = this.#words;
    const from = HEAD_BYTES + table + source.copy(index, words, (list + HEAD_BYTES + table) / 4);
    words[list / 4 + ALL] = bytes;
    words[list / 4 + FROM] = from;
    words[list / 4 + LENGTH] = length;
    this.#open(list, count, lengths);
    return list;
  }

  /** Pointer to the bytes of a list. */
  bytesAt(list: number): number {
    return list + this.#words[list / 4 + FROM]!;
  }

  /** Pointer to its table. */
  tableAt(list: number): number {
    return list + HEAD_BYTES;
  }

  /** A list as it was put; borrowed for the call. */
  listBytes(list: number): Uint8Array {
    return new Uint8Array(this.#face.arena.buffer, this.bytesAt(list), this.#words[list / 4 + LENGTH]!);
  }

  /** Lets go of what no query under way was given. @returns bytes freed */
  clear(): number {
    const before = this.bytes;
    this.#turn(2);
    return before - this.bytes;
  }

  [Symbol.dispose](): void {
    this.#leased.length = 0;
    this.#turn(2);
    this.#scratch[Symbol.dispose]();
  }

  get #current(): Generation {
    return this.#generations.at(-1)!;
  }

  /** All of kernel memory. */
  get #words(): Uint32Array {
    const { buffer } = this.#face.arena;
    if (this.#view.buffer !== buffer) this.#view = new Uint32Array(buffer);
    return this.#view;
  }

  #fits({ average, k1, b }: RowStatistics): boolean {
    const basis = this.#basis;
    if (!basis || basis.k1 !== k1 || basis.b !== b) return false;
    return average <= basis.average * AVERAGE_SLACK && average >= basis.average * AVERAGE_LEAST;
  }

  /** @param by 2: nothing that is there counts any more */
  #turn(by: 1 | 2): void {
    const number = this.generation + by;
    const wanted = Math.min(number, ...this.#leased) - 1;
    const [kept, dropped]: [Generation[], Generation[]] = [[], []];
    for (const each of this.#generations) (each.number >= wanted ? kept : dropped).push(each);
    for (const { chunks } of dropped) for (const chunk of chunks) chunk[Symbol.dispose]();
    this.#generations = [...kept, { number, chunks: [], last: 0, used: 0 }];
    this.#resized(this.bytes);
  }

  /** Room for a list in the current generation. */
  #room(bytes: number): number {
    const current = this.#current;
    const chunk = current.chunks.at(-1);
    current.used += bytes;
    if (chunk && current.last + bytes <= chunk.byteLength) {
      current.last += bytes;
      return chunk.pointer + current.last - bytes;
    }
    const fresh = this.#face.arena.alloc(Math.max(bytes, this.#chunkBytes));
    current.chunks.push(fresh);
    current.last = bytes;
    this.#resized(this.bytes);
    return fresh.pointer;
  }

  #open(list: number, count: number, lengths: Region): void {
    const { k1, b, average } = this.#basis!;
    const { pointer } = this.#scratch;
    const u32 = this.#scratch.u32();
    const f64 = this.#scratch.f64();
    u32[0] = this.bytesAt(list);
    u32[1] = count;
    u32[2] = this.tableAt(list);
    u32[6] = pointer + align(CURSOR_BYTES);
    f64[4] = k1 * (1 - b);
    f64[5] = (k1 * b) / (average * AVERAGE_SLACK);
    this.#face.instance.exports.openPostings(pointer, lengths.pointer);
  }
}
