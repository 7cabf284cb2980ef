/** A library searched by each kind of vector index: the same hits, whatever filters, deletes, moves and reopenings come between. */
import { cpSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { madeEmbedder, madeItems, madeVectors } from "../../test/support/made-vectors.ts";
import { ids, temporaryFolder } from "../../test/support/memory.ts";
import { type Memory, type OpenOptions, open, type SearchQuery } from "./index.ts";

const DIM = 32;
const COUNT = 2200;
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

const usedBy = (memory: Memory): string[] => Object.keys(memory.explain()[0]!.searchedBy);
const GRAPH = { vectors: { index: "graph" } } as const;
const FLAT = { vectors: { index: "flat" } } as const;
const KINDS = ["graph", "disk-graph", "lists"] as const;
/** Bytes that an index of so many holds at least. */
const LEAST_BYTES = { graph: COUNT * 100, "disk-graph": COUNT * 80, lists: 10_000 } as const;

async function build(options: OpenOptions): Promise<string> {
  const where = path();
  await using memory = await opening(where, options);
  await memory.add(items);
  await memory.compact();
  return where;
}

let flat = "";
const libraries = { graph: "", "disk-graph": "", lists: "" };
beforeAll(async () => {
  flat = await build(FLAT);
  for (const index of KINDS) libraries[index] = await carriedOut(index);
}, 60_000);

/** The flat library with another index. */
async function carriedOut(index: (typeof KINDS)[number]): Promise<string> {
  const where = copyOf(flat);
  await using memory = await opening(where, { vectors: { index } });
  await memory.compact();
  return where;
}

/** A library of one's own to change. */
function copyOf(where: string): string {
  const copy = path();
  cpSync(where, copy, { recursive: true });
  return copy;
}

describe.each(KINDS)("%s", (index) => {
  const INDEXED = { vectors: { index } };
  const indexed = (): string => libraries[index];

  test("finds what an exact search finds, under filters of any selectivity", async () => {
    await using memory = await opening(indexed(), { mode: "read", ...INDEXED });
    const [explained] = memory.explain();
    expect(explained).toMatchObject({ kind: index, searchedBy: { [index]: COUNT }, isActive: true });
    expect(explained!.heldBytes).toBeGreaterThan(LEAST_BYTES[index]);
    expect(await recallOf(memory)).toBeGreaterThan(0.95);
    const one = { fields: { number: { lt: 20 } } };
    for (const filter of [{ fields: { half: "first" } }, { fields: { tag: "tenth" } }, one])
      expect(await recallOf(memory, { filter })).toBeGreaterThan(0.95);
    const few = await memory.search("", { ...BY_VECTOR, vector: queries[0]!, filter: one, k: 50 });
    expect(ids(few).sort()).toEqual(Array.from({ length: 20 }, (_, i) => `item${i}`).sort());
  });

  test("gives the scores and, fused with words, the hits that a scan gives", async () => {
    await using scanned = await opening(flat, { mode: "read", ...FLAT });
    await using walked = await opening(indexed(), { mode: "read", ...INDEXED });
    const known = new Map<string, number>();
    for (const vector of queries) {
      for (const { id, score } of await scanned.search("", { ...BY_VECTOR, vector, k: 20 }))
        known.set(id, score);
      for (const { id, score } of await walked.search("", { ...BY_VECTOR, vector, k: 10 }))
        expect(score).toBe(known.get(id) ?? score);
      known.clear();
    }
    let same = 0;
    for (let i = 0; i < 100; i++) {
      const text = `thing${i} number${7 * i}`;
      const a = new Set(ids(await scanned.search(text)));
      for (const id of ids(await walked.search(text))) if (a.has(id)) same++;
    }
    expect(same).toBeGreaterThan(950);
  });

  test("pages by cursor through every item, in order", async () => {
    await using memory = await opening(indexed(), { mode: "read", ...INDEXED });
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

  test("takes a least score, and says so of a query that is none", async () => {
    await using memory = await opening(indexed(), { mode: "read", ...INDEXED });
    const all = await memory.search("", { ...BY_VECTOR, vector: queries[2]!, k: 40, recall: 1 });
    const minScore = all.hits[20]!.score;
    const some = await memory.search("", { ...BY_VECTOR, vector: queries[2]!, k: 40, minScore });
    expect(some.hits.length).toBeGreaterThan(18);
    for (const { score } of some) expect(score).toBeGreaterThanOrEqual(minScore);
    const search = (vector: Float32Array): Promise<unknown> => memory.search("", { ...BY_VECTOR, vector });
    await expect(search(new Float32Array(DIM).fill(Number.NaN))).rejects.toMatchObject({
      code: "NOT_FINITE",
    });
    await expect(search(new Float32Array(DIM - 1).fill(1))).rejects.toMatchObject({ code: "DIMENSION" });
    await expect(search(new Float32Array(DIM))).rejects.toMatchObject({ code: "ZERO_VECTOR" });
  });

  test("hides what is forgotten at once, and follows what is added, compacted and undone", async () => {
    const where = copyOf(indexed());
    await using memory = await opening(where, INDEXED);
    const vector = items[5]!.vector!;
    const first = async (): Promise<string> =>
      ids(await memory.search("", { ...BY_VECTOR, vector, k: 1 }))[0]!;
    expect(await first()).toBe("item5");
    const { undo } = await memory.forget({ where: { fields: { half: "first" } } });
    expect(await first()).not.toBe("item5");
    expect(await recallOf(memory)).toBeGreaterThan(0.95);
    await memory.undo(undo!);
    expect(await first()).toBe("item5");
    await memory.forget({ where: { fields: { number: { lt: 100 } } } });
    await memory.add({ id: "new", text: "new", vector });
    expect(await first()).toBe("new");
    await memory.compact();
    expect(await first()).toBe("new");
    expect(memory.explain()[0]!.searchedBy).toEqual({ [index]: COUNT - 99 });
    expect(await recallOf(memory)).toBeGreaterThan(0.95);
  });

  test("goes with snapshots", async () => {
    const file = path("snapshot.mneme");
    {
      await using memory = await opening(indexed(), { mode: "read", ...INDEXED });
      await memory.snapshot(file);
    }
    await using memory = await opening(file, { mode: "read", ...INDEXED });
    expect(usedBy(memory)).toEqual([index]);
    expect(await recallOf(memory)).toBeGreaterThan(0.95);
  });

  test("is built for the space that a library moves to", async () => {
    await using memory = await opening(copyOf(indexed()), INDEXED);
    const moved = madeEmbedder(48, "moved");
    await memory.reembed(moved);
    await memory.idle();
    expect(memory.explain()).toMatchObject([{ space: { dim: 48 }, searchedBy: { [index]: COUNT } }]);
    const { data } = await moved.embed([items[9]!.text]);
    expect(ids(await memory.search("", { ...BY_VECTOR, vector: data, k: 1 }))).toEqual(["item9"]);
  });
});

describe("a wanted recall", () => {
  test.each(["flat", ...KINDS] as const)("is reached by %s and told, and 1 is exact", async (index) => {
    const where = index === "flat" ? flat : libraries[index];
    await using memory = await opening(where, { mode: "read", vectors: { index } });
    for (const recall of [0.5, 0.9, 0.99]) {
      const found = await recallOf(memory, { recall });
      expect(found).toBeGreaterThan(recall - 0.02);
      const said = await memory.search("", { ...BY_VECTOR, vector: queries[0]!, recall });
      expect(said.recall).toBeGreaterThanOrEqual(recall);
    }
    for (const vector of queries.slice(0, 5)) {
      const exact = await memory.search("", { ...BY_VECTOR, vector, recall: 1 });
      expect(exact.recall).toBe(1);
      const dot = (other: Float32Array): number =>
        other.reduce((sum, value, i) => sum + value * vector[i]!, 0);
      const best = items.toSorted((a, b) => dot(b.vector!) - dot(a.vector!)).slice(0, 10);
      const known = new Set(best.map(({ id }) => id));
      // what is kept has a byte a value
      expect(ids(exact).filter((id) => known.has(id)).length).toBeGreaterThanOrEqual(9);
    }
    expect((await memory.search("passage", { retriever: "words" })).recall).toBeUndefined();
  });

  test("is refused out of its range", async () => {
    await using memory = await opening(flat, { mode: "read" });
    for (const recall of [0.4, 1.1, Number.NaN])
      await expect(memory.search("passage", { recall })).rejects.toMatchObject({ code: "RANGE" });
  });
});

describe("the plan", () => {
  test("is carried out behind, and by compaction turned back", async () => {
    const where = copyOf(flat);
    {
      await using memory = await opening(where, GRAPH);
      await memory.idle();
      expect(usedBy(memory)).toEqual(["graph"]);
    }
    const onDisk = (memory: Memory): string[] => memory.stats().map(({ structure }) => structure);
    {
      await using memory = await opening(where, FLAT);
      expect(usedBy(memory)).toEqual(["flat"]);
      expect(onDisk(memory)).toContain("vectors: graph");
      await memory.compact();
      expect(onDisk(memory)).not.toContain("vectors: graph");
      expect(await recallOf(memory)).toBeGreaterThan(0.95);
    }
    // by default nothing is built over so few
    await using memory = await opening(where);
    await memory.idle();
    expect(memory.explain()).toMatchObject([{ kind: "flat", fits: true, searchedBy: { flat: COUNT } }]);
    expect(memory.explain()[0]!.reason).toMatch(/no segment has the \d+ passages/);
  });

  test("closing stops what is being built, and the next opening builds it", async () => {
    const where = copyOf(flat);
    for (const workers of [1, 0]) {
      await using memory = await opening(where, { ...GRAPH, workers });
      expect(usedBy(memory)).toEqual(["flat"]);
    }
    await using memory = await opening(where, { ...GRAPH, workers: 1 });
    await memory.idle();
    expect(usedBy(memory)).toEqual(["graph"]);
    expect(await recallOf(memory)).toBeGreaterThan(0.95);
  });

  test("compaction tells how far it is, and stops", async () => {
    await using memory = await opening(copyOf(libraries.graph), GRAPH);
    await memory.forget({ ids: ["item3"] });
    const stop = new AbortController();
    const done: number[] = [];
    const compaction = memory.compact({
      signal: stop.signal,
      onProgress: (progress) => {
        if (progress.phase !== "optimize") return;
        done.push(progress.done);
        if (progress.done > 100) stop.abort();
      },
    });
    await expect(compaction).rejects.toMatchObject({ code: "CANCELLED" });
    expect(done.some((rows) => rows > 100 && rows < COUNT)).toBe(true);
    expect(usedBy(memory)).toEqual(["flat"]);
    expect(await recallOf(memory)).toBeGreaterThan(0.95);
    await memory.idle();
    await memory.compact();
    expect(usedBy(memory)).toEqual(["graph"]);
  });

  test("keeps to the budget, and says what would do where nothing does", async () => {
    await using memory = await opening(libraries.graph, { mode: "read", budget: 600_000 });
    expect(memory.explain()).toMatchObject([{ kind: "flat", searchedBy: { flat: COUNT } }]);
    await expect(opening(libraries.graph, { mode: "read", ...GRAPH, budget: 600_000 })).rejects.toMatchObject(
      {
        code: "BUDGET",
        message: expect.stringMatching(
          /graph index that was asked for needs \d+ bytes.*open with a budget of \d+, or ask for flat/,
        ),
      },
    );
    const error = await opening(libraries.graph, { mode: "read", budget: 50_000 }).catch(
      (caught: unknown) => caught,
    );
    const [, least] = /open with a budget of (\d+)/.exec((error as Error).message)!;
    await using enough = await opening(libraries.graph, { mode: "read", budget: Number(least) });
    expect(await recallOf(enough)).toBeGreaterThan(0.95);
    const unknown = opening(path(), { vectors: { index: "tree" as "flat" } });
    await expect(unknown).rejects.toMatchObject({ code: "ARGUMENT" });
  });
});
