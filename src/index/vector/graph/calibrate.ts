/** Which effort gives a wanted recall: searches of a sample of queries against what a scan of all codes finds. */
import { MnemeError } from "../../../errors.ts";
import { type Matrix, matrix, rowOf } from "../../../linalg/matrix.ts";
import type { GraphIndex } from "./graph-index.ts";
import { ROOM } from "./options.ts";

export interface Calibration {
  /** The least effort of those tried that reaches the wanted recall, or the most. */
  readonly effort: number;
  /** Share of a scan's best rows that it finds; what the codes lose is no matter of effort. */
  readonly recall: number;
}

export interface CalibrationOptions {
  /** Share of the k best, above 0 and up to 1. */
  readonly recall: number;
  /** Default 10. */
  readonly k?: number;
}

/** What is calibrated: a graph in RAM, or one whose fine rows stay on disk. */
export type Calibrated = Pick<GraphIndex, "size" | "effort" | "scan" | "searchMany">;

/** Efforts tried are so much apart. */
const STEP = 1.15;

/** Sets the index's effort. @param queries like those to come, not rows of the index. @throws MnemeError RANGE, INSUFFICIENT_DATA */
export function calibrate(
  index: Calibrated,
  queries: Matrix,
  { recall, k = 10 }: CalibrationOptions,
): Calibration {
  if (!(recall > 0 && recall <= 1))
    throw new MnemeError("RANGE", `graph: recall must be above 0 and at most 1, got ${recall}`);
  if (queries.rows === 0)
    throw new MnemeError("INSUFFICIENT_DATA", "graph: no queries to calibrate with; give some dozens");
  if (!(Number.isInteger(k) && k >= 1 && k <= ROOM))
    throw new MnemeError("RANGE", `graph: k must be a whole number from 1 to ${ROOM}, got ${k}`);
  const wanted = Array.from({ length: queries.rows }, (_, q) => worstOfBest(index, rowOf(queries, q), k));
  let best: Calibration | undefined;
  let low = 0;
  let high = Math.ceil(Math.log(ROOM / k) / Math.log(STEP));
  while (low <= high) {
    const middle = (low + high) >> 1;
    const effort = Math.min(ROOM, Math.round(k * STEP ** middle));
    const found = recallOf(index, queries, wanted, k, effort);
    if (found >= recall || !best || (best.recall < recall && found > best.recall))
      best = { effort, recall: found };
    if (found >= recall) high = middle - 1;
    else low = middle + 1;
  }
  index.effort = best!.effort;
  return best!;
}

/** The k-th best score of all rows: a hit is right when it is not below. */
function worstOfBest(index: Calibrated, query: Float32Array, k: number): number {
  const { rows, scores } = index.scan(query, { k });
  return scores[rows.length - 1] ?? Number.POSITIVE_INFINITY;
}

function recallOf(
  index: Calibrated,
  queries: Matrix,
  worst: readonly number[],
  k: number,
  effort: number,
): number {
  let found = 0;
  let all = 0;
  index
    .searchMany(matrix(queries.rows, queries.cols, queries.data), { k, effort })
    .forEach(({ scores }, q) => {
      all += Math.min(k, index.size);
      for (const score of scores) if (score >= worst[q]!) found++;
    });
  return all === 0 ? 1 : found / all;
}
