/**
 * Flat: every coarse code is scored, the best are re-scored from the fine codes on disk. Exact up to the codes; no graph, no lists.
 * The two-stage search of RaBitQ (Gao & Long, SIGMOD 2024) and of binary embedding retrieval (BEBR, KDD 2023).
 */
import type { Metric, Scorer } from "../../codecs/codec.ts";
import { MnemeError } from "../../errors.ts";
import { kernels } from "../../kernels/index.ts";
import { type Matrix, matrix } from "../../linalg/matrix.ts";
import { type Hits, isAfter } from "../hits.ts";
import {
  fewOrdinals,
  ordinalOf,
  rowAt,
  type SearchOptions,
  type SegmentedIndex,
  type SegmentSource,
} from "../segment.ts";
import { Shortlist } from "../shortlist.ts";
import { TopK } from "../top-k.ts";
import { CodeBuffer } from "./code-buffer.ts";
import { Scratch } from "./scratch.ts";
import { COARSE, FINE, rowBytes, type VectorCoders } from "./vectors-kind.ts";

export interface FlatOptions {
  readonly coders: VectorCoders;
  readonly metric?: Metric;
  /** Candidates re-scored per wanted hit, and at least `minRescore`. */
  readonly rescoreFactor?: number;
  readonly minRescore?: number;
}

export const flatDefaults = { metric: "cosine", rescoreFactor: 4, minRescore: 400 } as const;

/** Rows sifted by one call of the selection kernel. */
const SIFT_ROWS = 8192;

/** A run of rows with codes in RAM: an attached segment, or the tail. */
interface Run {
  readonly codes: CodeBuffer;
  readonly count: number;
  rowAt(ordinal: number): number;
  /** -1 when the run does not hold the row. */
  ordinalOf(row: number): number;
  /** Copies fine codes of some ordinals, ascending, to `out`. */
  gather(ordinals: Uint32Array, out: Uint8Array): Promise<void> | void;
  /** Ordinals that a filter lets through, when they are few. */
  few(filter: NonNullable<SearchOptions["filter"]>): Uint32Array | undefined;
}

/** Ordinals of some rows, run by run, each ascending. */
type Located = readonly { readonly run: Run; readonly ordinals: Uint32Array }[];

export class FlatIndex implements SegmentedIndex<Float32Array, Float32Array> {
  readonly #coders: VectorCoders;
  readonly #metric: Metric;
  readonly #factor: number;
  readonly #minimum: number;
  readonly #segments = new Map<number, Run>();
  readonly #tailCoarse: CodeBuffer;
  readonly #tailFine: CodeBuffer;
  #tailRows: number[] = [];
  readonly #scores = new Scratch();
  readonly #gathered = new Scratch();
  readonly #sifted = new Uint32Array(SIFT_ROWS);

  constructor(options: FlatOptions) {
    this.#coders = options.coders;
    this.#metric = options.metric ?? flatDefaults.metric;
    this.#factor = options.rescoreFactor ?? flatDefaults.rescoreFactor;
    this.#minimum = options.minRescore ?? flatDefaults.minRescore;
    this.#tailCoarse = new CodeBuffer(rowBytes(options.coders.coarse));
    this.#tailFine = new CodeBuffer(rowBytes(options.coders.fine));
  }

