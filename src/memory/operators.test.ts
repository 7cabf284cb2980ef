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
