/** A library as a store under study: thinned lists are those of libraries that are really smaller. */
import { expect, test } from "vitest";
import { f32 } from "../codecs/index.ts";
import { bundledEmbedder } from "../embed/bundled.ts";
import { datastoreScaling, documentCoin } from "../eval/index.ts";
import { Random } from "../linalg/random.ts";
import { codedLibrary, libraryStore, libraryVectors } from "./datastore.ts";
import { open } from "./index.ts";

const WORDS =
  "harbour lamp tower river stone cloud engine garden winter letter paper bridge market forest silver window".split(
    " ",
  );
const random = new Random(3);
const sentence = (words: number): string =>
  `${Array.from({ length: words }, () => WORDS[random.integer(WORDS.length)]).join(" ")}.`;
const items = Array.from({ length: 300 }, (_, i) => ({
  id: `note-${i}`,
  title: sentence(2),
  text: Array.from({ length: 1 + (i % 3) }, () => `${sentence(120)}\n\n${sentence(100)}`).join("\n\n"),
}));
const QUERIES = Array.from({ length: 8 }, () => sentence(4));

test("thinned lists of meaning are those of smaller libraries", async () => {
  await using whole = await open(":memory:", { workers: 0 });
  await whole.add(items);
  const store = await libraryStore(whole);
  expect(store.documents).toHaveLength(items.length);
  expect(store.documents.reduce((sum, { bytes }) => sum + bytes, 0)).toBeCloseTo(whole.info().diskBytes, 0);
  for (const [fraction, seed] of [
    [0.1, 1],
    [0.5, 2],
  ] as const) {
    const kept = (id: string): boolean => documentCoin(id, seed) < fraction;
    await using smaller = await open(":memory:", { workers: 0 });
    await smaller.add(items.filter(({ id }) => kept(id)));
    const built = await libraryStore(smaller);
    for (const query of QUERIES) {
      const thinned = (await store.retrieve(query, 300)).filter(({ id }) => kept(id));
      expect(thinned).toHaveLength(smaller.info().items);
      expect(thinned.slice(0, 10)).toEqual(await built.retrieve(query, 10));
    }
  }
});

test("a list goes beyond one page, and its texts are the passages found", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  await memory.add(
    Array.from({ length: 1200 }, (_, i) => ({ id: `n${i}`, text: `harbour ${i} ${sentence(3)}` })),
  );
  const store = await libraryStore(memory, { retriever: "words", rewrite: (text) => text.replace("-", " ") });
  const list = await store.retrieve("harbour -lamp", 1100);
  expect(new Set(list.map(({ id }) => id)).size).toBe(1100);
  expect(await store.text!(list[0]!)).toContain("harbour");
  expect(await store.retrieve("harbour", 5000)).toHaveLength(1200);
});

test("passages coded anew are ranked as the library ranks them", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  await memory.add(items);
  const embedder = await bundledEmbedder();
  const vectors = await libraryVectors(memory, embedder);
  expect(vectors.vectors.rows).toBe(memory.info().passages);
  const coded = codedLibrary(memory, embedder, vectors, f32());
  const library = await libraryStore(memory);
  let same = 0;
  for (const query of QUERIES) {
    const found = new Set((await library.retrieve(query, 10)).map(({ id }) => id));
    same += (await coded.retrieve(query, 10)).filter(({ id }) => found.has(id)).length;
  }
  // the library's fine codes are rounded
  expect(same).toBeGreaterThanOrEqual(0.95 * 10 * QUERIES.length);
  const judged = new Map((await coded.retrieve(QUERIES[0]!, 5)).map(({ id }) => [id, 1]));
  const study = await datastoreScaling(coded, [{ id: "a", text: QUERIES[0]!, judged }], {
    fractions: [0.2, 1],
  });
  expect(study.points.at(-1)!.metrics.recall!.mean).toBe(1);
  expect(study.points[0]!.metrics.recall!.mean).toBeLessThan(1);
});
