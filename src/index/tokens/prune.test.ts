import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gaussian } from "../../../test/support/gaussian.ts";
import { matrix, rowOf } from "../../linalg/matrix.ts";
import { madeUpSets } from "./made-up.test.support.ts";
import {
  checkPruning,
  groupTokens,
  type Pruning,
  pruneTokens,
  pruningName,
  seedOfText,
  sumsOf,
} from "./prune.ts";

const PRUNINGS: readonly Pruning[] = [
  { kind: "none" },
  { kind: "clusters", query: 4, document: 8 },
  { kind: "share", share: 0.25 },
  { kind: "tail", query: 4, document: 8 },
  { kind: "groups", size: 4 },
  { kind: "single" },
];
const tokens = madeUpSets(1, 16, 1, 3)[0]!;
const text = matrix(20, 16);
for (let r = 0; r < 20; r++) text.data.set(madeUpSets(1, 16, 1, r)[0]!.data.subarray(0, 16), r * 16);

describe("pruning", () => {
  it("keeps as many vectors as its name says", () => {
    const counts = (role: "query" | "document") => PRUNINGS.map((p) => pruneTokens(text, p, role, 7).rows);
    expect(counts("document")).toEqual([20, 8, 5, 8, 5, 1]);
    expect(counts("query")).toEqual([20, 4, 5, 4, 5, 1]);
    expect(PRUNINGS.map(pruningName)).toEqual(["all", "C4x8", "C25", "T4x8", "K4", "single"]);
    for (const pruning of PRUNINGS) expect(pruneTokens(tokens, pruning, "document", 1).rows).toBe(1);
  });

  it("puts every token in one group, and sums its own", () => {
    const arbitrary = fc.record({ k: fc.integer({ min: 1, max: 25 }), seed: fc.nat() });
    fc.assert(
      fc.property(arbitrary, ({ k, seed }) => {
        const groups = groupTokens(text, { kind: "clusters", query: k, document: k }, "document", seed);
        expect(new Set(groups.of).size).toBe(groups.count);
        expect(groups.count).toBe(Math.min(k, 20));
        const sums = matrix(groups.count, 16);
        groups.of.forEach((group, t) => {
          rowOf(text, t).forEach((x, i) => {
            sums.data[group * 16 + i]! += x;
          });
        });
        sumsOf(text, groups).data.forEach((x, i) => expect(x).toBeCloseTo(sums.data[i]!, 4));
      }),
      { seed: 66, numRuns: 40 },
    );
  });

  it("clusters a text of more tokens than are exchanged", () => {
    const long = gaussian(1100, 4, 5);
    const groups = groupTokens(long, { kind: "clusters", query: 8, document: 8 }, "document", 1);
    expect(groups.count).toBe(8);
    expect(new Set(groups.of).size).toBe(8);
  });

  it("takes the last tokens, and runs of neighbours", () => {
    const tail = pruneTokens(text, { kind: "tail", query: 1, document: 3 }, "document", 1);
    tail.data.forEach((x, i) => expect(x).toBeCloseTo(text.data[17 * 16 + i]!, 5));
    const runs = pruneTokens(text, { kind: "groups", size: 3 }, "query", 1);
    expect(runs.rows).toBe(7);
    expect(runs.data.slice(6 * 16)[0]).toBeCloseTo(text.data[18 * 16]! + text.data[19 * 16]!, 5);
    const single = pruneTokens(text, { kind: "single" }, "document", 1);
    expect(single.data.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 5);
  });

  it("makes a document's means one long, and has a query's weigh what they stand for", () => {
    const pruning = { kind: "clusters", query: 3, document: 3 } as const;
    const kept = pruneTokens(text, pruning, "document", 1);
    for (let r = 0; r < kept.rows; r++) expect(Math.hypot(...rowOf(kept, r))).toBeCloseTo(1, 5);
    // the sum over all groups is that of the tokens
    const asked = pruneTokens(text, pruning, "query", 1);
    for (let c = 0; c < text.cols; c++) {
      const sumOf = ({ data, cols }: typeof text): number =>
        data.reduce((sum, x, at) => sum + (at % cols === c ? x : 0), 0);
      expect(sumOf(asked)).toBeCloseTo(sumOf(text), 4);
    }
  });

  it("clusters a text alike each time, and tokens that are all one as one", () => {
    const pruning = { kind: "clusters", query: 4, document: 6 } as const;
    const seed = seedOfText("the same text");
    expect(pruneTokens(text, pruning, "document", seed)).toEqual(
      pruneTokens(text, pruning, "document", seed),
    );
    expect(seedOfText("another text")).not.toBe(seed);
    const same = matrix(9, 4, new Float32Array(36).fill(0.5));
    const means = pruneTokens(same, pruning, "document", 1);
    expect(means.rows).toBeLessThanOrEqual(6);
    expect(new Set(means.data)).toEqual(new Set([0.5]));
  });

  it("refuses empty texts and numbers out of range", () => {
    for (const pruning of PRUNINGS)
      expect(() => pruneTokens(matrix(0, 4), pruning, "query", 1)).toThrow(/without tokens/);
    expect(() => checkPruning({ kind: "clusters", query: 0, document: 8 })).toThrow(/vectors of a query/);
    expect(() => checkPruning({ kind: "share", share: 1.5 })).toThrow(/share/);
    expect(() => checkPruning({ kind: "groups", size: 0.5 })).toThrow(/tokens of a group/);
  });
});
