/** Scorers against sums written out over all weights, on a small head with two query heads. */
import { describe, expect, test } from "vitest";
import { isMnemeError } from "../../errors.ts";
import { Random } from "../../linalg/random.ts";
import {
  expectedAttention,
  globalLocal,
  type HeadContext,
  isLayerScorer,
  keyNorm,
  plainHead,
  type Scorer,
  shareAcrossLayer,
  tova,
  weightSum,
  windowAttention,
} from "../index.ts";

const DIM = 8;
const SLOTS = 40;
const GROUP = 2;

const gaussians = (count: number, random: Random): Float32Array =>
  Float32Array.from({ length: count }, () => random.gaussian());

/** Pairs (i, i + 4), plain angles. */
function rotate(row: Float32Array, position: number): void {
  for (let i = 0; i < DIM / 2; i++) {
    const angle = position / 10 ** i;
    const [a, b] = [row[i]!, row[i + DIM / 2]!];
    row[i] = a * Math.cos(angle) - b * Math.sin(angle);
    row[i + DIM / 2] = b * Math.cos(angle) + a * Math.sin(angle);
  }
}

function headOf(
  windowQueries: number,
  seed = 1,
): { head: HeadContext; queries: Float32Array; keys: Float32Array } {
  const random = new Random(seed);
  const keys = gaussians(SLOTS * DIM, random);
  const queries = gaussians(GROUP * SLOTS * DIM, random);
  const head = plainHead({
    segment: {
      dim: DIM,
      keys,
      values: gaussians(SLOTS * DIM, random),
      positions: Int32Array.from({ length: SLOTS }, (_, s) => s),
    },
    queries,
    windowQueries,
    rotate,
    unrotate: (row, position) => rotate(row, -position),
  });
  return { head, queries, keys };
}

const scoresOf = (scorer: Scorer, head: HeadContext): Float32Array => {
  const out = new Float32Array(head.slots).fill(7);
  scorer.score(head, out);
  return out;
};

