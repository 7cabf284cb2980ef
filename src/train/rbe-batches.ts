/**
 * Batches that recurrent binary embeddings are trained on: pairs of which one should find the other; or plain rows and some of their nearest
 * ones, whose exact cosines say how a query shares its attention among them.
 */
import { checkRows } from "../codecs/check.ts";
import { MnemeError } from "../errors.ts";
import { ExactNearest } from "../eval/exact-nearest.ts";
import { kernels } from "../kernels/index.ts";
import { gatherRows, type Matrix, matrix, rowOf, rowsOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { MASKED } from "./rbe-loss.ts";

/** Rows of a step as plain arrays. */
export interface RbeBatch {
  readonly queries: Matrix;
  readonly documents: Matrix;
  /** queries x documents. */
  readonly targets: Float32Array;
  readonly mask: Float32Array;
  /** How often all rows were seen. */
  readonly epoch: number;
}

export type RbeBatches = (step: number) => RbeBatch;

/** Rows with their right answers: row i of `queries` should find row i of `documents`. */
export interface RbePairs {
  readonly queries: Matrix;
  readonly documents: Matrix;
  /** Of each pair, equal where documents are the same item. Default: all differ. */
  readonly ids?: ArrayLike<number>;
}

/** Nearest rows known of each anchor, and the share of a batch's documents that come from the first of them. */
const KNOWN = 64;
const NEAR = 12;
/** Rows searched for neighbours at a time: bounds what a signal waits for. */
const STRIPE = 4096;

/** Unit rows of these, owned. @throws MnemeError NOT_FINITE for zero rows, which have no direction */
export function unitRowsOf(what: string, rows: Matrix): Matrix {
  const units = matrix(rows.rows, rows.cols, rows.data.slice());
  for (let r = 0; r < rows.rows; r++)
    if (rowOf(rows, r).every((value) => value === 0))
      throw new MnemeError(
        "NOT_FINITE",
        `trainRbe: row ${r} of ${what} is zero and has no direction; leave it out`,
      );
  kernels().normalizeF32(units.data, units.cols);
  return units;
}

/** Pairs as unit rows, owned. @throws MnemeError DIMENSION, NOT_FINITE */
export function unitPairsOf(pairs: RbePairs): RbePairs {
  const { queries, documents } = pairs;
  checkRows("trainRbe", documents.cols, documents);
  checkRows("trainRbe", documents.cols, queries);
  if (queries.rows !== documents.rows)
    throw new MnemeError(
      "DIMENSION",
      `trainRbe: ${queries.rows} queries and ${documents.rows} documents; pair i is row i of both`,
    );
  return {
    ...pairs,
    queries: unitRowsOf("queries", queries),
    documents: unitRowsOf("documents", documents),
  };
}

/** @param size pairs a batch. @throws MnemeError INSUFFICIENT_DATA without two different ids */
export function pairBatches(pairs: RbePairs, size: number, seed: number): RbeBatches {
  const { queries, documents, ids } = pairs;
  const different = new Set(ids ? Array.from(ids).slice(0, queries.rows) : queries.rows > 1 ? [0, 1] : [0]);
  if (queries.rows < 2 || different.size < 2)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `trainRbe: ${queries.rows} pairs of ${different.size} items; two different ones are needed at least`,
    );
  const count = Math.min(size, queries.rows);
  const order = shuffledOrder(queries.rows, count, seed);
  return (step) => {
    const { epoch, chosen } = order(step);
    const targets = new Float32Array(count * count);
    const mask = new Float32Array(count * count);
    for (let i = 0; i < count; i++)
      for (let j = 0; j < count; j++) {
        if (i === j) targets[i * count + j] = 1;
        else if (ids && ids[chosen[i]!] === ids[chosen[j]!]) mask[i * count + j] = MASKED;
      }
    return {
      queries: gatherRows(queries, chosen),
      documents: gatherRows(documents, chosen),
      targets,
      mask,
      epoch,
    };
  };
}

type ShuffledOrder = (step: number) => { readonly epoch: number; readonly chosen: number[] };

