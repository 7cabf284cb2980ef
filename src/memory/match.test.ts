/** Scores of hybrid searches compare between searches: a question that the library answers scores above one that it does not. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ids } from "../../test/support/memory.ts";
import { type Item, type Memory, open } from "./index.ts";

const items: readonly Item[] = [
  { id: "tea", text: "Green tea is steeped at eighty degrees for two minutes, black tea at a full boil." },
  { id: "lighthouse", text: "The lighthouse keeper trimmed the lamp every four hours through the winter." },
  { id: "bridge", text: "The bridge over the gorge was closed after engineers found cracks in a cable." },
  { id: "bees", text: "Honey bees dance to tell the others of the hive where blossoms are." },
];

const opened = async (): Promise<Memory> => {
  const memory = await open(":memory:", { workers: 0 });
  await memory.add(items);
  return memory;
};

const best = async (memory: Memory, query: string): Promise<number> =>
  (await memory.search(query)).hits[0]?.score ?? 0;

test("what the library answers scores above what it has a word of by chance", async () => {
  await using memory = await opened();
  const answered = [
    "how long is green tea steeped",
    "cracks in the cable of the bridge",
    "the lighthouse keeper",
  ];
  const others = [
    "winter tyres for a cargo bicycle",
    "zebra quark two",
    "which minister resigned after the vote",
  ];
  const scores = (some: string[]): Promise<number[]> => Promise.all(some.map((query) => best(memory, query)));
  const least = Math.min(...(await scores(answered)));
  const most = Math.max(...(await scores(others)));
  expect(least).toBeGreaterThan(0.5);
  expect(most).toBeLessThan(0.35);
  const minScore = (least + most) / 2;
  for (const query of others) expect(ids(await memory.search(query, { minScore })), query).toEqual([]);
  expect(ids(await memory.search(answered[0]!, { minScore }))).toEqual(["tea"]);
});

test("a query without a word that the embedder knows is measured by its words", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  await memory.add([...items, { id: "odd", text: "ꙮꙮꙮ" }]);
  const { hits, notes } = await memory.search("ꙮꙮꙮ");
  if (notes.length > 0) expect(hits[0]).toMatchObject({ id: "odd", score: 1 });
});

test("scores lie from 0 to 1, never rise, and bound the hits from below", async () => {
  await using memory = await opened();
  const words = items.flatMap(({ text }) => text.toLowerCase().match(/[a-z]+/g)!);
  const query = fc.array(fc.constantFrom(...words, "zebra", "quark"), { minLength: 1, maxLength: 6 });
  const form = fc.constantFrom("share", "min-max");
  await fc.assert(
    fc.asyncProperty(query, form, fc.boolean(), async (asked, fusionForm, feedback) => {
      const options = { fusion: { form: fusionForm }, feedback } as const;
      const { hits } = await memory.search(asked.join(" "), options);
      hits.forEach(({ score }, i) => {
        expect(score).toBeLessThanOrEqual(hits[i - 1]?.score ?? 1);
        expect(score).toBeGreaterThanOrEqual(0);
      });
      const minScore = hits[1]?.score ?? 0;
      const { hits: some } = await memory.search(asked.join(" "), { ...options, minScore });
      expect(some.map(({ id }) => id)).toEqual(
        hits.filter(({ score }) => score >= minScore).map(({ id }) => id),
      );
    }),
    { seed: 3, numRuns: 100 },
  );
});
