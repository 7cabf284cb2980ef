/**
 * Hamming distances of a pattern to every alignment of a text: against the definition as a plain WebAssembly loop and as a SIMD one, over alphabets from
 * 2 to 50,000, uniform and Zipf; growth with the text and the pattern; k mismatches; approximate distances. One thread. --only speed, growth, within or
 * approximate.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  approximateHamming,
  explainHamming,
  type HammingMethod,
  hammingDistances,
  hammingWithin,
  unitCosts,
} from "../src/hashing/index.ts";
import { Random } from "../src/linalg/random.ts";
import { type NaiveHamming, naiveHamming } from "./naive-hamming.ts";
import { printFigure, repository, switches } from "./row.ts";
import { type Curve, growth } from "./svg.ts";

const BENCH = "hamming";
const TEXT = Math.round(1_000_000 * switches.scale);
const PATTERN = 10_000;
/** Alignments that the plain loop is timed over; the rest would take as long each. */
const NAIVE_ALIGNMENTS = 20_000;
const ROUNDS = 3;

function uniform(length: number, symbols: number, seed: number): Uint32Array {
  const random = new Random(seed);
  return Uint32Array.from({ length }, () => random.integer(symbols));
}

/** Symbol s with a chance of 1 / (s + 1), as words have it. */
function zipf(length: number, symbols: number, seed: number): Uint32Array {
  const random = new Random(seed);
  const sums = new Float64Array(symbols);
  for (let s = 0; s < symbols; s++) sums[s] = (sums[s - 1] ?? 0) + 1 / (s + 1);
  return Uint32Array.from({ length }, () => {
    const wanted = random.uniform() * sums[symbols - 1]!;
    let [low, high] = [0, symbols - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

function timed(run: () => unknown): number {
  const started = performance.now();
  run();
  return performance.now() - started;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Milliseconds of each of some ways, by turns. */
function byTurns(ways: readonly (() => unknown)[], rounds: number = ROUNDS): number[] {
  const times = ways.map((): number[] => []);
  for (let round = 0; round < rounds; round++) ways.forEach((way, i) => times[i]!.push(timed(way)));
  return times.map(median);
}

const SETS = [
  ["2 symbols", (length: number, seed: number) => uniform(length, 2, seed)],
  ["4 symbols", (length: number, seed: number) => uniform(length, 4, seed)],
  ["20 symbols", (length: number, seed: number) => uniform(length, 20, seed)],
  ["256 symbols", (length: number, seed: number) => uniform(length, 256, seed)],
  ["4,096 symbols", (length: number, seed: number) => uniform(length, 4096, seed)],
  ["50,000 symbols", (length: number, seed: number) => uniform(length, 50_000, seed)],
  ["32,768 symbols, Zipf", (length: number, seed: number) => zipf(length, 32_768, seed)],
] as const;

function speed(naive: NaiveHamming): void {
  for (const [name, make] of SETS) {
    const [text, pattern] = [make(TEXT, 1), make(PATTERN, 2)];
    const alignments = TEXT - PATTERN + 1;
    const sample = Math.min(alignments, NAIVE_ALIGNMENTS);
    const distances = hammingDistances(text, pattern);
    if (naive(text, pattern, sample).some((distance, at) => distances[at] !== distance))
      throw new Error(`bench: distances over ${name} are wrong`);
    const plan = explainHamming(text, pattern);
    const some = text.subarray(0, sample + PATTERN - 1);
    const ways = [
      () => hammingDistances(text, pattern),
      () => naive(text, pattern, sample),
      () => hammingDistances(some, pattern, { method: "compare" }),
    ];
    const [ours, plain, simd] = byTurns(ways) as [number, number, number];
    const note = `${plan.method === "compare" ? "compared" : `${plan.transformed} symbols by transforms of ${plan.length}`}; planned ${plan.milliseconds.toFixed(0)} ms`;
    const whole = alignments / sample;
    const isLarge = !/^(2|4|20) /.test(name);
    const figure = { metric: name, unit: "ms", ours, better: "less" } as const;
    printFigure(BENCH, {
      ...figure,
      system: "plain loop",
      baseline: plain * whole,
      ...(isLarge ? { atLeast: 20 } : {}),
      note,
    });
    printFigure(BENCH, {
      ...figure,
      system: "SIMD loop",
      baseline: simd * whole,
      note: `both loops timed over ${sample} alignments`,
    });
    for (const method of ["pairs", "transform"] as const) {
      const { milliseconds } = explainHamming(text, pattern, { method });
      if (milliseconds > 5000) continue;
      const time = timed(() => hammingDistances(text, pattern, { method }));
      printFigure(BENCH, { ...figure, system: `all by ${method}`, baseline: time });
    }
  }
}

/** Exponent of the growth, by least squares in logarithms. */
function exponentOf(points: readonly { x: number; y: number }[]): number {
  const [xs, ys] = [points.map(({ x }) => Math.log(x)), points.map(({ y }) => Math.log(y))];
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
}

function grow(): void {
  const inText: Curve[] = [];
  const inPattern: Curve[] = [];
  const patterns = [1024, 4096, 16_384, 65_536];
  const texts = [0.125, 0.25, 0.5, 1].map((share) => Math.round(TEXT * share));
  const sets = [
    ...SETS,
    [
      "sqrt m symbols",
      (length: number, seed: number, m = PATTERN) => uniform(length, Math.round(Math.sqrt(m)), seed),
    ],
  ] as const;
  for (const [name, make] of sets) {
    const byText = texts.map((n) => {
      const [text, pattern] = [make(n, 1, PATTERN), make(PATTERN, 2, PATTERN)];
      return { x: n, y: byTurns([() => hammingDistances(text, pattern)])[0]! };
    });
    const byPattern = patterns.map((m) => {
      const [text, pattern] = [make(TEXT, 1, m), make(m, 2, m)];
      return { x: m, y: byTurns([() => hammingDistances(text, pattern)])[0]! };
    });
    inText.push({ label: name, points: byText });
    inPattern.push({ label: name, points: byPattern });
    printFigure(BENCH, {
      metric: `${name}: exponent in the text's length`,
      unit: "",
      ours: exponentOf(byText),
      better: "less",
      atMost: 1.25,
    });
    const isSmall = /^(2|4|20) /.test(name);
    const atMost = isSmall ? 0.35 : name === "sqrt m symbols" ? 0.6 : undefined;
    printFigure(BENCH, {
      metric: `${name}: exponent in the pattern's length`,
      unit: "",
      ours: exponentOf(byPattern),
      better: "less",
      ...(atMost === undefined ? {} : { atMost }),
    });
  }
  const folder = join(repository, "docs/images");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "hamming-text.svg"),
    growth(`Pattern of ${PATTERN} symbols`, "symbols of the text", "milliseconds", inText),
  );
  writeFileSync(
    join(folder, "hamming-pattern.svg"),
    growth(`Text of ${TEXT} symbols`, "symbols of the pattern", "milliseconds", inPattern),
  );
}

/** Copies with known mismatches in a text of words. */
function planted(most: number): { text: Uint32Array; pattern: Uint32Array; copies: number } {
  const [text, pattern] = [zipf(TEXT, 32_768, 3), zipf(PATTERN / 10, 32_768, 4)];
  const random = new Random(5);
  const copies = 100;
  for (let i = 0; i < copies; i++) {
    const at = Math.floor((i * (TEXT - pattern.length)) / copies);
    text.set(pattern, at);
    for (let change = 0; change < Math.floor((i * 2 * most) / copies); change++)
      text[at + random.integer(pattern.length)] = 40_000;
  }
  return { text, pattern, copies };
}

function within(): void {
  for (const most of [0, 3, 10, 30]) {
    const { text, pattern } = planted(most);
    const expected = hammingDistances(text, pattern).filter((distance) => distance <= most).length;
    const found = hammingWithin(text, pattern, most).positions.length;
    if (found !== expected)
      throw new Error(`bench: ${found} alignments within ${most}, ${expected} expected`);
    const [ours, exact] = byTurns([
      () => hammingWithin(text, pattern, most),
      () => hammingDistances(text, pattern),
    ]);
    printFigure(BENCH, {
      metric: `within ${most} mismatches of ${pattern.length}`,
      unit: "ms",
      system: "all distances",
      ours: ours!,
      baseline: exact!,
      better: "less",
      note: `${found} found`,
    });
  }
}

function approximate(): void {
  const length = Math.round(TEXT / 10);
  for (const symbols of [300, 50_000]) {
    const [text, pattern] = [uniform(length, symbols, 1), uniform(PATTERN, symbols, 2)];
    const exact = hammingDistances(text, pattern);
    for (const error of [0.5, 0.2]) {
      const { distances, projections } = approximateHamming(text, pattern, error, { method: "projections" });
      const worst = exact.reduce(
        (most, distance, at) => Math.max(most, (distance - distances[at]!) / Math.max(1, distance)),
        0,
      );
      const methods: HammingMethod[] = ["auto"];
      const [ours, whole] = byTurns(
        [
          () => approximateHamming(text, pattern, error, { method: "projections" }),
          () => hammingDistances(text, pattern, { method: methods[0]! }),
        ],
        1,
      );
      const name = `${symbols} symbols, error ${error}`;
      printFigure(BENCH, {
        metric: `${name}: largest error`,
        unit: "",
        ours: worst,
        better: "less",
        atMost: error,
        note: `${projections} projections`,
      });
      printFigure(BENCH, {
        metric: `${name}: projections`,
        unit: "ms",
        system: "exact",
        ours: ours!,
        baseline: whole!,
        better: "less",
        note: "by itself it is exact where that is cheaper",
      });
    }
  }
}

const parts = { speed: async () => speed(await naiveHamming()), growth: grow, within, approximate };
const { compare, pair, symbol, transform, indicate } = unitCosts();
console.error(
  `# nanoseconds: ${compare[1].toFixed(3)} ${compare[2].toFixed(3)} ${compare[4].toFixed(3)} to compare, ${pair.toFixed(2)} a pair, ${symbol.toFixed(2)} a symbol, ${transform.toFixed(3)} a transform's step, ${indicate.toFixed(2)} a value beside it`,
);
for (const [name, part] of Object.entries(parts))
  if (switches.only === undefined || switches.only === name) await part();
