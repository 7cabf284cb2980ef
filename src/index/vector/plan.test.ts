import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flatDepth, flatRecall } from "./flat-recall.ts";
import { kindFor, type PlanInput, planVectors, VECTOR_WISHES } from "./plan.ts";
import { decodeTable, effortFor, encodeTable, recallAt } from "./recall-table.ts";

const MB = 1e6;
const large: PlanInput = {
  segments: [262_144, 40_000, 900],
  dim: 512,
  coarseBytes: 72,
  budgetBytes: 1000 * MB,
  wish: "auto",
};

describe("planVectors", () => {
  test("takes the fastest kind that fits, and says why not another", () => {
    const rich = planVectors(large);
    expect(rich).toMatchObject({ kind: "graph", fits: true });
    expect(rich.reason).toMatch(/graph searches in about [\d.]+ ms where a scan takes [\d.]+/);
    const flat = rich.alternatives.find(({ kind }) => kind === "flat")!;
    expect(flat.ms).toBeGreaterThan(rich.ms);
    expect(flat.bytes).toBeLessThan(rich.bytes);

    const poor = planVectors({ ...large, budgetBytes: flat.bytes });
    expect(poor).toMatchObject({ kind: "flat", fits: true, bytes: flat.bytes });
    expect(poor.reason).toMatch(
      /^graph would be faster, but its [\d.]+ MB do not fit .*; disk-graph would be faster, but its [\d.]+ MB do not fit/,
    );
    expect(poor.alternatives.find(({ kind }) => kind === "graph")!.fits).toBe(false);
    expect(planVectors({ ...large, budgetBytes: 0 }).fits).toBe(false);

    const tight = planVectors({ ...large, budgetBytes: flat.bytes / 2 });
    expect(tight).toMatchObject({ kind: "lists", fits: true });
    expect(tight.reason).toMatch(/no other fits .*: flat takes [\d.]+ MB, graph takes [\d.]+ MB/);
  });

  test.each([64, 128, 256, 512, 1024])("a ladder of budgets, %i values a vector", (dim) => {
    const input = { ...large, segments: [400_000], dim, coarseBytes: dim / 8 + 8 };
    const all = planVectors(input);
    const bytesOf = (kind: string): number =>
      [all, ...all.alternatives].find((one) => one.kind === kind)!.bytes;
    const ladder = ["lists", "flat", "disk-graph", "graph"] as const;
    for (const [i, kind] of ladder.entries()) {
      const next = ladder[i + 1];
      const least = bytesOf(kind);
      const most = next ? bytesOf(next) - 1 : 2 * least;
      expect(most).toBeGreaterThan(least);
      for (const budgetBytes of [least, Math.floor((least + most) / 2), most])
        expect(planVectors({ ...input, budgetBytes })).toMatchObject({ kind, fits: true });
    }
    expect(planVectors({ ...input, budgetBytes: bytesOf("lists") - 1 })).toMatchObject({
      kind: "lists",
      fits: false,
    });
    const middle = planVectors({ ...input, budgetBytes: bytesOf("disk-graph") });
    expect(middle.reason).toMatch(
      /^disk-graph searches in about [\d.]+ ms where a scan takes [\d.]+, and its [\d.]+ MB fit .*; those of graph would be [\d.]+ MB$/,
    );
  });

  test("leaves small segments flat: none where a scan is as fast, a few thousand rows where one was asked for", () => {
    const small = planVectors({ ...large, segments: [9000, 8000] });
    expect(small).toMatchObject({ kind: "flat" });
    expect(small.reason).toMatch(/no segment has the \d+ passages/);
    const asked = planVectors({ ...large, segments: [9000, 1000], wish: "graph" });
    expect(asked).toMatchObject({ kind: "graph", reason: "graph was asked for" });
    expect([9000, 2048, 2047].map((rows) => kindFor(asked, rows))).toEqual(["graph", "graph", "flat"]);
    expect(kindFor(small, 1_000_000)).toBe("flat");
    // wider codes take longer to scan
    const least = (coarseBytes: number): number =>
      planVectors({ ...large, coarseBytes, wish: "auto" }).leastRows;
    expect(least(264)).toBeLessThan(least(72));
  });

  test("what was asked for stays, though it does not fit; what nobody knows is refused", () => {
    expect(planVectors({ ...large, budgetBytes: MB, wish: "graph" })).toMatchObject({
      kind: "graph",
      fits: false,
    });
    expect(() => planVectors({ ...large, wish: "tree" as "flat" })).toThrow(/unknown vector index "tree"/);
  });

  test("more budget never makes a search slower, and every kind is told of once", () => {
    const segments = fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 8 });
    const megabytes = fc.integer({ min: 0, max: 400 });
    fc.assert(
      fc.property(segments, megabytes, megabytes, fc.constantFrom(64, 256, 1024), (rows, a, b, dim) => {
        const input = { ...large, segments: rows, dim, coarseBytes: dim / 8 + 8 };
        const plans = [Math.min(a, b), Math.max(a, b)].map((budget) =>
          planVectors({ ...input, budgetBytes: budget * MB }),
        );
        const [less, more] = plans as [(typeof plans)[0], (typeof plans)[0]];
        if (less.fits) expect(more.fits).toBe(true);
        // lists are taken for their bytes, not for their time
        if (less.fits && less.kind !== "lists") expect(more.ms).toBeLessThanOrEqual(less.ms);
        const kinds = [more, ...more.alternatives].map(({ kind }) => kind);
        expect(["auto", ...kinds].sort()).toEqual([...VECTOR_WISHES].sort());
        for (const one of [more, ...more.alternatives])
          expect(Number.isFinite(one.bytes + one.ms)).toBe(true);
      }),
      { seed: 3, numRuns: 100 },
    );
  });
});

describe("a table of recall", () => {
  const table = { efforts: [10, 40, 160, 640], at10: [0.7, 0.93, 0.97, 1], at100: [0.1, 0.4, 0.8, 0.97] };

  test("names the least effort that reaches a recall, more for more hits, or none", () => {
    expect(effortFor(table, 10, 0.9)).toBe(40);
    expect(effortFor(table, 3, 0.95)).toBe(160);
    expect(effortFor(table, 100, 0.9)).toBe(640);
    expect(effortFor(table, 32, 0.9)).toBeGreaterThan(40);
    expect(effortFor(table, 32, 0.9)).toBeLessThan(640);
    expect(effortFor({ ...table, at10: [0.1, 0.2, 0.3, 0.4] }, 10, 0.9)).toBeUndefined();
    expect(effortFor(table, 200, 0.99)).toBeUndefined();
  });

  test("tells what an effort reaches, and comes back from its bytes", () => {
    expect(recallAt(table, 10, 200)).toBe(0.97);
    expect(recallAt(table, 100, 200)).toBe(0.8);
    expect(recallAt(table, 1, 5)).toBe(0.7);
    expect(recallAt(table, 32, 200)).toBeCloseTo(0.885, 2);
    expect(decodeTable(encodeTable(table), "x")).toEqual(table);
    for (const wrong of ["{}", "nothing", '{"efforts":[1],"at10":[],"at100":[1]}'])
      expect(() => decodeTable(new TextEncoder().encode(wrong), "graph/recall")).toThrow(/graph\/recall/);
  });

  test("flat codes: the depth for a recall gives that recall back", () => {
    for (const recall of [0.5, 0.9, 0.95, 0.99, 0.999])
      expect(flatRecall(50, flatDepth(50, recall))).toBeGreaterThanOrEqual(recall - 1e-9);
    expect(flatDepth(10, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(flatDepth(1, 0.5)).toBe(150);
  });
});
