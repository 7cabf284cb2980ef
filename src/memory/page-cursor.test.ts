/** A cursor goes on with the query that gave it, and with no other. */
import { beforeAll, expect, test } from "vitest";
import { ids, toyEmbedder } from "../../test/support/memory.ts";
import { type Memory, open, type SearchQuery } from "./index.ts";

let memory: Memory;
beforeAll(async () => {
  memory = await open(":memory:", { embedder: toyEmbedder(), workers: 0 });
  await memory.add(
    Array.from({ length: 20 }, (_, i) => ({
      id: `n${i}`,
      text: `cat number ${i}`,
      meta: { i, even: i % 2 === 0 },
    })),
  );
  return () => memory.close();
});

const vector = new Float32Array([1, 0, 0]);
const query: SearchQuery = {
  k: 3,
  filter: { even: true, i: { lt: 18, gte: 0 } },
  retriever: "hybrid",
  vector,
};

test("the same query in other words goes on, however many hits it wants, shown in whatever length", async () => {
  const whole = ids(await memory.search("cat", { ...query, k: 9 }));
  const { hits, next } = await memory.search("cat", query);
  const same: SearchQuery[] = [
    query,
    { k: 6, snippet: 10, minScore: 0, filter: { i: { gte: 0, lt: 18 }, even: true }, vector: vector.slice() },
  ];
  for (const other of same) {
    const rest = await memory.search("cat", { ...other, cursor: next! });
    expect([...ids(hits), ...ids(rest)]).toEqual(whole.slice(0, 3 + other.k!));
  }
});

test.each<[string, SearchQuery]>([
  ["number", {}],
  ["cat", { filter: { even: true } }],
  ["cat", { filter: { even: false, i: { lt: 18, gte: 0 } } }],
  ["cat", { retriever: "words" }],
  ["cat", { group: "passage" }],
  ["cat", { vector: new Float32Array([0, 1, 0]) }],
  ["cat", { feedback: false }],
])("another query, %s %j, refuses the cursor by name", async (text, change) => {
  const { next } = await memory.search("cat", query);
  const refused = memory.search(text, { ...query, ...change, cursor: next! });
  await expect(refused).rejects.toMatchObject({ code: "ARGUMENT" });
  await expect(refused).rejects.toThrow(/^search: cursor .* belongs to another query/);
});

test.each(["", "?", btoa("0.5:3:3"), btoa("0.5:3:3:x"), btoa("0.5:3:3:1:1")])(
  "%j is no cursor",
  async (cursor) => {
    await expect(memory.search("cat", { ...query, cursor })).rejects.toThrow(/was not made by a search/);
  },
);
