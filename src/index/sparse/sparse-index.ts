/**
 * SparseIndex: rows by the inner product of learnt sparse vectors, over the posting lists and with the pruning of the words index. BM25
 * of an endless k1 and no length normalisation is the term frequency itself: here, the quantised weight.
 */
import type { RowStatistics } from "../../kernels/index.ts";
import type { Hits } from "../hits.ts";
import type { SearchOptions, SegmentedIndex, SegmentSource } from "../segment.ts";
import { Lexicon } from "../text/lexicon.ts";
import { readPostings } from "../text/query-postings.ts";
import { wanted } from "../text/rank-segment.ts";
import { openPlan, SegmentScorer, type WeightedQuery } from "../text/segment-scorer.ts";
import { WordsSegment } from "../text/words-segment.ts";
import { WordsTail } from "../text/words-tail.ts";
import { TopK } from "../top-k.ts";
import { SPARSE_STEP, type SparseVector, stepsOf } from "./weights.ts";

/** So large that no weight saturates: in f64 the loss is below one part in ten million. */
const NO_SATURATION: RowStatistics = { average: 1, k1: 2 ** 40, b: 0 };
/** Rough bytes of a token of a tail row. */
const TOKEN_BYTES = 48;

interface TailRow {
  readonly row: number;
  /** Token -> weight in steps, as a segment keeps it: what is flushed scores as before. */
  readonly steps: ReadonlyMap<string, number>;
}

export class SparseIndex implements SegmentedIndex<SparseVector, SparseVector> {
  readonly #lexicon = new Lexicon(new WordsTail());
  readonly #scorer = new SegmentScorer();
  #tail: TailRow[] = [];

  /** A segment without sparse vectors is passed over. @throws MnemeError CORRUPT */
  async attach(source: SegmentSource): Promise<void> {
    if (source.size("terms") === 0) return;
    const segment = await WordsSegment.open(source);
    this.#lexicon.segments = [...this.#lexicon.segments, segment].sort((a, b) => a.firstRow - b.firstRow);
  }

  detach(segmentId: number): void {
    const { segments } = this.#lexicon;
    if (!segments.some(({ source }) => source.id === segmentId)) return;
    segments.find(({ source }) => source.id === segmentId)![Symbol.dispose]();
    this.#lexicon.segments = segments.filter(({ source }) => source.id !== segmentId);
  }

  append(row: number, vector: SparseVector): void {
    const steps = Object.entries(vector).map(([token, weight]) => [token, stepsOf(weight)] as const);
    this.#tail.push({ row, steps: new Map(steps.filter(([, count]) => count > 0)) });
  }

  trimTail(lastRow: number): void {
    this.#tail = this.#tail.filter(({ row }) => row > lastRow);
  }

  /** Rows that share a token with the query. */
  async search(query: SparseVector, options: SearchOptions): Promise<Hits> {
    using _ = this.#scorer.lists.lease(NO_SATURATION);
    const weighted = await this.#weighted(query);
    const heap = new TopK(Math.min(options.k, this.#rowCount()));
    this.#scorer.begin(weighted, NO_SATURATION, heap, options)();
    for (const { row, steps } of this.#tail) {
      const score = dot(weighted.weights, steps);
      if (score > 0 && wanted(options, score, row)) heap.push(score, row);
    }
    return heap.drain();
  }

  /** Scores of given rows, ascending; 0 where no token is shared. */
  async score(query: SparseVector, rows: Uint32Array): Promise<Float64Array> {
    using _ = this.#scorer.lists.lease(NO_SATURATION);
    const weighted = await this.#weighted(query);
    const scores = this.#scorer.score(weighted, NO_SATURATION, rows);
    const tail = new Map(this.#tail.map(({ row, steps }) => [row, steps]));
    for (let i = 0; i < rows.length && tail.size > 0; i++) {
      const steps = tail.get(rows[i]!);
      if (steps) scores[i] = dot(weighted.weights, steps);
    }
    return scores;
  }

  /** Nothing where there are no sparse vectors. */
  memory(): readonly { name: string; bytes: number }[] {
    const segments = this.#lexicon.segments.reduce((sum, { bytes }) => sum + bytes, 0);
    const tail = this.#tail.reduce((sum, { steps }) => sum + TOKEN_BYTES * (1 + steps.size), 0);
    if (segments + tail === 0) return [];
    return [
      { name: "sparse: dictionary", bytes: segments },
      { name: "sparse: scratch", bytes: this.#scorer.bytes + this.#scorer.lists.bytes + this.#lexicon.bytes },
      { name: "sparse: tail", bytes: tail },
    ];
  }

  [Symbol.dispose](): void {
    for (const segment of this.#lexicon.segments) segment[Symbol.dispose]();
    this.#lexicon.segments = [];
    this.#scorer[Symbol.dispose]();
    this.#tail = [];
  }

  async #weighted(query: SparseVector): Promise<WeightedQuery> {
    const terms = new Map(Object.entries(query).filter(([, weight]) => weight > 0));
    const weights = new Map([...terms].map(([token, weight]) => [token, weight * SPARSE_STEP]));
    const postings = await readPostings(this.#lexicon, [...terms.keys()], this.#scorer.lists);
    return { plan: openPlan(terms), weights, postings };
  }

  #rowCount(): number {
    return this.#lexicon.segments.reduce((sum, { rows }) => sum + rows.count, this.#tail.length);
  }
}

function dot(weights: ReadonlyMap<string, number>, steps: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [token, weight] of weights) sum += weight * (steps.get(token) ?? 0);
  return sum;
}
