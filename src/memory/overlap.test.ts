import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/memory.ts";
import { type Item, type Memory, open, type SearchQuery } from "../index.ts";
import { Random } from "../linalg/random.ts";

const { path } = temporaryFolder();

const WORDS =
  "harbour lantern otter glacier ledger compass meadow turbine violin saffron quarry beacon thistle anchor pepper orchard".split(
    " ",
  );

/** Texts of about 4 KB in paragraphs, each with a few favourite words. */
function documents(count: number, seed: number): Item[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const favourites = random.shuffle([...WORDS]).slice(0, 5);
    const sentence = (): string =>
      `The ${favourites[random.integer(5)]} and the ${favourites[random.integer(5)]} of ${WORDS[random.integer(16)]} stood near ${i}.`;
    const paragraph = (): string => Array.from({ length: 9 }, sentence).join(" ");
    return { id: `${seed}/${i}`, text: Array.from({ length: 9 }, paragraph).join("\n\n") };
  });
}

const QUERIES: readonly [string, SearchQuery][] = [
  "otter glacier",
  "where does the lantern stand near the harbour of saffron?",
  '"violin and the turbine"',
  "+quarry -beacon thistle",
  "orchrd pepper",
  "whales in the old log",
].flatMap((text): [string, SearchQuery][] => [
  [text, {}],
  [text, { k: 4, feedback: false, group: "passage" }],
  [text, { retriever: "words", snippet: 60 }],
  [text, { retriever: "meaning", k: 30 }],
]);

async function answers(memory: Memory, [text, query]: (typeof QUERIES)[number]): Promise<unknown> {
  const { hits } = await memory.search(text, query);
  return hits.map(({ id, passage, score, snippet }) => [id, passage, score, snippet]);
}

test("searches that overlap find what each finds alone, also where every page is waited for", async () => {
  await using memory = await open(path(), { workers: 0 });
  // rows of the tail before and after those of a segment
  await memory.add([{ id: "old", text: "Whales were written in the log long before everything else." }]);
  await memory.add(documents(300, 1));
  await memory.add(documents(4, 2));
  const alone: unknown[] = [];
  for (const query of QUERIES) alone.push(await answers(memory, query));
  expect(alone.flat().length).toBeGreaterThan(100);
  const whales = (await memory.search("whales in the old log")).hits[0];
  expect(whales).toMatchObject({ id: "old", reasons: [{ by: "words" }, { by: "meaning" }] });
  expect(await Promise.all(QUERIES.map((query) => answers(memory, query)))).toEqual(alone);

  const snapshot = path("snapshot");
  await memory.snapshot(snapshot);
  await using waiting = await open(new Blob([readFileSync(snapshot)]));
  expect(await Promise.all(QUERIES.map((query) => answers(waiting, query)))).toEqual(alone);
});
