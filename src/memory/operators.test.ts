/** Operators of the query language, over a library. */
import { expect, test } from "vitest";
import { ids, toyEmbedder } from "../../test/support/memory.ts";
import { open } from "./index.ts";

test.each([
  ["café*", ["corner"]],
  ["日本語*", ["japanese"]],
  ["node.j*", ["node"]],
  ["+node.j*", ["node"]],
  ["+food -foodx", ["food"]],
])("%s finds %j", async (query, found) => {
  await using memory = await open(":memory:", { embedder: toyEmbedder(), workers: 0 });
  await memory.add([
    { id: "corner", text: "The cafés on the corner" },
    { id: "japanese", text: "日本語の文章" },
    { id: "node", text: "runs node.js" },
    { id: "graph", text: "a node of a graph" },
    { id: "food", text: "the food is good" },
  ]);
  expect(ids(await memory.search(query, { retriever: "words" })).slice(0, 1)).toEqual(found);
});

test("a query of very many words says what of it was not searched", async () => {
  await using memory = await open(":memory:", { embedder: toyEmbedder(), workers: 0 });
  const words = Array.from({ length: 3000 }, (_, i) => `w${i}`);
  await memory.add([
    { id: "all", text: words.join(" ") },
    { id: "again", text: `${words.join(" ")} and more` },
    { id: "rare", text: "tern" },
  ]);
  for (const retriever of ["words", "hybrid"] as const) {
    const { hits, notes } = await memory.search(`${words.join(" ")} tern`, { retriever });
    expect(hits.map(({ id }) => id)).toContain("rare");
    expect(notes.join()).toMatch(/^\d+ words of the query were not searched: of more than 1024/);
    expect((await memory.search("w5 tern", { retriever })).notes.join()).not.toContain("not searched");
  }
  const demanding = memory.search(words.map((word) => `+${word}`).join(" "));
  await expect(demanding).rejects.toMatchObject({ code: "RANGE" });
});

test("Korean nouns with other particles are found by words, in the tail and in a segment", async () => {
  await using memory = await open(":memory:", { embedder: toyEmbedder(), workers: 0 });
  await memory.add([
    { id: "library", text: "도서관은 모든 문서를 기억합니다" },
    { id: "weather", text: "오늘은 날씨가 좋습니다" },
  ]);
  const found = async (): Promise<string[]> => ids(await memory.search("도서관에서", { retriever: "words" }));
  expect(await found()).toEqual(["library"]);
  await memory.compact();
  expect(await found()).toEqual(["library"]);
});
