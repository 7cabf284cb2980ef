import { expect, test } from "vitest";
import { temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import type { About } from "../index/cube/index.ts";
import { type Item, type JudgedQuery, open } from "./index.ts";

const { path } = temporaryFolder();

/** Words mislead, meaning is right: every query's words stand in an item of another axis. */
const AXES = ["cat", "ship", "tax"];
const items: Item[] = Array.from({ length: 60 }, (_, i) => ({
  id: `${AXES[i % 3]}-${i}`,
  text: `${AXES[i % 3]} word${i} decoy${(i + 1) % 60} decoy${(i + 1) % 60}`,
}));
const log: JudgedQuery[] = Array.from({ length: 16 }, (_, i) => ({
  query: `decoy${i} ${AXES[i % 3]}s`,
  relevant: { [`${AXES[i % 3]}-${i}`]: 1 },
}));

test("weights are chosen by cross-validation, kept with the library, and used by default", async () => {
  const where = path();
  const options = { workers: 0, embedder: toyEmbedder() } as const;
  const memory = await open(where, options);
  await memory.add(items);
  const seen: number[] = [];
  const result = await memory.tune(log, { onProgress: ({ done }) => seen.push(done) });
  expect(result.queries).toBe(16);
  expect(result.notes.join()).toMatch(/16 queries are few/);
  expect(result.crossValidated).toBeGreaterThan(result.untuned);
  expect(result.tuned).toMatchObject({ queries: 16 });
  expect(memory.info().tuned).toEqual(result.tuned);
  expect(seen.at(-1)).toBe(seen.length);
  const { first, last, passages } = result.tuned!;
  const shown = async (query: string, how: object) =>
    (await memory.search(query, how)).hits.map(({ id, score }) => [id, score]);
  const explicit = { fusion: { first, last }, feedback: { passages } };
  expect(await shown(log[0]!.query, {})).toEqual(await shown(log[0]!.query, explicit));
  const before = await shown(log[3]!.query, {});
  await memory.close();

  await using again = await open(where, options);
  expect((await again.search(log[3]!.query)).hits.map(({ id, score }) => [id, score])).toEqual(before);
  await again.reembed({ ...toyEmbedder("other") });
  expect(again.info().tuned).toBeUndefined();
});

test("an empty log brings the defaults back; too few or broken queries are refused", async () => {
  await using memory = await open(":memory:", { workers: 0, embedder: toyEmbedder() });
  await memory.add(items);
  await memory.tune(log.slice(0, 10));
  expect(memory.info().tuned).toBeDefined();
  expect(await memory.tune([])).toMatchObject({ queries: 0 });
  expect(memory.info().tuned).toBeUndefined();
  await expect(memory.tune(log.slice(0, 9))).rejects.toMatchObject({
    code: "INSUFFICIENT_DATA",
    message: expect.stringMatching(/9 queries with a relevant item, at least 10/),
  });
  await expect(memory.tune(log, { parts: ["cube"] })).rejects.toMatchObject({
    code: "ARGUMENT",
    message: expect.stringMatching(/has no cube/),
  });
  for (const wrong of [{ query: "x" }, null, undefined])
    await expect(memory.tune([wrong as JudgedQuery])).rejects.toMatchObject({ code: "ARGUMENT" });
  const aborted = memory.tune(log, { signal: AbortSignal.abort() });
  await expect(aborted).rejects.toMatchObject({ code: "CANCELLED" });
});

/** Behind the one answer, what else a search finds is of one kind, and drags the sharpened question to itself. */
test("where feedback does harm, searches go without it unless they ask", async () => {
  await using memory = await open(path(), { workers: 0, embedder: toyEmbedder() });
  const places = Array.from({ length: 24 }, (_, i) => `place${i}x`);
  await memory.add([
    ...places.map((place) => ({ id: place, text: `${place} ferry notes notes` })),
    ...places.map((place, i) => ({ id: `log ${i}`, text: `${place} ferry boat quay` })),
    ...places.map((_, i) => ({ id: `quay ${i}`, text: `ferry ferry ferry boat quay` })),
    ...Array.from({ length: 200 }, (_, i) => ({ id: `other ${i}`, text: `notes on ${i} other things` })),
  ]);
  const asked = places.map((place) => ({ query: `ferry ${place}`, relevant: { [place]: 1 } }));
  const first = async (how: object = {}) => (await memory.search(asked[5]!.query, how)).hits[0]!.id;
  expect(await first()).toBe("log 5");
  expect(await first({ feedback: false })).toBe("place5x");
  const { tuned, untuned, crossValidated } = await memory.tune(asked);
  expect(tuned).toMatchObject({ passages: 0 });
  expect(crossValidated).toBeGreaterThan(untuned);
  expect(await first()).toBe("place5x");
  expect(await first({ feedback: true })).toBe("log 5");
  expect(await first({ feedback: { passages: 3 } })).toBe("log 5");
  await memory.tune([]);
  expect(await first()).toBe("log 5");
});

/** What is filed under the town that a question names is right, and what only says its name is wrong. */
test("the weight of the cube is chosen too, where there is one", async () => {
  const towns = [
    "Oslo",
    "Lima",
    "Cairo",
    "Quito",
    "Sofia",
    "Dakar",
    "Turin",
    "Milan",
    "Lyon",
    "Bonn",
    "Riga",
    "Minsk",
  ];
  const cube = {
    dimensions: [
      {
        dimensions: ["town"],
        extract: (_: string, { meta }: About = {}) => ({ town: { [String(meta?.town)]: 1 } }),
      },
    ],
  };
  await using memory = await open(path(), { workers: 0, embedder: toyEmbedder(), cube });
  await memory.add(
    towns.flatMap((town, i) => [
      { id: `filed ${town}`, meta: { town }, text: `A walk number${i} by the river` },
      { id: `of ${town}`, meta: {}, text: `${town} walk, as they call it` },
    ]),
  );
  const asked = towns.map((town) => ({ query: `walk ${town}`, relevant: { [`filed ${town}`]: 1 } }));
  const { tuned } = await memory.tune(asked);
  expect(tuned!.cube).toBeGreaterThan(0.5);
  const first = async (weight?: number) =>
    (await memory.search("walk Quito", weight === undefined ? {} : { fusion: { cube: weight } })).hits[0]!.id;
  expect(await first()).toBe("filed Quito");
  expect(await first(0)).toBe("of Quito");
  await expect(first(11)).rejects.toThrow(/fusion.cube must be a number from 0 to 10/);
});

/** Of two labels that name what is asked, those of one dimension are right and those of the other mislead. */
test("what labels of a dimension are worth is learnt, kept, told, and changes nothing where it does not hold", async () => {
  const towns = Array.from({ length: 24 }, (_, i) => `Town${i}x`);
  const labelled = (dimension: string) => ({
    dimensions: [dimension],
    extract: (_: string, { meta }: About = {}) => ({
      [dimension]: meta?.[dimension] === undefined ? {} : { [String(meta[dimension])]: 1 },
    }),
  });
  const where = path();
  const options = {
    workers: 0,
    embedder: toyEmbedder(),
    cube: { dimensions: [labelled("born"), labelled("died")] },
  } as const;
  const memory = await open(where, options);
  await memory.add(
    towns.flatMap((town, i) => [
      { id: `died ${town}`, meta: { died: town }, text: `A walk by the river ${i}` },
      { id: `born ${town}`, meta: { born: town }, text: `A walk by the river ${i}` },
    ]),
  );
  const asked = towns.map((town) => ({ query: `walk ${town}`, relevant: { [`born ${town}`]: 1 } }));
  const found = async (of: typeof memory, query: string) =>
    (await of.search(query)).hits.map(({ id, score }) => [id, score]);
  const untuned = await found(memory, "walk Town3x");
  expect(untuned[0]![0]).toBe("died Town3x");
  const { tuned, cube } = await memory.tune(asked.slice(4), { parts: ["cube"] });
  expect(cube!.queries).toBe(20);
  expect(cube!.crossValidated).toBeGreaterThan(cube!.untuned);
  if (typeof tuned?.cube !== "object") throw new Error("weights of labels were not kept");
  expect(tuned.cube.dimensions.born).toBeGreaterThan(tuned.cube.dimensions.died!);
  const learnt = await found(memory, "walk Town3x");
  expect(learnt[0]![0]).toBe("born Town3x");
  expect(await memory.search("walk Town3x", { fusion: { cube: 0.5 } }).then(({ hits }) => hits[0]!.id)).toBe(
    "died Town3x",
  );
  await memory.close();

  await using again = await open(where, options);
  expect(again.info().tuned).toEqual(tuned);
  expect(await found(again, "walk Town3x")).toEqual(learnt);
  // what cannot be told from its dimension is left alone
  const either = towns.map((town, i) => ({
    query: `walk ${town}`,
    relevant: { [`${i % 2 === 0 ? "born" : "died"} ${town}`]: 1 },
  }));
  const { tuned: kept } = await again.tune(either, { parts: ["cube"] });
  expect(kept).toBeUndefined();
  expect(await found(again, "walk Town3x")).toEqual(untuned);
  await expect(again.tune(asked, { parts: [] })).rejects.toMatchObject({ code: "ARGUMENT" });
});