/** Batches of an epoch cover all places in an order of their own. */
function shuffledOrder(places: number, count: number, seed: number): ShuffledOrder {
  const perEpoch = Math.floor(places / count);
  let epoch = -1;
  let order: number[] = [];
  return (step) => {
    const now = Math.floor(step / perEpoch);
    if (now !== epoch) {
      epoch = now;
      const all = Array.from({ length: places }, (_, i) => i);
      order = new Random(seed + epoch).shuffle(all);
    }
    const at = (step % perEpoch) * count;
    return { epoch, chosen: order.slice(at, at + count) };
  };
}

export interface NeighbourOptions {
  /** Queries of a batch. */
  readonly queries: number;
  /** Documents of a batch for each query: half of them among its nearest, half farther off. */
  readonly each: number;
  /** Rows that are ever queries. */
  readonly anchors: number;
  /** Of the teacher: cosines are divided by it before they become shares. */
  readonly temperature: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** @param rows unit rows */
export function neighbourBatches(rows: Matrix, options: NeighbourOptions, onStripe: () => void): RbeBatches {
  const { queries: count, each, temperature, seed } = options;
  const anchors = new Random(seed).sample(rows.rows, options.anchors);
  const known = Math.min(KNOWN, rows.rows - 1);
  const nearest = nearestOf(rows, anchors, known, onStripe);
  const perBatch = Math.min(count, anchors.length);
  const order = shuffledOrder(anchors.length, perBatch, seed);
  return (step) => {
    const random = new Random(seed + step);
    const { epoch, chosen } = order(step);
    const near = chosen.flatMap((anchor) =>
      Array.from({ length: each }, (_, i) => {
        const place = i < each / 2 ? random.integer(Math.min(NEAR, known)) : random.integer(known);
        return nearest[anchor * known + place]!;
      }),
    );
    const ids = chosen.map((anchor) => anchors[anchor]!);
    return { ...taught(rows, ids, near, temperature), epoch };
  };
}

/** Nearest rows of each anchor, itself left out: anchors x known. */
function nearestOf(
  rows: Matrix,
  anchors: readonly number[],
  known: number,
  onStripe: () => void,
): Uint32Array {
  const search = new ExactNearest(gatherRows(rows, anchors), known + 1);
  for (let first = 0; first < rows.rows; first += STRIPE) {
    search.add(rowsOf(rows, first, Math.min(rows.rows, first + STRIPE)), first);
    onStripe();
  }
  const found = new Uint32Array(anchors.length * known);
  anchors.forEach((own, a) => {
    const all = search.rows.subarray(a * (known + 1), (a + 1) * (known + 1));
    const others = all.filter((row) => row !== own).subarray(0, known);
    found.set(others, a * known);
  });
  return found;
}

/** Targets: shares by the exact cosines. A query's own row, and what comes twice, does not count. */
function taught(
  rows: Matrix,
  ids: readonly number[],
  near: readonly number[],
  temperature: number,
): Omit<RbeBatch, "epoch"> {
  const [queries, documents] = [gatherRows(rows, ids), gatherRows(rows, near)];
  const [n, m] = [ids.length, near.length];
  const targets = new Float32Array(n * m);
  kernels().matmulTransposedF32(queries.data, documents.data, targets, n, rows.cols, m);
  const mask = new Float32Array(n * m);
  const isFirst = firstOfEach(near);
  for (let q = 0; q < n; q++) {
    let sum = 0;
    for (let d = 0; d < m; d++) {
      const at = q * m + d;
      const counts = isFirst[d] && near[d] !== ids[q];
      if (!counts) mask[at] = MASKED;
      targets[at] = counts ? Math.exp((targets[at]! - 1) / temperature) : 0;
      sum += targets[at]!;
    }
    for (let d = 0; d < m; d++) targets[q * m + d]! /= sum;
  }
  return { queries, documents, targets, mask };
}

function firstOfEach(near: readonly number[]): boolean[] {
  const seen = new Set<number>();
  return near.map((row) => {
    if (seen.has(row)) return false;
    seen.add(row);
    return true;
  });
}
