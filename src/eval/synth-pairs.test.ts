import { expect, test } from "vitest";
import { type Matrix, rowOf } from "../linalg/matrix.ts";
import { SynthPairs } from "./synth-pairs.ts";

const product = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Share of queries whose own document is the nearest of all. */
function found({ queries, documents }: { queries: Matrix; documents: Matrix }): number {
  let right = 0;
  for (let q = 0; q < queries.rows; q++) {
    const own = product(rowOf(queries, q), rowOf(documents, q));
    const better = Array.from({ length: documents.rows }, (_, d) =>
      product(rowOf(queries, q), rowOf(documents, d)),
    ).filter((score) => score > own);
    if (better.length === 0) right++;
  }
  return right / queries.rows;
}

test("pairs are unit rows, the same for the same draw", () => {
  const source = new SynthPairs({ dim: 48, nuisance: 0.7, rank: 8 });
  const { queries, documents } = source.pairs(50, 3);
  for (const rows of [queries, documents])
    for (let r = 0; r < 50; r++) expect(product(rowOf(rows, r), rowOf(rows, r))).toBeCloseTo(1, 5);
  expect(new SynthPairs({ dim: 48, nuisance: 0.7, rank: 8 }).pairs(50, 3)).toEqual({ queries, documents });
  expect(source.pairs(50, 4).queries).not.toEqual(queries);
});

test("a nuisance hides what geometry tells without it", () => {
  const shares = [0, 1.5].map((nuisance) => found(new SynthPairs({ dim: 64, nuisance }).pairs(400, 1)));
  expect(shares[0]).toBeGreaterThan(1.5 * shares[1]!);
});
