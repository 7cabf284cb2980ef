/** The cube of a library: filed at ingest, searched, counted, narrowed, through adds, deletes, merges and openings. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ids, temporaryFolder, toyEmbedder } from "../../../test/support/memory.ts";
import { ScriptedModel } from "../../../test/support/scripted-model.ts";
import { type Extractor, field, gazetteer, labelKey } from "../../index/cube/index.ts";
import { open } from "../open.ts";
import type { Facet, Item, Memory } from "../types.ts";
import { modelExtractor } from "./by-model.ts";

const { path } = temporaryFolder();

const storms: Item[] = [
  { id: "ian", text: "Hurricane Ian struck Florida in September 2022. Storm surge flooded Fort Myers." },
  {
    id: "irma",
    text: "Hurricane Irma crossed Florida in 2017. President Rick Scott declared an emergency.",
  },
  {
    id: "harvey",
    text: "Hurricane Harvey flooded Texas in 2017. The storm surge was small, the rain was not.",
  },
  {
    id: "snow",
    text: "Snow fell on Iceland. The Icelandic Meteorological Office measured one meter.",
    meta: { type: "note" },
  },
];

const values = (facets: readonly Facet[], dimension: string): Record<string, number> =>
  Object.fromEntries(
    facets.find((one) => one.dimension === dimension)!.values.map(({ value, count }) => [value, count]),
  );

const locations = async (memory: Memory): Promise<Record<string, number>> =>
  values(await memory.facets(), "location");

describe.each(["memory", "disk"])("a cube in a library in %s", (tier) => {
  const where = (): string => (tier === "memory" ? ":memory:" : path());

  it("files what is added, and explains hits by it", async () => {
    await using memory = await open(where(), { workers: 0, cube: true });
    await memory.add(storms);
    expect(await locations(memory)).toEqual({ Florida: 2, Texas: 1, Iceland: 1 });
    const { hits } = await memory.search("storms in Florida");
    expect(ids(hits).slice(0, 2).sort()).toEqual(["ian", "irma"]);
    const reason = hits[0]!.reasons.find(({ by }) => by === "cube")!;
    expect(reason.terms).toContain("Florida");
    expect(reason.labels).toContainEqual({
      component: "Florida",
      dimension: "location",
      label: "Florida",
      how: "exact",
      cosine: 1,
      weight: expect.any(Number),
    });
    const plain = await memory.search("storms in Florida", { cube: false });
    expect(plain.hits.flatMap(({ reasons }) => reasons.map(({ by }) => by))).not.toContain("cube");
  });

  it("knows its labels by meaning before the first search", async () => {
    await using memory = await open(where(), { workers: 0, cube: true });
    await memory.add(storms);
    await memory.idle();
    const vectors = memory.stats().find(({ structure }) => structure === "cube: label vectors");
    expect(vectors?.bytes).toBeGreaterThan(0);
  });

  it("counts over what a search finds, and narrows", async () => {
    await using memory = await open(where(), { workers: 0, cube: true });
    await memory.add(storms);
    const florida = { facets: { location: "Florida" } };
    expect(ids(await memory.search("storm", florida)).sort()).toEqual(["ian", "irma"]);
    expect(ids(await memory.search("storm", { facets: { location: "florida", date: ["2017"] } }))).toEqual([
      "irma",
    ]);
    expect(ids(await memory.search("storm", { facets: { location: ["Florida", "Texas"] } })).length).toBe(3);
    const facets = await memory.facets(florida);
    // its own dimension does not narrow itself
    expect(values(facets, "location")).toEqual({ Florida: 2, Texas: 1, Iceland: 1 });
    expect(values(facets, "date")).toMatchObject({ "2017": 1 });
    const found = await memory.facets({ query: "snow", k: 1, dimensions: ["location", "type"] });
    expect(found).toEqual([
      { dimension: "location", values: [{ value: "Iceland", count: 1 }] },
      { dimension: "type", values: [{ value: "note", count: 1 }] },
    ]);
  });

  it("follows replacing, forgetting, undoing and compacting", async () => {
    await using memory = await open(where(), { workers: 0, cube: true });
    await memory.add(storms);
    await memory.add({ id: "ian", text: "Hurricane Ian reached Cuba." });
    expect(await locations(memory)).toEqual({ Cuba: 1, Florida: 1, Iceland: 1, Texas: 1 });
    const { undo } = await memory.forget({ ids: ["harvey"] });
    expect(await locations(memory)).toEqual({ Cuba: 1, Florida: 1, Iceland: 1 });
    await memory.undo(undo!);
    await memory.compact();
    expect(await locations(memory)).toEqual({ Cuba: 1, Florida: 1, Iceland: 1, Texas: 1 });
    await memory.add({ id: "new", text: "Rain in Texas." });
    expect(await locations(memory)).toEqual({ Texas: 2, Cuba: 1, Florida: 1, Iceland: 1 });
    await memory.forget({ ids: ["harvey", "new"] });
    await memory.compact();
    expect(await locations(memory)).toEqual({ Cuba: 1, Florida: 1, Iceland: 1 });
    expect(
      memory.stats().some(({ structure, tier: at }) => structure === "cube: labels" && at === "ram"),
    ).toBe(true);
  });
});

describe("a cube that is kept", () => {
  it("is there for later openings and readers, and can be left aside", async () => {
    const where = path();
    {
      await using memory = await open(where, { workers: 0, cube: true });
      await memory.add(storms);
      await memory.compact();
    }
    {
      await using memory = await open(where, { workers: 0 });
      await memory.add({ id: "more", text: "Floods in Florida." });
      await using reader = await open(where, { mode: "read" });
      expect(await locations(reader)).toEqual({ Florida: 3, Texas: 1, Iceland: 1 });
      await memory.compact();
      expect(await locations(reader)).toEqual({ Florida: 3, Texas: 1, Iceland: 1 });
    }
    await using memory = await open(where, { workers: 0, cube: false });
    expect(await memory.facets()).toEqual([]);
    expect(ids(await memory.search("Florida")).length).toBeGreaterThan(0);
  });

  it("files a library that had none, and anew in other dimensions", async () => {
    const where = path();
    {
      await using memory = await open(where, { workers: 0 });
      await memory.add(storms);
      await memory.compact();
      expect(await memory.facets()).toEqual([]);
    }
    {
      await using memory = await open(where, { workers: 0, cube: { dimensions: ["location"] } });
      await memory.compact();
      expect(await memory.facets()).toEqual([
        {
          dimension: "location",
          values: [
            { value: "Florida", count: 2 },
            { value: "Iceland", count: 1 },
            { value: "Texas", count: 1 },
          ],
        },
      ]);
    }
    const own = { dimensions: ["date", gazetteer("hazard", ["storm surge", "rain"]), field("kind", "type")] };
    await using memory = await open(where, { workers: 0, cube: own });
    await memory.compact();
    const facets = await memory.facets();
    expect(facets.map(({ dimension }) => dimension)).toEqual(["date", "hazard", "kind"]);
    expect(values(facets, "hazard")).toEqual({ "storm surge": 2, rain: 1 });
    expect(values(facets, "kind")).toEqual({ note: 1 });
  });

  it("files behind the writes what a slow extractor finds", async () => {
    let asked = 0;
    const slow: Extractor = {
      dimensions: ["length"],
      isSlow: true,
      async extract(text) {
        asked++;
        await new Promise((resolve) => setTimeout(resolve, 1));
        return { length: { [text.length > 80 ? "long" : "short"]: 1 } };
      },
    };
    await using memory = await open(":memory:", { workers: 0, cube: { dimensions: [slow] } });
    await memory.add(storms);
    await memory.idle();
    expect(values(await memory.facets(), "length")).toEqual({ short: 2, long: 2 });
    await memory.compact();
    expect(values(await memory.facets(), "length")).toEqual({ short: 2, long: 2 });
    // a segment of what was filed in the tail is not asked for again
    expect(asked).toBe(storms.length);
  });

  it("warns when an extractor fails, and goes on without its labels", async () => {
    const warnings: string[] = [];
    const broken: Extractor = {
      dimensions: ["x"],
      isSlow: true,
      extract: () => Promise.reject(new Error("no model")),
    };
    await using memory = await open(":memory:", {
      workers: 0,
      cube: { dimensions: [broken] },
      onWarning: (message) => warnings.push(message),
    });
    await memory.add(storms);
    await expect(memory.idle()).rejects.toThrow("no model");
    expect(warnings.join()).toContain("no model");
    expect(ids(await memory.search("Florida")).length).toBeGreaterThan(0);
  });

  it("refuses what it cannot file or find, by name", async () => {
    await expect(open(":memory:", { cube: { dimensions: ["colour"] } })).rejects.toThrow(
      /nobody fills the dimension "colour"/,
    );
    await expect(open(":memory:", { cube: { dimensions: [] } })).rejects.toThrow(/without dimensions/);
    await expect(open(":memory:", { cube: { dimensions: [gazetteer("a/b", ["x"])] } })).rejects.toMatchObject(
      { code: "ARGUMENT" },
    );
    await using plain = await open(":memory:", { workers: 0 });
    await expect(plain.search("x", { facets: { location: "y" } })).rejects.toThrow(/without a cube/);
    await using memory = await open(":memory:", { workers: 0, cube: true });
    await expect(memory.search("x", { facets: { colour: "y" } })).rejects.toThrow(/no dimension "colour"/);
    await expect(memory.search("x", { facets: { location: 5 as unknown as string } })).rejects.toMatchObject({
      code: "ARGUMENT",
    });
    await expect(memory.facets({ limit: 0 })).rejects.toMatchObject({ code: "RANGE" });
    await expect(memory.facets({ dimensions: ["colour"] })).rejects.toMatchObject({ code: "ARGUMENT" });
  });
});

it("files by what a language model reads out of a text, and only what stands there", async () => {
  const model = new ScriptedModel(
    'Hazard: storm surge; "floods", comets\n- **colour**: blue\nperson:\nplace Cuba',
  );
  const extractor = modelExtractor(model, ["hazard", "person"], { name: "scripted" });
  await using memory = await open(":memory:", { workers: 0, cube: { dimensions: ["location", extractor] } });
  await memory.add({ id: "a", text: "A storm surge flooded Cuba. Floods and a storm surge followed." });
  await memory.idle();
  const facets = await memory.facets();
  expect(facets.map(({ dimension }) => dimension)).toEqual(["location", "hazard", "person"]);
  expect(values(facets, "hazard")).toEqual({ "storm surge": 1, floods: 1 });
  expect(values(facets, "person")).toEqual({});
  expect(model.heard[0]![0]!.content).toContain("hazard: ...");
  expect(() => modelExtractor(model, [])).toThrow(/name at least one/);
});

/** A word list as an extractor: its labels can be counted by hand. */
const WORDS = ["ant", "bee", "cat", "dog", "Ant"];
const byHand = (texts: ReadonlyMap<string, string>): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const text of texts.values())
    for (const key of new Set(text.split(" ").map(labelKey)))
      if (key !== "" && WORDS.some((word) => labelKey(word) === key)) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
};

