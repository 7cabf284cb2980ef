/** Under cosine, rows and queries whose squared length vanishes in f32 are refused by name, whatever the index; codecs, which may come behind a projection, take them for zero. */
import { expect, test } from "vitest";
import { parseCodec } from "../../codecs/index.ts";
import { scoreOf } from "../../codecs/score.ts";
import { matrix, rowOf } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";
import { squareOf } from "../../linalg/square.ts";
import { memoryStore } from "../../storage/index.ts";
import { buildCells } from "./cells/build.ts";
import { CellIndex } from "./cells/cell-index.ts";
import { buildDiskGraph } from "./disk-graph/build.ts";
import { GraphIndex } from "./graph/graph-index.ts";
import { buildSpann } from "./spann/build.ts";
import { SpannIndex } from "./spann/spann.ts";

const DIM = 16;
const random = new Random(6);
const rows = matrix(
  200,
  DIM,
  Float32Array.from({ length: 200 * DIM }, () => random.gaussian()),
);
const times = (factor: number): typeof rows =>
  matrix(
    rows.rows,
    DIM,
    rows.data.map((value) => value * factor),
  );
const refused = expect.objectContaining({
  code: "RANGE",
  message: expect.stringContaining("long, at least"),
});
const metric = "cosine";

/** Squares of 1e-30 are zero in f32, those of 1e-22 have lost their digits. */
test.each([1e-30, 1e-22])("rows of values near %s have no cosine that f32 can tell", async (factor) => {
  const short = matrix(rows.rows, DIM, rows.data.slice());
  short.data.set(times(factor).data.subarray(0, DIM), 7 * DIM);
  const query = short.data.slice(7 * DIM, 8 * DIM);
  await expect(GraphIndex.build(short, { metric })).rejects.toEqual(refused);
  await expect(buildCells(short, { metric })).rejects.toEqual(refused);
  await expect(buildDiskGraph(short, { metric })).rejects.toEqual(refused);
  await expect(buildSpann(memoryStore(), "test", short, { metric, limit: 32 })).rejects.toEqual(refused);
  using graph = await GraphIndex.build(rows, { metric });
  expect(() => graph.search(query, { k: 1 })).toThrow(refused);
  expect(() => graph.append(1000, query)).toThrow(refused);
  using cells = new CellIndex(await buildCells(rows, { metric }));
  expect(() => cells.search(query, { k: 1 })).toThrow(refused);
  const store = memoryStore();
  await buildSpann(store, "test", rows, { metric, limit: 32 });
  using lists = await SpannIndex.open(store, "test", {});
  await expect(lists.search(query, { k: 1 })).rejects.toEqual(refused);
  for (const recipe of ["f32", "int8", "int4-g16", "rabitq1", "rabitq4", "pq4x8", "rq4x8"]) {
    const coder = parseCodec(recipe).fit(rows, { seed: 1 });
    const scores = new Float32Array(rows.rows);
    const codes = coder.encode(times(factor));
    coder.scorer(rowOf(rows, 0), metric).score(codes, 0, rows.rows, scores);
    // codes of parts stand for the nearest centroids, which are not short
    const isOfParts = recipe.startsWith("pq") || recipe.startsWith("rq");
    for (const score of scores) expect(Math.abs(score), recipe).toBeLessThanOrEqual(isOfParts ? 1.001 : 0);
    coder.scorer(query, metric).score(coder.encode(rows), 0, rows.rows, scores);
    for (const score of scores) expect(score, recipe).toBe(0);
  }
});

test("rows as short as they may be are searched as long ones are", async () => {
  const short = times(1e-14);
  const expected = [...Array(rows.rows).keys()]
    .map((row) => ({ row, score: cosine(rowOf(rows, 3), rowOf(rows, row)) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 5)
    .map(({ row }) => row);
  const query = rowOf(short, 3);
  using graph = await GraphIndex.build(short, { metric });
  expect([...graph.search(query, { k: 5, effort: 200 }).rows]).toEqual(expected);
  using cells = new CellIndex(await buildCells(short, { metric }));
  expect([...cells.search(query, { k: 5, probes: 200 }).rows]).toEqual(expected);
  const scores = new Float32Array(rows.rows);
  const coder = parseCodec("int8").fit(short, { seed: 1 });
  coder.scorer(query, metric).score(coder.encode(short), 0, rows.rows, scores);
  scores.forEach((score, row) => expect(score).toBeCloseTo(cosine(rowOf(rows, 3), rowOf(rows, row)), 1));
});

test.each(["l2", "dot"] as const)("%s takes them: beside others they are zero", async (other) => {
  using graph = await GraphIndex.build(times(1e-30), { metric: other });
  expect(graph.search(rowOf(rows, 0), { k: 3 }).rows).toHaveLength(3);
});

const cosine = (a: Float32Array, b: Float32Array): number => {
  let dot = 0;
  a.forEach((value, i) => {
    dot += value * b[i]!;
  });
  return scoreOf(metric, dot, squareOf(a), squareOf(b));
};