  async attach(source: SegmentSource): Promise<void> {
    const bytes = source.size(COARSE);
    const stride = rowBytes(this.#coders.coarse);
    if (bytes !== source.rows.count * stride) {
      throw new MnemeError(
        "CORRUPT",
        `vectors: segment ${source.id} has ${bytes} bytes of codes, expected ${source.rows.count} rows x ${stride}`,
      );
    }
    const [codes] = await source.read([{ part: COARSE, start: 0, end: bytes }]);
    const buffer = new CodeBuffer(stride);
    buffer.append(codes!);
    const { rows } = source;
    this.#segments.set(source.id, {
      codes: buffer,
      count: rows.count,
      rowAt: (ordinal) => rowAt(rows, ordinal),
      ordinalOf: (row) => ordinalOf(rows, row),
      gather: (ordinals, out) => source.gather(FINE, rowBytes(this.#coders.fine), ordinals, out),
      few: (filter) => fewOrdinals(filter, rows),
    });
  }

  detach(segmentId: number): void {
    this.#segments.get(segmentId)?.codes[Symbol.dispose]();
    this.#segments.delete(segmentId);
  }

  append(row: number, vector: Float32Array): void {
    const one = { rows: 1, cols: vector.length, data: vector };
    this.#tailCoarse.append(this.#coders.coarse.encode(one));
    this.#tailFine.append(this.#coders.fine.encode(one));
    this.#tailRows.push(row);
  }

  trimTail(lastRow: number): void {
    const keepFrom = this.#tailRows.findIndex((row) => row > lastRow);
    const dropped = keepFrom < 0 ? this.#tailRows.length : keepFrom;
    this.#tailRows = this.#tailRows.slice(dropped);
    this.#tailCoarse.dropFirst(dropped);
    this.#tailFine.dropFirst(dropped);
  }

  /**
   * @param query `dim` f32 values, trusted to be finite (the library's face checks).
   * Scores are those of the fine codes. A cursor widens the scan until `k` hits after it are certain.
   */
  async search(query: Float32Array, options: SearchOptions): Promise<Hits> {
    const runs = this.#runs();
    const total = runs.reduce((sum, { count }) => sum + count, 0);
    for (let depth = Math.max(this.#minimum, options.k * this.#factor); ; depth *= 4) {
      const candidates = this.#scan(runs, query, Math.min(depth, total), options);
      const hits = await this.#rescore(query, candidates, options);
      if (!options.after || hits.rows.length >= options.k || depth >= total) return hits;
    }
  }

  /** Fine scores of given rows, ascending; NaN for rows this index does not hold. Used to complete a fused list. */
  async scoreRows(query: Float32Array, rows: Uint32Array): Promise<Float32Array> {
    const { located, places } = this.#locate(rows);
    const scores = new Float32Array(rows.length).fill(Number.NaN);
    const fine = await this.#fineScores(query, located);
    places.forEach((place, i) => {
      scores[place] = fine[i]!;
    });
    return scores;
  }

  /** Vectors of given rows, ascending, as the fine codes hold them; zeros for rows this index does not hold. */
  async vectorsOf(rows: Uint32Array): Promise<Matrix> {
    const { fine } = this.#coders;
    const { located, places } = this.#locate(rows);
    const decoded = fine.decode(await this.#gather(located), places.length);
    const out = matrix(rows.length, fine.dim);
    places.forEach((place, i) => {
      out.data.set(decoded.data.subarray(i * fine.dim, (i + 1) * fine.dim), place * fine.dim);
    });
    return out;
  }

  memory(): readonly { name: string; bytes: number }[] {
    let codes = this.#tailCoarse.bytes;
    for (const segment of this.#segments.values()) codes += segment.codes.bytes;
    return [
      { name: "vectors: coarse codes", bytes: codes + this.#coders.coarse.bytes + this.#coders.fine.bytes },
      { name: "vectors: tail", bytes: this.#tailFine.bytes + this.#tailRows.length * 8 },
      { name: "vectors: scratch", bytes: this.#scores.bytes + this.#gathered.bytes + this.#sifted.byteLength },
    ];
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#segments.keys()]) this.detach(id);
    this.#tailCoarse[Symbol.dispose]();
    this.#tailFine[Symbol.dispose]();
    this.#scores[Symbol.dispose]();
    this.#gathered[Symbol.dispose]();
  }

  /** Segments in row order, then the tail. */
  #runs(): Run[] {
    const runs = [...this.#segments.values()].filter(({ count }) => count > 0);
    runs.sort((a, b) => a.rowAt(0) - b.rowAt(0));
    if (this.#tailRows.length > 0) runs.push(this.#tail());
    return runs;
  }

  #tail(): Run {
    const rows = this.#tailRows;
    const stride = rowBytes(this.#coders.fine);
    return {
      codes: this.#tailCoarse,
      count: rows.length,
      rowAt: (ordinal) => rows[ordinal]!,
      ordinalOf: (row) => {
        const ordinal = lowerBound(rows, row);
        return rows[ordinal] === row ? ordinal : -1;
      },
      gather: (ordinals, out) => {
        const fine = this.#tailFine.view();
        ordinals.forEach((o, i) => out.set(fine.subarray(o * stride, (o + 1) * stride), i * stride));
      },
      few: () => undefined,
    };
  }

  #scan(runs: readonly Run[], query: Float32Array, depth: number, { filter }: SearchOptions): Located {
    const scorer = this.#coders.coarse.scorer(query, this.#metric);
    const list = new Shortlist(depth);
    let first = 0;
    for (const run of runs) {
      const few = filter && run.few(filter);
      if (few) this.#selectFew(scorer, run, few, first, list);
      else this.#select(scorer, run, first, list, filter);
      first += run.count;
    }
    return splitByRun(runs, list.finish());
  }

  #select(
    scorer: Scorer,
    { codes, count, rowAt }: Run,
    first: number,
    list: Shortlist,
    filter: SearchOptions["filter"],
  ): void {
    const scores = this.#scores.f32(count);
    scorer.score(codes.view(), 0, count, scores);
    // the list's threshold only rises: stripes are sifted by the kernel, survivors by the list
    for (let start = 0; start < count; start += SIFT_ROWS) {
      const stripe = scores.subarray(start, Math.min(count, start + SIFT_ROWS));
      const found = kernels().selectAbove(stripe, list.threshold, this.#sifted);
      for (let i = 0; i < found; i++) {
        const ordinal = start + this.#sifted[i]!;
        if (!filter || filter.has(rowAt(ordinal))) list.push(scores[ordinal]!, first + ordinal);
      }
    }
  }

  #selectFew(scorer: Scorer, { codes }: Run, few: Uint32Array, first: number, list: Shortlist): void {
    const stride = rowBytes(this.#coders.coarse);
    const own = this.#gathered.u8(few.length * stride);
    const all = codes.view();
    few.forEach((o, i) => own.set(all.subarray(o * stride, (o + 1) * stride), i * stride));
    const scores = this.#scores.f32(few.length);
    scorer.score(own, 0, few.length, scores);
    few.forEach((ordinal, i) => list.push(scores[i]!, first + ordinal));
  }

  async #rescore(query: Float32Array, candidates: Located, options: SearchOptions): Promise<Hits> {
    const scores = await this.#fineScores(query, candidates);
    const heap = new TopK(Math.min(options.k, scores.length));
    let at = 0;
    for (const { run, ordinals } of candidates) {
      for (const ordinal of ordinals) {
        const score = scores[at++]!;
        if (options.minScore !== undefined && score < options.minScore) continue;
        if (score < heap.threshold) continue;
        const row = run.rowAt(ordinal);
        if (!options.after || isAfter(options.after, score, row)) heap.push(score, row);
      }
    }
    return heap.drain();
  }

  /** @param rows ascending. @returns where they lie, and the index in `rows` of each that was found */
  #locate(rows: Uint32Array): { located: Located; places: number[] } {
    const located: { run: Run; ordinals: Uint32Array }[] = [];
    const places: number[] = [];
    let place = 0;
    for (const run of this.#runs()) {
      const last = run.rowAt(run.count - 1);
      const ordinals: number[] = [];
      for (; place < rows.length && rows[place]! <= last; place++) {
        const ordinal = run.ordinalOf(rows[place]!);
        if (ordinal < 0) continue;
        ordinals.push(ordinal);
        places.push(place);
      }
      if (ordinals.length > 0) located.push({ run, ordinals: Uint32Array.from(ordinals) });
    }
    return { located, places };
  }

  /** Fine codes of the candidates, back to back. Owned: searches may overlap while pages are read. */
  async #gather(candidates: Located): Promise<Uint8Array> {
    const stride = rowBytes(this.#coders.fine);
    const total = candidates.reduce((sum, { ordinals }) => sum + ordinals.length, 0);
    const codes = new Uint8Array(total * stride);
    let at = 0;
    for (const { run, ordinals } of candidates) {
      const under = run.gather(ordinals, codes.subarray(at, at + ordinals.length * stride));
      if (under) await under;
      at += ordinals.length * stride;
    }
    return codes;
  }

  async #fineScores(query: Float32Array, candidates: Located): Promise<Float32Array> {
    const codes = await this.#gather(candidates);
    const count = codes.length / rowBytes(this.#coders.fine);
    const scores = new Float32Array(count);
    this.#coders.fine.scorer(query, this.#metric).score(codes, 0, count, scores);
    return scores;
  }
}

/** Places in the concatenation of all runs, ascending, as ordinals of each. */
function splitByRun(runs: readonly Run[], places: Uint32Array): Located {
  const located: { run: Run; ordinals: Uint32Array }[] = [];
  let first = 0;
  let from = 0;
  for (const run of runs) {
    let to = from;
    while (to < places.length && places[to]! < first + run.count) to++;
    if (to > from) {
      const start = first;
      located.push({ run, ordinals: places.subarray(from, to).map((place) => place - start) });
    }
    from = to;
    first += run.count;
  }
  return located;
}

/** First index whose value is >= `row` in an ascending list. */
function lowerBound(rows: readonly number[], row: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]! < row) low = middle + 1;
    else high = middle;
  }
  return low;
}
