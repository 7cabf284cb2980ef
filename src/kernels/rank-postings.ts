/**
 * The best rows of several segments by posting lists, in one call of a kernel that threads may take off the caller's hands: what is found,
 * and the room that the walk needs, lie in kernel memory. Its plain twin: reference/postings.ts.
 */
import type { Region } from "./arena.ts";
import type { WasmPostings } from "./postings.ts";
import type { Scan } from "./scan.ts";
import type { WasmFace } from "./wasm.ts";

/** Ids of a segment's rows: base + row, or where they have gaps u32 of each in kernel memory. */
export interface RankedRows {
  readonly count: number;
  readonly base: number;
  readonly ids?: Region | undefined;
}

/** A segment whose lists a scorer holds. */
export interface RankedSegment<Scorer> {
  readonly scorer: Scorer;
  readonly rows: RankedRows;
  /** Bits of ids that may be found; absent: all. Ids beyond its end may not. */
  readonly allowed?: Uint32Array | undefined;
}

export interface RankWish {
  readonly k: number;
  /** Rows with a smaller f32 score are not wanted. */
  readonly minScore?: number | undefined;
  /** Only rows that come after this place in the order (score descending, id ascending). */
  readonly after?: { readonly score: number; readonly row: number } | undefined;
}

/** As the kernel has them: wasm/assembly/rank-postings.ts. */
const WINDOW = 2048;
const RECORD_WORDS = 12;
const K = 0;
const FOUND = 1;
const WORK_BYTES = 64;
const SUMS_AT = WORK_BYTES;
const ROWS_AT = SUMS_AT + WINDOW * 8;
const SCORES_AT = ROWS_AT + WINDOW * 4;
const FIXED_BYTES = SCORES_AT + WINDOW * 8;

const align = (bytes: number): number => (bytes + 15) & ~15;

/** Bytes of a limit: a head of 16 and a u32 for each bucket of scores. */
const LIMIT_BYTES = 16 + 2048 * 4;

/** What the rankers of one ranking tell each other: how many rows of which scores they found, and a score that at least k of them have. */
export class RankLimit implements Disposable {
  readonly #room: Region;

  constructor(face: WasmFace) {
    this.#room = face.arena.alloc(LIMIT_BYTES);
    this.begin();
  }

  get pointer(): number {
    return this.#room.pointer;
  }

  get bytes(): number {
    return this.#room.byteLength;
  }

  /** At least k rows have it, once the rankers ran. */
  get score(): number {
    return this.#room.f32()[0]!;
  }

  /** To be called before a ranking: nothing is known yet. */
  begin(): void {
    this.#room.u8().fill(0);
  }

  [Symbol.dispose](): void {
    this.#room[Symbol.dispose]();
  }
}

export class PostingRanker implements Disposable {
  readonly #face: WasmFace;
  #room: Region;
  /** Where the heap lies in the room. */
  #heap = 0;

  constructor(face: WasmFace) {
    this.#face = face;
    this.#room = face.arena.alloc(FIXED_BYTES);
    this.#room.u8().fill(0);
  }

  get bytes(): number {
    return this.#room.byteLength;
  }

  /** What ranks the segments, to be run once before `found`. They stay as they are until then. @param limit of all rankers of one ranking */
  prepare(segments: readonly RankedSegment<WasmPostings>[], wish: RankWish, limit: RankLimit): Scan {
    const lists = segments.reduce((most, { scorer }) => Math.max(most, scorer.loaded.lists), 0);
    const order = FIXED_BYTES;
    const bounds = order + align(lists * 4);
    this.#heap = bounds + align(lists * 8);
    const records = this.#heap + align(wish.k * 8);
    const bits = records + align(segments.length * RECORD_WORDS * 4);
    this.#grow(segments.reduce((sum, { rows, allowed }) => sum + (allowed ? bitBytes(rows) : 0), bits));
    const { pointer } = this.#room;
    const u32 = this.#room.u32();
    const scores = pointer + this.#heap;
    u32.set([wish.k, 0, scores, scores + wish.k * 4, pointer + SUMS_AT, pointer + ROWS_AT]);
    u32.set([pointer + SCORES_AT, pointer + order, pointer + bounds, wish.after?.row ?? 0], 6);
    this.#room.f64()[5] = wish.minScore ?? Number.NEGATIVE_INFINITY;
    this.#room.f64()[6] = wish.after?.score ?? Number.POSITIVE_INFINITY;
    u32[14] = limit.pointer;
    let free = bits;
    for (const [i, { scorer, rows, allowed }] of segments.entries()) {
      const { cursors, lists: count, lengths } = scorer.loaded;
      const first = firstId(rows);
      const at = allowed ? pointer + free : 0;
      u32.set(
        [cursors, count, rows.count, lengths, rows.base, rows.ids?.pointer ?? 0, at, first & 31, pointer],
        records / 4 + i * RECORD_WORDS,
      );
      if (!allowed) continue;
      copyBits(allowed, first >>> 5, u32.subarray(free / 4, (free + bitBytes(rows)) / 4));
      free += bitBytes(rows);
    }
    const args = [pointer + records, segments.length, 1];
    return { kernel: "rankPostings", count: 1, args, countAt: 2, steps: [0, 0, 0] };
  }

  /** Calls `visit` for each row of at least a score that was found, in any order. */
  found(least: number, visit: (score: number, row: number) => void): void {
    const u32 = this.#room.u32();
    const f32 = this.#room.f32();
    const scores = this.#heap / 4;
    const rows = scores + u32[K]!;
    for (let i = 0; i < u32[FOUND]!; i++)
      if (f32[scores + i]! >= least) visit(f32[scores + i]!, u32[rows + i]!);
  }

  [Symbol.dispose](): void {
    this.#room[Symbol.dispose]();
  }

  #grow(bytes: number): void {
    if (bytes <= this.#room.byteLength) return;
    this.#room[Symbol.dispose]();
    this.#room = this.#face.arena.alloc(Math.ceil(bytes * 1.5));
    this.#room.u8().fill(0);
  }
}

function firstId({ count, base, ids }: RankedRows): number {
  return ids && count > 0 ? ids.u32()[0]! : base;
}

/** Of the bits from the word of the first id to that of the last. */
function bitBytes(rows: RankedRows): number {
  const first = firstId(rows);
  const last = rows.ids && rows.count > 0 ? rows.ids.u32()[rows.count - 1]! : rows.base + rows.count;
  return align(((last >>> 5) - (first >>> 5) + 1) * 4);
}

function copyBits(words: Uint32Array, from: number, out: Uint32Array): void {
  const some = words.subarray(from, from + out.length);
  out.set(some);
  out.fill(0, some.length);
}
