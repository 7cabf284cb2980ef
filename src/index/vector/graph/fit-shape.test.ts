import fc from "fast-check";
import { expect, test } from "vitest";
import { type Matrix, matrix, rowsOf } from "../../../linalg/matrix.ts";
import { Random } from "../../../linalg/random.ts";
import { GraphIndex } from "./graph-index.ts";

const ROWS = 2000;

/** Gaussian rows that vary in their first `directions` values only. */
function varying(dim: number, directions: number, seed: number): Matrix {
  const random = new Random(seed);
  const all = matrix(ROWS, dim);
  for (let i = 0; i < all.data.length; i++) if (i % dim < directions) all.data[i] = random.gaussian();
  return all;
}

test("a walk's span is as wide as rows vary, and rows then have more links", async () => {
  const seeds = fc.integer({ min: 1, max: 1000 });
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      for (const [directions, dims] of [
        [20, 56],
        [90, 120],
        [150, 184],
      ] as const) {
        using narrow = await GraphIndex.build(varying(256, directions, seed), { metric: "l2" });
        expect(narrow.shape).toMatchObject({ dims, degree: 32, forward: 16, fineBits: 8 });
        expect(narrow.growth.buildEffort).toBe(128);
      }
      using wide = await GraphIndex.build(varying(256, 256, seed), { metric: "l2" });
      expect(wide.shape).toMatchObject({ dims: 248, degree: 64, forward: 32, fineBits: 8 });
      expect(wide.growth.buildEffort).toBe(256);
    }),
    { numRuns: 2 },
  );
});

test("where no span keeps enough, all values are walked over", async () => {
  using index = await GraphIndex.build(varying(224, 224, 1), { metric: "l2" });
  expect(index.shape).toMatchObject({ dims: 224, projection: undefined, degree: 32, fineBits: 4 });
});

test("of narrow vectors a span is walked over where they vary in few directions, which few rows do not tell", async () => {
  using narrow = await GraphIndex.build(varying(128, 20, 1), { metric: "l2" });
  expect(narrow.shape).toMatchObject({ dims: 56, fineBits: 8 });
  using all = await GraphIndex.build(varying(128, 128, 1), { metric: "l2" });
  expect(all.shape).toMatchObject({ dims: 128, projection: undefined, fineBits: 4 });
  using few = await GraphIndex.build(rowsOf(varying(128, 20, 1), 0, 500), { metric: "l2" });
  expect(few.shape).toMatchObject({ dims: 128, projection: undefined });
});

test("rows that are all the same, and options that are given, stand", async () => {
  using same = await GraphIndex.build(varying(256, 0, 1), { metric: "l2" });
  expect(same.shape.dims).toBe(56);
  const asked = { metric: "l2", coarseDims: 64, degree: 20, buildEffort: 40 } as const;
  using given = await GraphIndex.build(varying(256, 256, 1), asked);
  expect(given.shape).toMatchObject({ dims: 64, degree: 20, forward: 16 });
  expect(given.growth.buildEffort).toBe(40);
});
