/** Mergers: what all promise, then each against its rule written plainly on a few slots. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../linalg/random.ts";
import {
  adjacentRuns,
  bipartite,
  classCentre,
  type KvSegment,
  type Merger,
  nearestSurvivor,
  noMerging,
  topK,
} from "../index.ts";

const DIM = 4;

function segmentOf(slots: number, seed: number, counts?: Float32Array): KvSegment {
  const random = new Random(seed);
  const rows = (): Float32Array => Float32Array.from({ length: slots * DIM }, () => random.gaussian());
  const positions = Int32Array.from({ length: slots }, (_, s) => 3 * s);
  return { dim: DIM, keys: rows(), values: rows(), positions, ...(counts ? { counts } : {}) };
}

const plain = (keys: number[][], values: number[][] = keys): KvSegment => ({
  dim: keys[0]!.length,
  keys: Float32Array.from(keys.flat()),
  values: Float32Array.from(values.flat()),
  positions: Int32Array.from(keys, (_, s) => s),
});

const scoresOf = (slots: number, seed: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: slots }, () => random.uniform());
};

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
const guard = { sinks: 2, recent: 3 };
/** And whether every token is still counted, and whether nothing goes into the guard's slots. */
const all: readonly [string, Merger, boolean, boolean][] = [
  ["none", noMerging(), false, true],
  ["adjacent runs", adjacentRuns({ guard, bestShare: 0.05 }), true, true],
  ["bipartite", bipartite({ chunk: 6, guard }), true, true],
  ["nearest survivor", nearestSurvivor({ least: -1 }), true, false],
  ["class centre", classCentre({ bias: "count" }), false, false],
];

