/** Learnt sparse vectors of items: through the log, segments, merges and faces. */
import { describe, expect, test } from "vitest";
import { ids, temporaryFolder } from "../../test/support/memory.ts";
import { Random } from "../linalg/random.ts";
import { type Item, type Memory, open, type SparseVector } from "./index.ts";

const { path } = temporaryFolder();

function items(count: number, seed: number): (Item & { readonly sparse: SparseVector })[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => ({
    id: `${seed}-${i}`,
    text: `Note number ${i} says nothing of what it is about.`,
    meta: { even: i % 2 === 0 },
    sparse: Object.fromEntries(
      Array.from({ length: 6 }, () => [`##${random.integer(40)}`, Math.round(random.uniform() * 384) / 128]),
    ),
  }));
}

const score = (a: SparseVector, b: SparseVector): number =>
  Object.entries(a).reduce((sum, [token, weight]) => sum + weight * (b[token] ?? 0), 0);

/** Only the inner product of sparse vectors ranks. */
const SPARSE_ALONE = { fusion: { sparse: 1, last: 0 }, feedback: false } as const;
const query = { "##3": 2, "##17": 1, "##20": 0.5 };

async function expectBest(memory: Memory, all: readonly (Item & { sparse: SparseVector })[]): Promise<void> {
  const { hits } = await memory.search("of what", { sparse: query, k: 5, ...SPARSE_ALONE });
  const best = all.map(({ sparse }) => score(query, sparse)).sort((a, b) => b - a);
  const found = hits.map(({ id }) => score(query, all.find((item) => item.id === id)!.sparse));
  expect(found.map((one) => one.toFixed(3))).toEqual(best.slice(0, 5).map((one) => one.toFixed(3)));
  const reason = hits[0]!.reasons.find(({ by }) => by === "sparse");
  expect(reason).toMatchObject({ rank: 1 });
  expect(reason!.score).toBeCloseTo(found[0]!, 3);
}

describe.each(["memory", "disk"])("a library in %s", (tier) => {
  test("sparse vectors rank, in the tail, in segments and merged, without what was forgotten", async () => {
    const where = tier === "memory" ? ":memory:" : path();
    const [first, second] = [items(30, 1), items(30, 2)];
    let all = [...first, ...second];
    let memory = await open(where, { workers: 0 });
    await memory.add(first);
    await memory.compact(); // a segment
    await memory.add({ id: "plain", text: "An item without a sparse vector." });
    await memory.add(second); // the tail
    await expectBest(memory, all);
    if (tier === "disk") {
      await memory.close();
      memory = await open(where, { workers: 0 });
      await expectBest(memory, all);
    }
    const gone = all.toSorted((a, b) => score(query, b.sparse) - score(query, a.sparse))[0]!;
    await memory.forget({ ids: [gone.id] });
    all = all.filter(({ id }) => id !== gone.id);
    await expectBest(memory, all);
    await memory.compact();
    expect(memory.info().tailRows).toBe(0);
    await expectBest(memory, all);
    expect(memory.stats().map(({ structure }) => structure)).toContain("sparse: postings");
    const even = await memory.search("of what", {
      sparse: query,
      k: 50,
      filter: { even: true },
      ...SPARSE_ALONE,
    });
    expect(even.hits.every(({ meta }) => meta.even)).toBe(true);
    await memory.close();
  });
});

test("an item whose sparse vector changed is another one; the same is free", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  const item = { id: "a", text: "one", sparse: { x: 1, y: 2 } };
  await memory.add(item);
  expect(await memory.add({ ...item, sparse: { y: 2, x: 1 } })).toMatchObject({ unchanged: 1 });
  expect(await memory.add({ ...item, sparse: { x: 1 } })).toMatchObject({ updated: 1 });
});

test("words, sparse and meaning are fused, with feedback and again", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  const all = items(20, 3);
  await memory.add([...all, { id: "tide", text: "The tide floods the harbour.", sparse: { "##3": 3 } }]);
  for (const again of [false, true]) {
    const feedback = { again };
    const { hits } = await memory.search("tide in the harbour", { sparse: { "##3": 1 }, feedback });
    expect(hits[0]!.id).toBe("tide");
    expect(hits[0]!.reasons.map(({ by }) => by)).toEqual(["words", "sparse", "meaning"]);
  }
  const plain = await memory.search("tide in the harbour", { sparse: { "##3": 1 }, fusion: { sparse: 0 } });
  expect(ids(plain)).toEqual(ids(await memory.search("tide in the harbour")));
});

test("bad sparse vectors are refused at the face", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  const bad = { id: "a", text: "one", sparse: { x: Number.NaN } };
  await expect(memory.add(bad)).rejects.toMatchObject({ code: "NOT_FINITE" });
  await expect(memory.search("x", { sparse: { x: -1 } })).rejects.toMatchObject({ code: "RANGE" });
  const wrong = memory.search("x", { sparse: { x: 1 }, retriever: "words" });
  await expect(wrong).rejects.toMatchObject({ code: "ARGUMENT" });
});

test("feedback adds terms to a sparse query by how rare they are, twice: as BM25 would", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  await memory.add([
    { id: "asked", text: "tide lunar harbour", sparse: { tide: 5 } },
    { id: "rare", text: "lunar eclipse", sparse: { lunar: 1 } },
    ...Array.from({ length: 8 }, (_, i) => ({
      id: `common ${i}`,
      text: `harbour number${i}`,
      sparse: { harbour: 1 },
    })),
  ]);
  const { hits } = await memory.search("tide", {
    sparse: { tide: 1, lunar: 1e-9, harbour: 1e-9 },
    fusion: { form: "linear", sparse: 1, first: 0, last: 0 },
    feedback: { passages: 1 },
  });
  expect(hits[0]!.id).toBe("asked");
  const scoreOf = (id: string): number => hits.find((hit) => hit.id === id)!.score;
  const idf = (rows: number): number => Math.log(1 + (10 - rows + 0.5) / (rows + 0.5));
  expect(scoreOf("rare") / scoreOf("common 0")).toBeCloseTo((idf(2) / idf(9)) ** 2, 3);
});
