/** Where in a long answer does it go wrong, and what does answering many questions at once cost? (LongGenBench, 2024) */
import { MnemeError } from "../../errors.ts";

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Share of what is right in the first, second, third and last quarter; a quarter without a place has 0. */
export const byQuarter = (right: readonly boolean[]): number[] =>
  [0, 1, 2, 3].map((quarter) =>
    mean(right.filter((_, i) => Math.floor((4 * i) / right.length) === quarter).map(Number)),
  );

/** Keeps the fit finite where right and wrong are apart. */
const RIDGE = 0.01;
const NEWTON_STEPS = 25;

/**
 * Slope of a logistic fit of being right against the place, which goes from 0 for the first to 1 for the last: below 0 where later answers
 * are worse. In log odds; slightly pulled to 0, so that it is finite. 0 where all are right or all wrong.
 */
export function positionSlope(right: readonly boolean[]): number {
  if (right.length < 2 || right.every((one) => one === right[0])) return 0;
  let [offset, slope] = [0, 0];
  for (let step = 0; step < NEWTON_STEPS; step++) {
    let [g0, g1] = [-RIDGE * offset, -RIDGE * slope];
    let [h00, h01, h11] = [RIDGE, 0, RIDGE];
    right.forEach((one, i) => {
      // from the middle, so that the order turned round has the slope turned round
      const x = i / (right.length - 1) - 0.5;
      const p = 1 / (1 + Math.exp(-offset - slope * x));
      const w = p * (1 - p);
      g0 += Number(one) - p;
      g1 += (Number(one) - p) * x;
      h00 += w;
      h01 += w * x;
      h11 += w * x * x;
    });
    const determinant = h00 * h11 - h01 * h01;
    offset += (h11 * g0 - h01 * g1) / determinant;
    slope += (h00 * g1 - h01 * g0) / determinant;
  }
  return slope;
}

export interface AccuracyDrop {
  /** Accuracy alone less accuracy together, in points of 100. */
  readonly points: number;
  /** The same as a share of the accuracy alone; 0 where that is 0. */
  readonly relative: number;
}

/** @param single accuracy with each question alone, 0 to 1. @param long with all in one answer. @throws MnemeError RANGE */
export function accuracyDrop(single: number, long: number): AccuracyDrop {
  for (const [name, value] of [
    ["single", single],
    ["long", long],
  ] as const)
    if (!(value >= 0 && value <= 1))
      throw new MnemeError("RANGE", `accuracy drop: ${name} is ${value}; expected a share from 0 to 1`);
  return { points: 100 * (single - long), relative: single === 0 ? 0 : (single - long) / single };
}