/** weight[query head][query][slot], by the definition. */
function allWeights(queries: Float32Array, keys: Float32Array): number[][][] {
  return Array.from({ length: GROUP }, (_, h) =>
    Array.from({ length: SLOTS }, (_, q) => {
      const logits = Array.from({ length: SLOTS }, (_, s) => {
        let dot = 0;
        for (let i = 0; i < DIM; i++) dot += queries[(h * SLOTS + q) * DIM + i]! * keys[s * DIM + i]!;
        return s <= q ? Math.exp(dot / Math.sqrt(DIM)) : 0;
      });
      const sum = logits.reduce((a, b) => a + b, 0);
      return logits.map((logit) => logit / sum);
    }),
  );
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe("scorers", () => {
  test("window attention averages over queries, neighbours and the group, and leaves its own window alone", () => {
    const { head, queries, keys } = headOf(6);
    const weights = allWeights(queries, keys);
    const votes = Array.from({ length: SLOTS }, (_, s) =>
      mean(weights.flatMap((rows) => rows.slice(-6).map((row) => row[s]!))),
    );
    const scores = scoresOf(windowAttention({ window: 6, kernel: 3 }), head);
    scores.forEach((score, s) => {
      const around = [s - 1, s, s + 1].map((at) => (at >= 0 && at < SLOTS - 6 ? votes[at]! : 0));
      const wanted = s < SLOTS - 6 ? around.reduce((a, b) => a + b, 0) / 3 : votes[s]!;
      expect(score).toBeCloseTo(wanted, 6);
    });
  });

  test("weight sums add up to the number of queries", () => {
    const { head, queries, keys } = headOf(0);
    const weights = allWeights(queries, keys);
    const scores = scoresOf(weightSum(), head);
    scores.forEach((score, s) => {
      expect(score).toBeCloseTo(mean(weights.map((rows) => rows.reduce((sum, row) => sum + row[s]!, 0))), 5);
    });
    expect(scores.reduce((a, b) => a + b, 0)).toBeCloseTo(SLOTS, 4);
  });

  test("tova: the newest query, and all heads of a layer the same", () => {
    const { head, queries, keys } = headOf(1);
    const last = allWeights(queries, keys).map((rows) => rows.at(-1)!);
    const scores = [scoresOf(tova(), head), scoresOf(tova(), headOf(1, 2).head)];
    scores[0]!.forEach((score, s) => expect(score).toBeCloseTo(mean(last.map((row) => row[s]!)), 6));
    const wanted = Array.from(scores[0]!, (score, s) => (score + scores[1]![s]!) / 2);
    shareAcrossLayer(scores);
    for (const head of scores) head.forEach((score, s) => expect(score).toBeCloseTo(wanted[s]!, 6));
    expect([isLayerScorer(tova()), isLayerScorer(weightSum())]).toEqual([true, false]);
    expect(() => shareAcrossLayer([new Float32Array(3), new Float32Array(4)])).toThrow(/one length/);
  });

  test("global-local is at least each view, in the same mean", () => {
    const { head } = headOf(6);
    const guard = { sinks: 2, recent: 6 };
    const local = scoresOf(windowAttention({ window: 6, kernel: 3 }), head);
    const global = scoresOf(weightSum(), head);
    const both = scoresOf(globalLocal({ window: 6, kernel: 3, guard }), head);
    const align = mean([...global].slice(2, -6)) / mean([...local].slice(2, -6));
    both.forEach((score, s) => expect(score).toBeCloseTo(Math.max(global[s]!, local[s]! * align), 5));
  });

  test("expected attention is what many drawn queries pay on average", () => {
    const random = new Random(5);
    const centre = gaussians(GROUP * DIM, random);
    const spread = 0.7;
    const { head } = headOf(0);
    const covariance = new Float32Array(GROUP * DIM * DIM);
    for (let h = 0; h < GROUP; h++)
      for (let i = 0; i < DIM; i++) covariance[(h * DIM + i) * DIM + i] = spread * spread;
    // ahead 1: the rotation is that of the next position alone, so the expectation can be drawn
    const known = { ...head, queryStatistics: () => ({ mean: centre, covariance }) };
    const scores = scoresOf(expectedAttention({ ahead: 1, sinks: 0 }), known);
    const { keys, values } = head.segment();
    const draws = 20_000;
    const paid = Array.from({ length: GROUP }, () => new Float64Array(SLOTS));
    for (let d = 0; d < draws; d++) {
      for (let h = 0; h < GROUP; h++) {
        const query = Float32Array.from(
          { length: DIM },
          (_, i) => centre[h * DIM + i]! + spread * random.gaussian(),
        );
        rotate(query, SLOTS);
        for (let s = 0; s < SLOTS; s++) {
          let dot = 0;
          for (let i = 0; i < DIM; i++) dot += query[i]! * keys[s * DIM + i]!;
          paid[h]![s]! += Math.exp(dot / Math.sqrt(DIM));
        }
      }
    }
    scores.forEach((score, s) => {
      const weight = mean(paid.map((sums) => sums[s]! / sums.reduce((a, b) => a + b, 0)));
      const wanted = weight * Math.hypot(...values.subarray(s * DIM, (s + 1) * DIM));
      expect(Math.abs(score - wanted)).toBeLessThan(0.05 * wanted + 1e-4);
    });
  });

  test("statistics of a plain head are those of queries before rotation", () => {
    const { head, queries } = headOf(0);
    const { mean: middle, covariance } = head.queryStatistics();
    const rows = Array.from({ length: SLOTS - 4 }, (_, i) => {
      const row = queries.slice((i + 4) * DIM, (i + 5) * DIM);
      rotate(row, -(i + 4));
      return row;
    });
    const expected = mean(rows.map((row) => row[3]!));
    expect(middle[3]).toBeCloseTo(expected, 5);
    const product = rows.reduce((sum, row) => sum + (row[3]! - expected) ** 2, 0) / (rows.length - 1);
    expect(covariance[3 * DIM + 3]).toBeCloseTo(product, 5);
  });

  test("short keys score best", () => {
    const { head, keys } = headOf(0);
    const scores = scoresOf(keyNorm(), head);
    scores.forEach((score, s) =>
      expect(score).toBeCloseTo(-Math.hypot(...keys.subarray(s * DIM, (s + 1) * DIM)), 5),
    );
  });

  test("refuses what the cards refuse", () => {
    expect(() => windowAttention({ window: 0 })).toThrow(/window is 0/);
    expect(() => windowAttention({ kernel: 4 })).toThrow(/odd/);
    expect(() => expectedAttention({ ahead: 0 })).toThrow(/ahead is 0/);
    const broken = headOf(4);
    broken.keys[5 * DIM] = Number.NaN;
    for (const scorer of [
      windowAttention({ window: 4 }),
      weightSum(),
      tova(),
      keyNorm(),
      expectedAttention(),
    ]) {
      let thrown: unknown;
      try {
        scoresOf(scorer, broken.head);
      } catch (error) {
        thrown = error;
      }
      expect(isMnemeError(thrown, "NOT_FINITE")).toBe(true);
      expect(String(thrown)).toMatch(/head 0 in layer 0/);
    }
    expect(() => headOf(0).head.windowWeights()).toThrow(/name their number/);
  });
});

test("reach: slots behind a hit share its score, the nearest first, and never lower one of their own", () => {
  const { head } = headOf(4);
  const plain = new Float32Array(SLOTS);
  windowAttention({ window: 4, kernel: 1 }).score(head, plain);
  const carried = new Float32Array(SLOTS);
  windowAttention({ window: 4, kernel: 1, reach: 6 }).score(head, carried);
  for (let s = 0; s < SLOTS - 4; s++) {
    const all = [0, 1, 2, 3, 4, 5, 6].filter((by) => by <= s).map((by) => plain[s - by]! * (1 - by / 24));
    expect(carried[s]).toBeCloseTo(Math.max(...all), 6);
  }
  expect(carried.subarray(SLOTS - 4)).toEqual(plain.subarray(SLOTS - 4));
  expect(() => windowAttention({ reach: -1 })).toThrow(/reach/);
});
