/**
 * Scoring the best rows again by their fine codes, a few at a time, for as long as one that comes may still be among the best. Many queries
 * do it in step: the rows that they want next are read in the order of the file, one that several want or that lies near another with it.
 */
import { MnemeError } from "../../../errors.ts";
import { kernels, RowScorer } from "../../../kernels/index.ts";
import type { TopK } from "../../top-k.ts";
import { fineRowBytes } from "./encode.ts";
import type { FineRows } from "./fine-rows.ts";

/** Rows that a query reads at once, behind the first ones. */
const CHUNK = 8;
/** Bytes read at once, at most, where a row is not longer. */
const MOST_READ = 1 << 15;
/** Keys of wanted rows are a slot above and a place in the lists below. */
const PLACES = 2 ** 21;

/** What a search named: lists of as many places a query, estimates descending. */
export interface Named {
  readonly slots: Uint32Array;
  readonly scores: Float32Array;
  /** Where the queries lie as `RowScorer` takes them. */
  readonly prepared: number;
}

/** Of the rows that there are. */
export interface FineShape {
  /** Values of a row. */
  readonly dim: number;
  readonly rows: number;
  /** Bits of a value. */
  readonly bits: number;
  /** So many standard deviations above the mean gain no row is thought to come. */
  readonly sure: number;
}

export interface Refined {
  /** What `offer` fills. */
  readonly best: TopK;
  /** Rows in its list. */
  readonly count: number;
  offer(slot: number, score: number): void;
}

export class Refiner implements Disposable {
  readonly #scorer: RowScorer;
  readonly #fine: FineRows;
  readonly #bits: number;
  readonly #sure: number;
  readonly #stride: number;
  #wanted = new Float64Array(0);
  #pairs = new Uint32Array(0);
  #scores = new Float32Array(0);

  /** @param fine owned from now on. @throws MnemeError CORRUPT: it is not of these rows */
  constructor(fine: FineRows, { dim, rows, bits, sure }: FineShape) {
    this.#fine = fine;
    this.#bits = bits;
    this.#sure = sure;
    this.#stride = fineRowBytes(dim, bits);
    if (fine.size < rows * this.#stride) {
      const { size, location } = fine;
      fine[Symbol.dispose]();
      const needed = `${rows} fine rows of ${this.#stride} bytes need ${rows * this.#stride}`;
      throw new MnemeError("CORRUPT", `${location}: has ${size} bytes, ${needed}; build the index anew`);
    }
    this.#scorer = new RowScorer(kernels(), dim);
  }

  /** Bytes of RAM that the rows take. */
  get rowBytes(): number {
    return this.#fine.bytes;
  }

  /** Bytes of its lists and rooms. */
  get bytes(): number {
    return this.#wanted.byteLength + this.#pairs.byteLength + this.#scores.byteLength + this.#scorer.bytes;
  }

  /** @param found lists of `most` slots a query, estimates descending @param queries whose lists they are, at most PLACES rows in all */
  refine({ slots, scores, prepared }: Named, most: number, queries: readonly Refined[]): void {
    this.#reserve(slots.length);
    const walks = queries.map(
      (query, q) => new Walk(query, this.#sure, slots.subarray(q * most), scores.subarray(q * most)),
    );
    for (;;) {
      let count = 0;
      walks.forEach((walk, q) => {
        for (let i = walk.from; i < walk.to; i++)
          this.#wanted[count++] = slots[q * most + i]! * PLACES + q * most + i;
      });
      if (count === 0) return;
      this.#score(this.#wanted.subarray(0, count).sort(), most, prepared);
      walks.forEach((walk, q) => {
        walk.take(this.#scores, q * most);
      });
    }
  }

  [Symbol.dispose](): void {
    this.#fine[Symbol.dispose]();
    this.#scorer[Symbol.dispose]();
  }

  /** @param wanted ascending */
  #score(wanted: Float64Array, most: number, prepared: number): void {
    const stride = this.#stride;
    const { near } = this.#fine;
    for (let from = 0, to = 1; from < wanted.length; from = to, to++) {
      const start = Math.floor(wanted[from]! / PLACES) * stride;
      let end = start + stride;
      this.#pair(0, 0, wanted[from]!, most);
      for (; to < wanted.length; to++) {
        const at = Math.floor(wanted[to]! / PLACES) * stride;
        if (at - end > near || at + stride - start > MOST_READ) break;
        end = at + stride;
        this.#pair(to - from, at - start, wanted[to]!, most);
      }
      this.#fine.read(start, this.#scorer.room(end - start));
      const asked = { pairs: this.#pairs, count: to - from, stride, bits: this.#bits };
      const scores = this.#scorer.score(prepared, asked);
      for (let i = from; i < to; i++) {
        const score = scores[i - from]!;
        if (!Number.isFinite(score)) throw this.#damaged(Math.floor(wanted[i]! / PLACES));
        this.#scores[wanted[i]! % PLACES] = score;
      }
    }
  }

  #damaged(row: number): MnemeError {
    return new MnemeError(
      "CORRUPT",
      `${this.#fine.location}: fine row ${row}, from byte ${row * this.#stride} on, is damaged; build the index anew`,
    );
  }

  #pair(pair: number, offset: number, wanted: number, most: number): void {
    this.#pairs[pair * 2] = offset;
    this.#pairs[pair * 2 + 1] = Math.floor((wanted % PLACES) / most);
  }

  #reserve(count: number): void {
    if (this.#scores.length >= count) return;
    this.#wanted = new Float64Array(count);
    this.#pairs = new Uint32Array(count * 2);
    this.#scores = new Float32Array(count);
  }
}

/** How far one query has come in its list: [from, to) is wanted next. */
class Walk {
  from = 0;
  to: number;
  readonly #query: Refined;
  readonly #sure: number;
  readonly #slots: Uint32Array;
  readonly #estimates: Float32Array;
  #gains = 0;
  #squares = 0;

  constructor(query: Refined, sure: number, slots: Uint32Array, estimates: Float32Array) {
    this.#query = query;
    this.#sure = sure;
    this.#slots = slots;
    this.#estimates = estimates;
    this.to = Math.min(query.count, query.best.capacity + CHUNK / 2);
  }

  /** @param scores of what was wanted, of the list's row i at first + i */
  take(scores: Float32Array, first: number): void {
    const { count, best } = this.#query;
    for (; this.from < this.to; this.from++) {
      const score = scores[first + this.from]!;
      const gain = score - this.#estimates[this.from]!;
      this.#gains += gain;
      this.#squares += gain * gain;
      this.#query.offer(this.#slots[this.from]!, score);
    }
    if (this.from < count && !(best.isFull && this.#isFar(best.threshold)))
      this.to = Math.min(count, this.from + CHUNK);
  }

  #isFar(threshold: number): boolean {
    const mean = this.#gains / this.from;
    const most = mean + this.#sure * Math.sqrt(Math.max(0, this.#squares / this.from - mean * mean));
    return this.#estimates[this.from]! + most < threshold;
  }
}
