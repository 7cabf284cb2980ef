import fc from "fast-check";
import { expect, test } from "vitest";
import { kernels, NO_ROW, WasmGraph } from "../../../kernels/index.ts";
import { connect, type Links, walkOrder } from "./connect.ts";
import { ROOM } from "./options.ts";
import { planWalk } from "./plan.ts";
import { RowNames } from "./row-names.ts";

const DEGREE = 4;

/** Any links among rows, each row with one at least. */
const graphs: fc.Arbitrary<Links> = fc
  .integer({ min: 2, max: 60 })
  .chain((rows) =>
    fc.array(fc.uniqueArray(fc.nat({ max: rows - 1 }), { minLength: 1, maxLength: DEGREE }), {
      minLength: rows,
      maxLength: rows,
    }),
  )
  .map((lists) => {
    const links = new Uint32Array(lists.length * DEGREE).fill(NO_ROW);
    lists.forEach((list, row) => {
      links.set(list, row * DEGREE);
    });
    return { links, degree: DEGREE, entries: Uint32Array.of(0) };
  });

function reachable({ links }: Links): Set<number> {
  const reached = new Set([0]);
  for (const row of reached)
    for (const link of links.subarray(row * DEGREE, (row + 1) * DEGREE))
      if (link !== NO_ROW) reached.add(link);
  return reached;
}

test("connecting says how many rows it could not reach, and links stay packed", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const rows = graph.links.length / DEGREE;
      const before = reachable(graph).size;
      const lost = connect(graph, () => true);
      const after = reachable(graph).size;
      if (lost === 0) expect(after).toBe(rows);
      // a row whose links are all as lost as itself stays so
      expect(after).toBeGreaterThanOrEqual(Math.min(before, rows - 1));
      for (let row = 0; row < rows; row++) {
        const list = [...graph.links.subarray(row * DEGREE, (row + 1) * DEGREE)];
        const end = list.indexOf(NO_ROW);
        if (end >= 0) expect(list.slice(end).every((link) => link === NO_ROW)).toBe(true);
      }
      expect([...walkOrder(graph)].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
    }),
    { seed: 3, numRuns: 300 },
  );
});

test("a row that links to reached ones is reached afterwards", () => {
  // 0 <-> 1; 2 -> 0; 3 -> 2: nothing leads to 2 and 3
  const links = Uint32Array.of(1, NO_ROW, 0, NO_ROW, 0, NO_ROW, 2, NO_ROW);
  const graph = { links, degree: 2, entries: Uint32Array.of(0) };
  expect(connect(graph, () => true)).toBe(0);
  expect([...links]).toEqual([1, 2, 0, NO_ROW, 0, 3, 2, NO_ROW]);
});

test("a walk widens as fewer rows match, until a scan is cheaper", () => {
  const asked = { depth: 10, effort: 50, rows: 100_000, rescore: 2 };
  expect(planWalk({ ...asked, matching: 100_000 })).toEqual({ effort: 50, kept: 100, among: false });
  expect(planWalk({ ...asked, matching: 95_000 })).toEqual({ effort: 53, kept: 100, among: false });
  expect(planWalk({ ...asked, matching: 25_000 })).toEqual({ effort: 50, kept: 100, among: true });
  expect(planWalk({ ...asked, rows: 1e6, matching: 40_000 })).toEqual({
    effort: 100,
    kept: 100,
    among: true,
  });
  expect(planWalk({ ...asked, matching: 4000 })).toEqual({ effort: 0, kept: 100, among: true });
  expect(planWalk({ ...asked, matching: 800 })).toBeUndefined();
  expect(planWalk({ ...asked, depth: ROOM + 1, matching: 100_000 })).toBeUndefined();
  expect(planWalk({ ...asked, rows: 60, matching: 60 })).toBeUndefined();
});

test("names of rows go both ways, also when rows go and come", () => {
  const mean = new Float32Array(32);
  const shape = { dim: 32, dims: 32, mean, metric: "l2", fineBits: 0, degree: 4, forward: 2 } as const;
  using graph = new WasmGraph(kernels(), { ...shape, room: 16, threads: 1 });
  graph.place(0, new Float32Array(3 * 32));
  const names = new RowNames(graph);
  names.set(0, Uint32Array.of(40, 3, 9));
  expect([40, 3, 9, 4].map((row) => names.ordinalOf(row))).toEqual([0, 1, 2, NO_ROW]);
  names.forget(3);
  names.set(1, Uint32Array.of(100));
  graph.place(3, new Float32Array(32));
  names.set(3, Uint32Array.of(3));
  expect([0, 1, 2, 3].map((ordinal) => names.rowAt(ordinal))).toEqual([40, 100, 9, 3]);
  expect([40, 3, 100].map((row) => names.ordinalOf(row))).toEqual([0, 3, 1]);
});
