/** How far a search must look for a wanted recall: measured on a sample of queries, against what the index finds when it looks far. */
import { MnemeError } from "../../../errors.ts";
import { type Matrix, rowOf } from "../../../linalg/index.ts";
import type { SpannIndex } from "./spann.ts";

export interface CalibrateOptions {
  readonly k?: number;
  /** Share of the k nearest rows that is wanted. */
  readonly recall?: number;
  /** Lists that a search may read, and those that the truth is found in. */
  readonly lists?: number;
  readonly truthLists?: number;
  /** queries x k true neighbours, where they are known. */
  readonly truth?: Uint32Array;
}

export const calibrateDefaults = { k: 10, recall: 0.95, lists: 256, truthLists: 1024 } as const;

export interface Calibration {
  /** For the rule "kth" of pruning. */
  readonly most: number;
  /** Lists that a search is to read at most: the bound with which fewest are read. */
  readonly lists: number;
  /** Reached on the sample; less than wanted when no setting reaches it. */
  readonly recall: number;
}

/** Stands in the truth behind the last row of an index that has fewer than are wanted. */
const NO_ROW = 0xffff_ffff;
const [LEAST, MOST] = [1, 2];
const STEPS = 7;
/** Bounds of the lists that are tried beside the whole: a few queries far from all centres would read many lists for little. */
const BOUNDS = [1 / 2, 1 / 4, 3 / 16, 5 / 32, 9 / 64, 1 / 8];

/** @throws MnemeError INSUFFICIENT_DATA without queries, RANGE for a recall outside (0, 1], DIMENSION, and what a search throws */
export async function calibrate(
  index: SpannIndex,
  queries: Matrix,
  options: CalibrateOptions = {},
): Promise<Calibration> {
  const { k, recall: wanted, lists, truthLists } = { ...calibrateDefaults, ...options };
  if (queries.rows === 0) throw new MnemeError("INSUFFICIENT_DATA", "calibrate: there are no queries");
  if (!(wanted > 0 && wanted <= 1))
    throw new MnemeError("RANGE", `calibrate: recall must lie above 0 and not above 1, got ${wanted}`);
  const truth = options.truth ?? (await truthOf(index, queries, k, truthLists));
  if (truth.length !== queries.rows * k)
    throw new MnemeError(
      "DIMENSION",
      `calibrate: ${truth.length} true neighbours for ${queries.rows} queries; give ${k} of each`,
    );
  const tried = (bound: number): Promise<Tried> => narrow(index, { queries, k, truth, wanted, lists: bound });
  let best = await tried(lists);
  for (const share of BOUNDS) {
    if (best.recall < wanted) break;
    const other = await tried(Math.ceil(lists * share));
    if (other.recall >= wanted && other.read < best.read) best = other;
  }
  const { most, lists: bound, recall } = best;
  return { most, lists: bound, recall };
}

interface Sample {
  readonly queries: Matrix;
  readonly k: number;
  readonly truth: Uint32Array;
  readonly wanted: number;
  readonly lists: number;
}

interface Tried extends Calibration {
  /** Lists that were read, over all queries. */
  readonly read: number;
}

/** The nearest that a search may stop at, where it reads so many lists at most. */
async function narrow(index: SpannIndex, { lists, wanted, ...sample }: Sample): Promise<Tried> {
  const tryOut = async (most: number): Promise<Tried> => {
    const before = index.counts.lists;
    const recall = await recallOf(index, sample.queries, sample.k, lists, most, sample.truth);
    return { most, lists, recall, read: index.counts.lists - before };
  };
  let [low, high] = [LEAST, MOST];
  let best = await tryOut(high);
  for (let step = 0; step < STEPS && best.recall >= wanted; step++) {
    const next = await tryOut((low + high) / 2);
    if (next.recall >= wanted) {
      high = next.most;
      best = next;
    } else low = next.most;
  }
  return best;
}

async function truthOf(index: SpannIndex, queries: Matrix, k: number, lists: number): Promise<Uint32Array> {
  const truth = new Uint32Array(queries.rows * k).fill(NO_ROW);
  for (let q = 0; q < queries.rows; q++) {
    const { rows } = await index.search(rowOf(queries, q), { k, lists, pruning: { rule: "none" } });
    truth.set(rows, q * k);
  }
  return truth;
}

async function recallOf(
  index: SpannIndex,
  queries: Matrix,
  k: number,
  lists: number,
  most: number,
  truth: Uint32Array,
): Promise<number> {
  let [found, all] = [0, 0];
  for (let q = 0; q < queries.rows; q++) {
    const { rows } = await index.search(rowOf(queries, q), { k, lists, pruning: { rule: "kth", most } });
    const known = new Set(truth.subarray(q * k, (q + 1) * k));
    known.delete(NO_ROW);
    all += known.size;
    for (const row of rows) if (known.has(row)) found++;
  }
  return all === 0 ? 1 : found / all;
}
