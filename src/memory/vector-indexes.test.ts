/** A library searched by each kind of vector index: the same hits, whatever filters, deletes, moves and reopenings come between. */
import { beforeAll, describe, expect, test } from "vitest";
import { madeEmbedder, madeItems, madeVectors } from "../../test/support/made-vectors.ts";
import { ids, temporaryFolder } from "../../test/support/memory.ts";
import { type Memory, type OpenOptions, open, type SearchQuery } from "./index.ts";

const DIM = 32;
const COUNT = 3000;
const { path } = temporaryFolder();
const items = madeItems(COUNT, DIM);
const queries = madeVectors(30, DIM, 2);
const embedder = madeEmbedder(DIM);
const BY_VECTOR = { retriever: "meaning", snippet: 0 } as const;

const opening = (where: string, options: OpenOptions = {}): Promise<Memory> =>
  open(where, { embedder, workers: 0, ...options });

/** Share of the exact hits that a search finds, over all queries. */
async function recallOf(memory: Memory, query: SearchQuery = {}): Promise<number> {
  let found = 0;
  let all = 0;
  for (const vector of queries) {
    const exact = new Set(ids(await memory.search("", { ...BY_VECTOR, ...query, vector, recall: 1 })));
    const hits = ids(await memory.search("", { ...BY_VECTOR, ...query, vector }));
    expect(new Set(hits).size).toBe(hits.length);
    found += hits.filter((id) => exact.has(id)).length;
    all += exact.size;
  }
  return found / all;
}

const graphBytes = (memory: Memory): number =>
  memory
    .stats()
    .filter(({ structure, tier }) => tier === "ram" && structure.startsWith("vectors: graph"))
    .reduce((sum, { bytes }) => sum + bytes, 0);

async function build(index: "graph" | "flat", options: OpenOptions = {}): Promise<string> {
  const where = path();
  await using memory = await opening(where, { vectors: { index }, ...options });
  await memory.add(items);
  await memory.compact();
  return where;
}

describe("graph", () => {
  let where = "";
  beforeAll(async () => {
    where = await build("graph");
  });

  test("finds what an exact search finds, under filters of any selectivity", async () => {
    await using memory = await opening(where, { mode: "read", vectors: { index: "graph" } });
    expect(graphBytes(memory)).toBeGreaterThan(COUNT * 100);
    expect(await recallOf(memory)).toBeGreaterThan(0.95);
    const one = { fields: { number: { lt: 20 } } };
    for (const filter of [{ fields: { half: "first" } }, { fields: { tag: "tenth" } }, one])
      expect(await recallOf(memory, { filter })).toBeGreaterThan(0.95);
    const few = await memory.search("", { ...BY_VECTOR, vector: queries[0]!, filter: one, k: 50 });
    expect(ids(few).sort()).toEqual(Array.from({ length: 20 }, (_, i) => `item${i}`).sort());
  });

  test("pages by cursor through every item, in order", async () => {
    await using memory = await opening(where, { mode: "read", vectors: { index: "graph" } });
    const filter = { fields: { number: { lt: 600 } } };
    const seen: string[] = [];
    let last = Number.POSITIVE_INFINITY;
    for (let cursor: string | undefined; ; ) {
      const options = { ...BY_VECTOR, filter, vector: queries[1]!, k: 150, ...(cursor ? { cursor } : {}) };
      const result = await memory.search("", options);
      for (const { id, score } of result) {
        expect(score).toBeLessThanOrEqual(last);
        last = score;
        seen.push(id);
      }
      cursor = result.next;
      if (!cursor) break;
    }
    expect(new Set(seen).size).toBe(600);
    expect(seen.length).toBe(600);
  });
});
