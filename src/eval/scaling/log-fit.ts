/** How a figure grows with the size of a store: a + b ln(size) by least squares, with intervals from resampled queries and seeds (Efron, 1979). */
import { MnemeError } from "../../errors.ts";
import { Random } from "../../linalg/random.ts";
import { percentile } from "../metrics.ts";

export type Interval = readonly [low: number, high: number];

export interface LogFit {
  /** figure = a + b ln(size). */
  readonly a: number;
  readonly b: number;
  /** Share of the variance between sizes that the line explains. */
  readonly r2: number;
  /** 95% intervals. */
  readonly aInterval: Interval;
  readonly bInterval: Interval;
  /** What a store of twice the size adds. */
  readonly perDoubling: number;
}

export interface Growth {
  readonly fit: LogFit;
  /** Of the mean at each size. */
  readonly means: readonly number[];
  readonly intervals: readonly Interval[];
}

const RESAMPLES = 1000;

/**
 * @param sizes of the store, above zero, at least two different ones
 * @param values by size, seed and query
 * @throws MnemeError RANGE
 */
export function growthOf(
  sizes: readonly number[],
  values: readonly (readonly Float64Array[])[],
  seed = 1,
): Growth {
  if (new Set(sizes).size < 2 || sizes.some((size) => !(size > 0)))
    throw new MnemeError(
      "RANGE",
      `scaling: sizes ${sizes.join(", ")} are not two different ones above zero; add fractions or documents`,
    );
  const logs = sizes.map(Math.log);
  const means = values.map(meanOfAll);
  const line = lineThrough(logs, means);
  const random = new Random(seed);
  const draws = Array.from({ length: RESAMPLES }, () => resampled(values, random));
  const lines = draws.map((draw) => lineThrough(logs, draw));
  return {
    fit: {
      ...line,
      aInterval: intervalOf(lines.map(({ a }) => a)),
      bInterval: intervalOf(lines.map(({ b }) => b)),
      perDoubling: line.b * Math.LN2,
    },
    means,
    intervals: means.map((_, i) => intervalOf(draws.map((draw) => draw[i]!))),
  };
}

function meanOfAll(seeds: readonly Float64Array[]): number {
  const sums = seeds.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  return sums.reduce((sum, value) => sum + value, 0) / sums.length;
}

/** Means by size of as many queries and seeds, drawn with replacement; the same ones at each size, for they are paired. */
function resampled(values: readonly (readonly Float64Array[])[], random: Random): number[] {
  const [seeds, queries] = [values[0]!.length, values[0]![0]!.length];
  const drawnSeeds = Array.from({ length: seeds }, () => random.integer(seeds));
  const drawn = Uint32Array.from({ length: queries }, () => random.integer(queries));
  return values.map((bySeed) => {
    let sum = 0;
    for (const s of drawnSeeds) {
      const some = bySeed[s]!;
      for (let i = 0; i < drawn.length; i++) sum += some[drawn[i]!]!;
    }
    return sum / (seeds * queries);
  });
}

function lineThrough(xs: readonly number[], ys: readonly number[]): Pick<LogFit, "a" | "b" | "r2"> {
  const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const sxy = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0);
  const sxx = xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
  const syy = ys.reduce((sum, y) => sum + (y - my) ** 2, 0);
  const b = sxy / sxx;
  const left = ys.reduce((sum, y, i) => sum + (y - my - b * (xs[i]! - mx)) ** 2, 0);
  return { a: my - b * mx, b, r2: syy === 0 ? 1 : 1 - left / syy };
}

const intervalOf = (values: readonly number[]): Interval => [
  percentile(values, 0.025),
  percentile(values, 0.975),
];
