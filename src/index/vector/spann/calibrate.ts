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
  readonly lists: number;
  /** Reached on the sample; less than wanted when no setting reaches it. */
  readonly recall: number;
}

const [LEAST, MOST] = [1, 2];
const STEPS = 7;

/** @throws MnemeError INSUFFICIENT_DATA without queries, RANGE for a recall outside (0, 1], and what a search throws */
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
  let [low, high] = [LEAST, MOST];
  let best = { most: high, lists, recall: await recallOf(index, queries, k, lists, high, truth) };
  for (let step = 0; step < STEPS && best.recall >= wanted; step++) {
    const most = (low + high) / 2;
    const recall = await recallOf(index, queries, k, lists, most, truth);
    if (recall >= wanted) {
      high = most;
      best = { most, lists, recall };
    } else low = most;
  }
  return best;
}

async function truthOf(index: SpannIndex, queries: Matrix, k: number, lists: number): Promise<Uint32Array> {
  const truth = new Uint32Array(queries.rows * k).fill(0xffff_ffff);
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
  let found = 0;
  for (let q = 0; q < queries.rows; q++) {
    const { rows } = await index.search(rowOf(queries, q), { k, lists, pruning: { rule: "kth", most } });
    const known = new Set(truth.subarray(q * k, (q + 1) * k));
    for (const row of rows) if (known.has(row)) found++;
  }
  return found / (queries.rows * k);
}