it("counts as a list of the texts does, whatever was done", async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("add" as const),
      id: fc.integer({ min: 0, max: 6 }),
      words: fc.array(fc.constantFrom(...WORDS, "x"), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant("forget" as const), id: fc.integer({ min: 0, max: 6 }) }),
    fc.record({ kind: fc.constantFrom("compact" as const, "look" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const texts = new Map<string, string>();
      await using memory = await open(":memory:", {
        workers: 0,
        embedder: toyEmbedder(),
        cube: { dimensions: [gazetteer("animal", WORDS)] },
      });
      for (const one of [...steps, { kind: "look" as const }]) {
        if (one.kind === "add") {
          texts.set(`${one.id}`, one.words.join(" "));
          await memory.add({ id: `${one.id}`, text: one.words.join(" ") });
        } else if (one.kind === "forget") {
          texts.delete(`${one.id}`);
          await memory.forget({ ids: [`${one.id}`] });
        } else if (one.kind === "compact") await memory.compact();
        else {
          const counted = values(await memory.facets(), "animal");
          const keyed = Object.fromEntries(Object.entries(counted).map(([value, n]) => [labelKey(value), n]));
          expect(keyed).toEqual(byHand(texts));
        }
      }
    }),
    { numRuns: 25, seed: 7 },
  );
});
