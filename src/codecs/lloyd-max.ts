/** The levels that code a standard normal number with the least squared error (Max, Quantizing for Minimum Distortion, 1960; Lloyd 1982). */
import { MnemeError } from "../errors.ts";

export interface NormalLevels {
  /** Ascending, 2^bits of them, symmetric around 0. */
  readonly levels: Float64Array;
  /** Between them: level i is for values from bounds[i - 1] to bounds[i]. */
  readonly bounds: Float64Array;
}

const known = new Map<number, NormalLevels>();
const MOST_ROUNDS = 10_000;

/** @param bits 1 to 8. @throws MnemeError RANGE */
export function normalLevels(bits: number): NormalLevels {
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= 8))
    throw new MnemeError(
      "RANGE",
      `levels of a normal number: bits is ${bits}; expected a whole number from 1 to 8`,
    );
  const found = known.get(bits) ?? fitLevels(2 ** bits);
  known.set(bits, found);
  return found;
}

/** Level of a value. */
export function levelOf(value: number, { bounds }: NormalLevels): number {
  let low = 0;
  for (let high = bounds.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (value < bounds[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

function fitLevels(count: number): NormalLevels {
  let levels = Float64Array.from({ length: count }, (_, i) => (3 * (2 * i + 1 - count)) / count);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const bounds = boundsOf(levels);
    const next = levels.map((_, i) => meanBetween(bounds[i - 1] ?? -9, bounds[i] ?? 9));
    const moved = next.reduce((most, level, i) => Math.max(most, Math.abs(level - levels[i]!)), 0);
    levels = next;
    if (moved < 1e-12) break;
  }
  return { levels, bounds: boundsOf(levels) };
}

function boundsOf(levels: Float64Array): Float64Array {
  return Float64Array.from({ length: levels.length - 1 }, (_, i) => (levels[i]! + levels[i + 1]!) / 2);
}

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Mean of a standard normal number that lies between a and b. */
function meanBetween(a: number, b: number): number {
  return (density(a) - density(b)) / (cumulative(b) - cumulative(a));
}

/** P(X < x), by the series of its odd powers. */
function cumulative(x: number): number {
  let sum = 0;
  let term = x;
  for (let odd = 3; Math.abs(term) > 1e-17; odd += 2) {
    sum += term;
    term *= (x * x) / odd;
  }
  return 0.5 + density(x) * sum;
}
