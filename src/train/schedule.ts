/** Learning rates over the steps of a training. */
import { MnemeError } from "../errors.ts";

export interface Schedule {
  /** The highest rate. */
  readonly rate: number;
  /** Steps in all. */
  readonly steps: number;
  /** Steps in which the rate rises from zero; default a twentieth. */
  readonly warmup?: number;
  /** What is left of the rate at the end; default 0.01. */
  readonly floor?: number;
}

/** Rises linearly, then falls by half a cosine (SGDR: Loshchilov and Hutter, 2017). @param step from 0 @throws MnemeError RANGE */
export function rateAt(schedule: Schedule, step: number): number {
  const { rate, steps, floor = 0.01 } = schedule;
  if (!(rate > 0 && Number.isFinite(rate)) || !(Number.isInteger(steps) && steps >= 1))
    throw new MnemeError(
      "RANGE",
      `train: rate ${rate} over ${steps} steps; expected a rate above 0 and a whole number of steps from 1`,
    );
  const warmup = schedule.warmup ?? Math.ceil(steps / 20);
  if (step < warmup) return (rate * (step + 1)) / warmup;
  const progress = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return rate * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
