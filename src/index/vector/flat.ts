/**
 * Flat: every coarse code is scored, the best are re-scored from the fine codes on disk. Exact up to the codes; no graph, no lists.
 * The two-stage search of RaBitQ (Gao & Long, SIGMOD 2024) and of binary embedding retrieval (BEBR, KDD 2023).
 */
import type { Metric, Scorer } from "../../codecs/codec.ts";
import { MnemeError } from "../../errors.ts";
import { kernels, type Region } from "../../kernels/index.ts";
import type { MaybePromise } from "../../storage/store.ts";
import { type Hits, isAfter } from "../hits.ts";
import { ordinalOf, rowAt, type SearchOptions, type SegmentedIndex, type SegmentSource } from "../segment.ts";
import { TopK } from "../top-k.ts";
import { CodeBuffer } from "./code-buffer.ts";
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

interface Segment {
  readonly source: SegmentSource;
  readonly codes: CodeBuffer;
}

/** A row found by the scan: where its fine code lies. */
interface Candidate {
  readonly row: number;
  readonly segment: Segment | null;
  readonly ordinal: number;
}

export class FlatIndex implements SegmentedIndex<Float32Array, Float32Array> {
  readonly #coders: VectorCoders;
  readonly #metric: Metric;
  readonly #factor: number;
  readonly #minimum: number;
  readonly #segments = new Map<number, Segment>();
  readonly #tailCoarse: CodeBuffer;
  readonly #tailFine: CodeBuffer;
  #tailRows: number[] = [];
  #scores: Region | undefined;
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
    this.#segments.set(source.id, { source, codes: buffer });
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
    const total =
      this.#tailRows.length + [...this.#segments.values()].reduce((n, s) => n + s.source.rows.count, 0);
    for (let depth = Math.max(this.#minimum, options.k * this.#factor); ; depth *= 4) {
      const candidates = this.#scan(query, Math.min(depth, total), options);
      const hits = await this.#rescore(query, candidates, options);
      if (!options.after || hits.rows.length >= options.k || depth >= total) return hits;
    }
  }

  /** Fine scores of given rows; NaN for rows this index does not hold. Used to complete a fused list. */
  async scoreRows(query: Float32Array, rows: Uint32Array): Promise<Float32Array> {
    const found: Candidate[] = [];
    const places: number[] = [];
    rows.forEach((row, i) => {
      const candidate = this.#locate(row);
      if (!candidate) return;
      found.push(candidate);
      places.push(i);
    });
    const scores = new Float32Array(rows.length).fill(Number.NaN);
    const fine = await this.#fineScores(query, found);
    places.forEach((place, i) => {
      scores[place] = fine[i]!;
    });
    return scores;
  }

  memory(): readonly { name: string; bytes: number }[] {
    let codes = this.#tailCoarse.bytes;
    for (const segment of this.#segments.values()) codes += segment.codes.bytes;
    return [
      { name: "vectors: coarse codes", bytes: codes + this.#coders.coarse.bytes + this.#coders.fine.bytes },
      { name: "vectors: tail", bytes: this.#tailFine.bytes + this.#tailRows.length * 8 },
      { name: "vectors: scratch", bytes: (this.#scores?.byteLength ?? 0) + this.#sifted.byteLength },
    ];
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#segments.keys()]) this.detach(id);
    this.#tailCoarse[Symbol.dispose]();
    this.#tailFine[Symbol.dispose]();
    this.#scores?.[Symbol.dispose]();
  }

  #scan(query: Float32Array, depth: number, options: SearchOptions): Candidate[] {
    const scorer = this.#coders.coarse.scorer(query, this.#metric);
    const heap = new TopK(depth);
    for (const { source, codes } of this.#segments.values()) {
      this.#select(scorer, codes, source.rows.count, (i) => rowAt(source.rows, i), heap, options);
    }
    this.#select(scorer, this.#tailCoarse, this.#tailRows.length, (i) => this.#tailRows[i]!, heap, options);
    return Array.from(heap.drain().rows, (row) => this.#locate(row)!);
  }

  #select(
    scorer: Scorer,
    codes: CodeBuffer,
    rows: number,
    rowOf: (ordinal: number) => number,
    heap: TopK,
    { filter }: SearchOptions,
  ): void {
    if (rows === 0) return;
    const scores = this.#scratch(rows);
    scorer.score(codes.view(), 0, rows, scores);
    const visit = (i: number): void => {
      const row = rowOf(i);
      if (!filter || filter.has(row)) heap.push(scores[i]!, row);
    };
    let next = 0;
    for (; next < rows && !heap.isFull; next++) visit(next);
    // once the heap is full its threshold only rises: stripes are sifted by the kernel, survivors by the heap
    for (; next < rows; next += SIFT_ROWS) {
      const stripe = scores.subarray(next, Math.min(rows, next + SIFT_ROWS));
      const found = kernels().selectAbove(stripe, heap.threshold, this.#sifted);
      for (let i = 0; i < found; i++) visit(next + this.#sifted[i]!);
    }
  }

  /** Room for the scores of one segment, in kernel memory. */
  #scratch(rows: number): Float32Array {
    if (!this.#scores || this.#scores.byteLength < rows * 4) {
      this.#scores?.[Symbol.dispose]();
      this.#scores = kernels().arena.alloc(rows * 4);
    }
    return this.#scores.f32().subarray(0, rows);
  }

  #locate(row: number): Candidate | undefined {
    for (const segment of this.#segments.values()) {
      const ordinal = ordinalOf(segment.source.rows, row);
      if (ordinal >= 0) return { row, segment, ordinal };
    }
    const ordinal = lowerBound(this.#tailRows, row);
    return this.#tailRows[ordinal] === row ? { row, segment: null, ordinal } : undefined;
  }

  async #rescore(query: Float32Array, candidates: Candidate[], options: SearchOptions): Promise<Hits> {
    const scores = await this.#fineScores(query, candidates);
    const heap = new TopK(Math.min(options.k, candidates.length));
    candidates.forEach(({ row }, i) => {
      const score = scores[i]!;
      if (options.minScore !== undefined && score < options.minScore) return;
      if (options.after && !isAfter(options.after, score, row)) return;
      heap.push(score, row);
    });
    return heap.drain();
  }

  /** Fine codes of the candidates, gathered by one read per segment, then scored together. */
  async #fineScores(query: Float32Array, candidates: readonly Candidate[]): Promise<Float32Array> {
    const stride = rowBytes(this.#coders.fine);
    const gathered = new Uint8Array(candidates.length * stride);
    for (const segment of [...this.#segments.values(), null]) {
      const places: number[] = [];
      candidates.forEach((candidate, i) => {
        if (candidate.segment === segment) places.push(i);
      });
      if (places.length === 0) continue;
      const codes = await this.#readFine(
        segment,
        places.map((i) => candidates[i]!.ordinal),
        stride,
      );
      places.forEach((place, i) => gathered.set(codes[i]!, place * stride));
    }
    const scores = new Float32Array(candidates.length);
    this.#coders.fine.scorer(query, this.#metric).score(gathered, 0, candidates.length, scores);
    return scores;
  }

  #readFine(
    segment: Segment | null,
    ordinals: readonly number[],
    stride: number,
  ): MaybePromise<Uint8Array[]> {
    if (segment) {
      return segment.source.read(
        ordinals.map((o) => ({ part: FINE, start: o * stride, end: (o + 1) * stride })),
      );
    }
    const tail = this.#tailFine.view();
    return ordinals.map((o) => tail.subarray(o * stride, (o + 1) * stride));
  }
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
