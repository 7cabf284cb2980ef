/**
 * Questions to calibrate with, where only the rows are known. Rows themselves would be too easy: an index links and lists them, and a real
 * question lies further from everything. A row moved by part of what two others differ by is about as hard as the questions people wrote
 * for a corpus of papers (recall at equal effort within 0.02, rather below).
 */
import type { Metric, Scorer } from "../../codecs/codec.ts";
import { type Matrix, matrix } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";
import { Pacer } from "../../pacer.ts";
import { TopK } from "../top-k.ts";
import type { RecallTable } from "./recall-table.ts";
import type { RowSource } from "./row-source.ts";
import { rowBytes, type VectorCoders } from "./vectors-kind.ts";

const MOVED = 0.6;
const QUERIES = 64;
const SEED = 7;
/** Rows scored at once. */
const STRIPE = 8192;
/** The hits that a table tells of. */
const [FEW, MANY] = [10, 100];

export interface Sample {
  readonly queries: Matrix;
  /** Ordinals of the best rows of each query by fine codes, best first. */
  readonly best: readonly Uint32Array[];
}

/** @param fine codes of all rows */
export async function sampleQueries(
  source: RowSource,
  fine: Uint8Array,
  coders: VectorCoders,
  metric: Metric,
): Promise<Sample> {
  const queries = questionsOf(source);
  const best: Uint32Array[] = [];
  const pacer = new Pacer();
  for (let q = 0; q < queries.rows; q++) {
    const query = queries.data.subarray(q * queries.cols, (q + 1) * queries.cols);
    best.push(bestOf(coders.fine.scorer(query, metric), fine, fine.length / rowBytes(coders.fine)));
    if (pacer.isDue) await pacer.pause();
  }
  return { queries, best };
}

function questionsOf(source: RowSource): Matrix {
  const random = new Random(SEED);
  const queries = matrix(QUERIES, source.cols);
  for (let q = 0; q < QUERIES; q++) {
    const [row, from, to] = [0, 0, 0].map(() => source.read(random.integer(source.rows), 1).slice());
    for (let i = 0; i < source.cols; i++)
      queries.data[q * source.cols + i] = row![i]! + MOVED * (to![i]! - from![i]!);
    // of one row or of equal ones nothing is left to move by, and a zero vector has no cosine
    if (queries.data.subarray(q * source.cols, (q + 1) * source.cols).every((value) => value === 0))
      queries.data[q * source.cols] = 1;
  }
  return queries;
}

function bestOf(scorer: Scorer, fine: Uint8Array, rows: number): Uint32Array {
  const heap = new TopK(Math.min(MANY, rows));
  const scores = new Float32Array(Math.min(STRIPE, rows));
  for (let first = 0; first < rows; first += STRIPE) {
    const count = Math.min(STRIPE, rows - first);
    scorer.score(fine, first, count, scores);
    for (let i = 0; i < count; i++) if (scores[i]! >= heap.threshold) heap.push(scores[i]!, first + i);
  }
  return heap.drain().rows;
}

/** @param find ordinals that a search of this effort would re-score */
export async function measureRecall(
  { queries, best }: Sample,
  efforts: readonly number[],
  find: (query: Float32Array, effort: number) => Uint32Array | Promise<Uint32Array>,
): Promise<RecallTable> {
  const table = { efforts, at10: [] as number[], at100: [] as number[] };
  const pacer = new Pacer();
  for (const effort of efforts) {
    const found = { few: 0, many: 0, ofFew: 0, ofMany: 0 };
    for (const [q, rows] of best.entries()) {
      const query = queries.data.subarray(q * queries.cols, (q + 1) * queries.cols);
      const named = new Set(await find(query, effort));
      rows.forEach((row, place) => {
        if (named.has(row)) place < FEW ? found.few++ : found.many++;
        place < FEW ? found.ofFew++ : found.ofMany++;
      });
      if (pacer.isDue) await pacer.pause();
    }
    table.at10.push(found.few / found.ofFew);
    table.at100.push((found.few + found.many) / (found.ofFew + found.ofMany));
  }
  return table;
}