describe("mergers", () => {
  test.each(all)(
    "%s: fits, keeps order, loses or counts every token, leaves its input alone",
    (_, merger, isWhole, keepsGuard) =>
      fc.assert(
        fc.property(
          fc.integer({ min: 8, max: 60 }),
          fc.nat(50),
          fc.boolean(),
          fc.integer(),
          (slots, more, hasCounts, seed) => {
            const counts = hasCounts
              ? Float32Array.from({ length: slots }, (_, s) => 1 + (s % 3))
              : undefined;
            const segment = segmentOf(slots, seed, counts);
            const before = segment.keys.slice();
            const scores = scoresOf(slots, seed);
            const keep = topK().pick(scores, Math.min(slots, 10 + more), { sinks: 2, recent: 3 });
            const left = merger.fold(segment, keep, scores);
            expect(left.positions.length).toBe(keep.length);
            expect(left.keys.length).toBe(keep.length * DIM);
            expect([...left.positions]).toEqual([...new Set(left.positions)].sort((a, b) => a - b));
            const tokens = counts ? sum(counts) : slots;
            const counted = left.counts ? sum(left.counts) : left.positions.length;
            if (isWhole) expect(counted).toBe(tokens);
            else expect(counted).toBeLessThanOrEqual(tokens);
            expect(segment.keys).toEqual(before);
            expect([...left.positions.slice(0, 2)]).toEqual([0, 3]);
            if (keepsGuard) expect([...left.keys.slice(0, 2 * DIM)]).toEqual([...before.slice(0, 2 * DIM)]);
          },
        ),
        { seed: 1, numRuns: 60 },
      ),
  );

  test("none keeps what is kept as it is", () => {
    const left = noMerging().fold(plain([[1], [2], [3]]), Int32Array.of(0, 2), new Float32Array(3));
    expect([[...left.keys], [...left.positions], left.counts]).toEqual([[1, 3], [0, 2], undefined]);
  });

  test("adjacent runs: the most alike neighbours join, by Gaussian weights around the most attended", () => {
    const keys = [
      [1, 0],
      [0, 1],
      [0.1, 1],
      [0.2, 1],
      [1, -1],
      [-1, 0],
    ];
    const segment = plain(
      keys,
      [[1], [2], [4], [8], [16], [32]].map(([v]) => [v!, v!]),
    );
    const scores = Float32Array.of(0, 1, 5, 2, 0, 0);
    const merger = adjacentRuns({ guard: { sinks: 1, recent: 1 }, bestShare: 0 });
    const left = merger.fold(segment, Int32Array.of(0, 1, 2, 3), scores);
    expect([...left.positions]).toEqual([0, 2, 4, 5]);
    expect([...left.counts!]).toEqual([1, 3, 1, 1]);
    // both others are 0.1 away: the mean square is 2/3 of that, so they weigh exp(-3/4)
    const weight = Math.exp(-0.75);
    expect(left.values[2]).toBeCloseTo((4 + weight * (2 + 8)) / (1 + 2 * weight), 5);
    expect(left.keys[2]).toBeCloseTo(0.1, 5);
    const published = adjacentRuns({
      guard: { sinks: 1, recent: 1 },
      bestShare: 0,
      sigma: 5,
      bias: false,
      scaledValues: true,
    });
    const scaled = published.fold(segment, Int32Array.of(0, 1, 2, 3), scores);
    expect(scaled.counts).toBeUndefined();
    expect(scaled.values[2]).toBeCloseTo(14, 1);
  });

  test("a key of zeros joins no run", () => {
    const segment = plain([
      [1, 0],
      [0, 0],
      [1, 0],
      [1, 0.1],
    ]);
    const merger = adjacentRuns({ guard: { sinks: 0, recent: 0 }, bestShare: 0 });
    expect([...merger.fold(segment, Int32Array.of(0, 1, 2), new Float32Array(4)).counts!]).toEqual([1, 1, 2]);
    expect(() => merger.fold(segment, Int32Array.of(0, 1), new Float32Array(4))).toThrow(
      /3 cannot be merged/,
    );
  });

  test("bipartite: every other slot goes to its most similar partner, counts weigh in later passes", () => {
    const segment = plain([
      [1, 0.1],
      [0, 1],
      [1, 0],
      [0.1, 1],
    ]);
    const merger = bipartite({ chunk: 4, guard: { sinks: 0, recent: 0 } });
    const once = merger.fold(segment, Int32Array.of(0, 1, 2), new Float32Array(4));
    // of slots 0 and 2, slot 0 is nearer to a partner: to slot 3
    expect([...once.positions]).toEqual([1, 2, 3]);
    expect([...once.counts!]).toEqual([1, 1, 2]);
    expect(once.keys[4]).toBeCloseTo(0.55, 6);
    const whole = merger.fold(segment, Int32Array.of(0), new Float32Array(4));
    expect([...whole.counts!]).toEqual([4]);
    expect(whole.keys[0]).toBeCloseTo(2.1 / 4, 6);
    expect(whole.keys[1]).toBeCloseTo(2.1 / 4, 6);
    expect(
      bipartite({ bias: false, guard: { sinks: 0, recent: 0 } }).fold(
        segment,
        Int32Array.of(0),
        new Float32Array(4),
      ).counts,
    ).toBeUndefined();
  });

  test("nearest survivor takes what is alike enough, and values alone if wanted", () => {
    const segment = plain(
      [
        [1, 0],
        [0, 1],
        [0.9, 0.1],
        [-1, 0],
      ],
      [
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 0],
      ],
    );
    const keep = Int32Array.of(0, 1);
    const left = nearestSurvivor().fold(segment, keep, new Float32Array(4));
    expect([...left.counts!]).toEqual([2, 1]);
    expect(left.keys[0]).toBeCloseTo(0.95, 6);
    expect([...left.values]).toEqual([2, 0, 2, 0]);
    const values = nearestSurvivor({ valuesOnly: true }).fold(segment, keep, new Float32Array(4));
    expect([...values.keys]).toEqual([1, 0, 0, 1]);
    expect([...values.values]).toEqual([2, 0, 2, 0]);
  });

  test("class centre: mass of the members, length of the centre, and a class of nothing", () => {
    const segment = plain(
      [
        [2, 0],
        [0, 1],
        [1, 0.2],
        [-1, 0],
      ],
      [
        [1, 0],
        [0, 1],
        [1, 0],
        [1, 0],
      ],
    );
    const scores = Float32Array.of(4, 3, 2, 1);
    const left = classCentre({ mass: 1 }).fold(segment, Int32Array.of(0, 1), scores);
    // slot 2 goes to 0; slot 3's keys are the other way round: a product clipped to nothing
    expect([...left.counts!]).toEqual([1.5, 1]);
    expect(Math.hypot(left.keys[0]!, left.keys[1]!)).toBeCloseTo(2, 6);
    expect(left.keys[1]! / left.keys[0]!).toBeCloseTo((2 * 0.2) / (4 * 2 + 2 * 1), 6);
    expect([
      ...classCentre({ mass: 1, bias: "count" }).fold(segment, Int32Array.of(0, 1), scores).counts!,
    ]).toEqual([2, 1]);
    expect(classCentre({ bias: "none" }).fold(segment, Int32Array.of(0, 1), scores).counts).toBeUndefined();
    // centres alone reach the mass: nothing is merged
    expect([...classCentre({ mass: 0.7 }).fold(segment, Int32Array.of(0, 1), scores).counts!]).toEqual([
      1, 1,
    ]);
    // nothing is nearer than anything that is not the same
    expect([
      ...classCentre({ nothing: 1, mass: 1 }).fold(segment, Int32Array.of(0, 1), scores).counts!,
    ]).toEqual([1, 1]);
  });

  test("refuses what the cards refuse", () => {
    const segment = segmentOf(20, 1);
    const scores = new Float32Array(20);
    expect(() => bipartite({ chunk: 3 })).toThrow(/even/);
    expect(() => bipartite({ chunk: 1 })).toThrow(/chunk is 1/);
    expect(() =>
      bipartite({ guard: { sinks: 10, recent: 9 } }).fold(segment, Int32Array.of(1, 2), scores),
    ).toThrow(/guard of 10 \+ 9/);
    expect(() => adjacentRuns({ sigma: 0 })).toThrow(/sigma is 0/);
    expect(() => adjacentRuns({ bestShare: -1 })).toThrow(/bestShare is -1/);
    expect(() => adjacentRuns({ guard: { sinks: 1.5, recent: 0 } })).toThrow(/guard.sinks is 1.5/);
    expect(() => nearestSurvivor({ least: 2 })).toThrow(/least is 2/);
    expect(() => classCentre({ nothing: -1 })).toThrow(/nothing is -1/);
    expect(() => classCentre({ mass: 0 })).toThrow(/mass is 0/);
    const broken = { ...segment, keys: segment.keys.map((value, i) => (i === 9 ? Number.NaN : value)) };
    for (const [, merger] of all) {
      expect(() => merger.fold(broken, Int32Array.of(0), scores)).toThrow(/keys of slot 2 hold NaN/);
      expect(() => merger.fold({ ...segment, values: scores }, Int32Array.of(0), scores)).toThrow(/80/);
    }
  });
});
