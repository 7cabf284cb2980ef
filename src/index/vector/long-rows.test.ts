/** Rows whose squared length leaves f32 are refused by name, at the building and at the search, whatever the index and the metric. */
import { expect, test } from "vitest";
import { f32, int8, rabitq } from "../../codecs/index.ts";
import { matrix } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";
import { memoryStore } from "../../storage/index.ts";
import { buildCells } from "./cells/build.ts";
import { CellIndex } from "./cells/cell-index.ts";
import { buildDiskGraph } from "./disk-graph/build.ts";
import { GraphIndex } from "./graph/graph-index.ts";
import { buildSpann } from "./spann/build.ts";
import { SpannIndex } from "./spann/spann.ts";

const DIM = 16;
const random = new Random(5);
const rows = matrix(
  200,
  DIM,
  Float32Array.from({ length: 200 * DIM }, () => random.gaussian()),
);
const long = matrix(rows.rows, DIM, rows.data.slice());
long.data[7 * DIM + 3] = -1e30;
const query = long.data.slice(7 * DIM, 8 * DIM);
/** As long as rows may be. */
const scaled = matrix(
  rows.rows,
  DIM,
  rows.data.map((value) => value * 1e17),
);
const refused = expect.objectContaining({ code: "RANGE", message: expect.stringContaining("long, at most") });

test.each(["cosine", "l2", "dot"] as const)("%s", async (metric) => {
  await expect(GraphIndex.build(long, { metric })).rejects.toEqual(refused);
  await expect(buildCells(long, { metric })).rejects.toEqual(refused);
  await expect(buildDiskGraph(long, { metric })).rejects.toEqual(refused);
  await expect(buildSpann(memoryStore(), "test", long, { metric, limit: 32 })).rejects.toEqual(refused);
  using graph = await GraphIndex.build(rows, { metric });
  expect(() => graph.search(query, { k: 1 })).toThrow(refused);
  using cells = new CellIndex(await buildCells(rows, { metric }));
  expect(() => cells.search(query, { k: 1 })).toThrow(refused);
  const store = memoryStore();
  await buildSpann(store, "test", rows, { metric, limit: 32 });
  using lists = await SpannIndex.open(store, "test", {});
  await expect(lists.search(query, { k: 1 })).rejects.toEqual(refused);
  for (const codec of [f32(), int8(), rabitq({ bits: 1 })]) {
    const coder = codec.fit(rows, { seed: 1 });
    expect(() => coder.encode(long)).toThrow(refused);
    expect(() => coder.scorer(query, metric)).toThrow(refused);
    const scores = new Float32Array(rows.rows);
    coder.scorer(scaled.data.slice(0, DIM), metric).score(coder.encode(scaled), 0, rows.rows, scores);
    expect(scores.every(Number.isFinite)).toBe(true);
  }
});
