/** Allocators: the promises that all of them make, then each rule against the obvious way to say it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../linalg/random.ts";
import {
  type Allocator,
  acrossAll,
  acrossHeads,
  maskOfGates,
  pyramid,
  staticMask,
  uniform,
} from "../index.ts";

const LAYERS = 3;
const HEADS = 2;
const guard = { sinks: 2, recent: 4 };
const shape = { layers: LAYERS, kvHeads: HEADS, guard };

function scoresOf(slots: readonly number[], seed: number): Float32Array[] {
  const random = new Random(seed);
  return slots.map((length) => Float32Array.from({ length }, () => Math.floor(random.uniform() * 20)));
}

const all: readonly [string, Allocator][] = [
  ["uniform", uniform()],
  ["across heads", acrossHeads()],
  ["across all", acrossAll()],
  ["pyramid", pyramid()],
  ["streaming mask", staticMask(new Uint8Array(LAYERS * HEADS))],
];

describe("allocators", () => {
  test.each(all)("%s: no more than there is, no less than the guard", (_, allocator) =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 6, maxLength: 6 }),
        fc.integer({ min: 10, max: 70 }),
        fc.integer(),
        (slots, perHead, seed) => {
          const counts = allocator.split(scoresOf(slots, seed), perHead, shape);
          expect(counts.length).toBe(slots.length);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(perHead * slots.length);
          counts.forEach((count, h) => {
            expect(count).toBeLessThanOrEqual(slots[h]!);
            expect(count).toBeGreaterThanOrEqual(Math.min(slots[h]!, guard.sinks + guard.recent));
          });
        },
      ),
      { seed: 1 },
    ),
  );

  test("across heads gives what a sort of all scores of the layer gives", () => {
    const scores = scoresOf([40, 40, 40, 40, 40, 40], 3).map((head, h) =>
      head.map((s, i) => s + (h + i) / 1000 + (h === 1 ? 9 : 0)),
    );
    const perHead = 16;
    const counts = acrossHeads({ sure: 0.2 }).split(scores, perHead, shape);
    for (let layer = 0; layer < LAYERS; layer++) {
      const heads = scores.slice(layer * HEADS, (layer + 1) * HEADS);
      // each head is sure of two: a fifth of the ten beside the guard
      const ranked = heads.map((head) => [...head.slice(2, -4)].sort((a, b) => b - a));
      const pool = ranked.flatMap((head, h) => head.slice(2).map((score) => ({ score, h })));
      pool.sort((a, b) => b.score - a.score);
      const wanted = heads.map(
        (_, h) => 6 + 2 + pool.slice(0, 2 * 10 - 4).filter((one) => one.h === h).length,
      );
      expect([...counts.slice(layer * HEADS, (layer + 1) * HEADS)]).toEqual(wanted);
    }
    expect(counts[1]).toBeGreaterThan(counts[0]!);
    expect([...acrossHeads({ sure: 1 }).split(scores, perHead, shape)]).toEqual(Array(6).fill(16));
  });

  test("across all moves slots between layers", () => {
    const scores = scoresOf([40, 40, 40, 40, 40, 40], 4).map((head, h) =>
      head.map((s) => s + (h >= 4 ? 100 : 0)),
    );
    const counts = acrossAll({ sure: 0 }).split(scores, 16, shape);
    expect([...counts.slice(0, 4)]).toEqual([6, 6, 6, 6]);
    expect(counts[4]! + counts[5]!).toBe(16 * 6 - 24);
  });

  test("pyramid falls evenly, the last layer gets 1/beta", () => {
    const deep = { layers: 5, kvHeads: 1, guard };
    const counts = pyramid({ beta: 20 }).split(scoresOf(Array(5).fill(1000), 1), 106, deep);
    expect([...counts]).toEqual([6 + 195, 6 + 147, 6 + 100, 6 + 52, 6 + 5]);
    // a first layer that has no more than 120 slots gives back
    const short = pyramid({ beta: 20 }).split(scoresOf(Array(5).fill(126), 1), 106, deep);
    expect([...short]).toEqual([126, 116, 106, 96, 86]);
  });

  test("static mask: everything or the guard, and a budget that it fits", () => {
    const mask = maskOfGates(Float32Array.of(0.1, 0.9, -3, 2, 0.9, 0), 0.5);
    expect([...mask]).toEqual([0, 1, 0, 1, 1, 0]);
    const scores = scoresOf(Array(6).fill(50), 1);
    expect([...staticMask(mask).split(scores, 28, shape)]).toEqual([6, 50, 6, 50, 50, 6]);
    expect(() => staticMask(mask).split(scores, 27, shape)).toThrow(/keep 28 slots on average/);
    expect([...maskOfGates(Float32Array.of(1, 1), 0)]).toEqual([0, 0]);
    expect([...staticMask(new Uint8Array(6)).split(scores, 6, shape)]).toEqual(Array(6).fill(6));
  });

  test("refuses what the cards refuse", () => {
    const scores = scoresOf(Array(6).fill(50), 1);
    expect(() => uniform().split(scores, 9, shape)).toThrow(/guard of 2 \+ 4 needs 10/);
    expect(() => uniform().split(scores.slice(1), 20, shape)).toThrow(/scores of 5 heads/);
    expect(() => acrossHeads({ sure: 1.5 })).toThrow(/sure is 1.5/);
    expect(() => pyramid({ beta: 0 })).toThrow(/beta is 0/);
    expect(() => staticMask([0, 2])).toThrow(/head 1 has 2/);
    expect(() => staticMask([0, 1]).split(scores, 30, shape)).toThrow(/made for 2 heads/);
    expect(() => maskOfGates(Float32Array.of(Number.NaN), 0.5)).toThrow(/head 0/);
    expect(() => maskOfGates(Float32Array.of(1), 2)).toThrow(/share is 2/);
    scores[3]![7] = Number.POSITIVE_INFINITY;
    expect(() => acrossHeads().split(scores, 20, shape)).toThrow(/slot 7 of head 1 in layer 1/);
  });
});
