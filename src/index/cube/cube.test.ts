import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matrix } from "../../linalg/matrix.ts";
import { RowSet } from "../row-set.ts";
import {
  CubeIndex,
  cubeParts,
  dates,
  decompose,
  dimensionsOf,
  type Extractor,
  extractAll,
  gazetteer,
  type Labels,
  LabelVectors,
  labelKey,
  names,
  pattern,
  quantities,
  restoreCube,
  searchCube,
  themes,
} from "./index.ts";

const DIMENSIONS = ["place", "person", "theme"];

function cubeOf(documents: readonly Labels[]): CubeIndex {
  const cube = new CubeIndex(DIMENSIONS);
  documents.forEach((labels, row) => cube.add(row, labels));
  return cube;
}

const STORMS = cubeOf([
  { place: { Florida: 3, Texas: 1 }, theme: { hurricanes: 4, "storm surge": 1 } },
  { place: { Texas: 2 }, person: { "Amy Florida": 1 }, theme: { "storm surge": 5 } },
  { place: { Iceland: 2 }, theme: { hurricane: 1 } },
  { person: { Florida: 2 }, theme: { snow: 1 } },
]);

const rows = (answer: { hits: readonly { row: number }[] }): number[] => answer.hits.map(({ row }) => row);

/** Random documents over few labels, with spellings that have one key. */
const documents = fc.array(
  fc.record({
    place: fc.dictionary(fc.constantFrom("A", "a", "B", "the B", "C d"), fc.integer({ min: 1, max: 9 })),
    theme: fc.dictionary(fc.constantFrom("cat", "cats", "dog", "red dogs"), fc.integer({ min: 1, max: 9 })),
  }),
  { minLength: 1, maxLength: 20 },
);

describe("labelKey", () => {
  it.each([
    ["The Hurricanes", "hurrican"],
    ['tropical cyclones,"', "tropic cyclon"],
    ["Maria's", "maria"],
    ["“U.S.”", "u.s"],
    ["1.4 +/- 0.24", "1.4 0.24"],
    ["95%", "95%"],
    ["Post-natal care", labelKey("post natal care")],
    ["M5-Systems", labelKey("M5 Systems")],
    ["IL-6", "il6"],
    ["COVID-19", "covid19"],
    ["--", ""],
  ])("of %s is %s", (label, key) => expect(labelKey(label)).toBe(key));
});

describe("CubeIndex", () => {
  it("has the rows of each label, as the documents say", () => {
    fc.assert(
      fc.property(documents, fc.array(fc.nat(19)), (all, deleted) => {
        const cube = cubeOf(all);
        const before = new Set(all.keys());
        for (const row of deleted) expect(cube.delete(row)).toBe(before.delete(row));
        const alive = all.flatMap((labels, row) => (deleted.includes(row) ? [] : [[row, labels] as const]));
        expect(cube.size).toBe(alive.length);
        for (const dimension of ["place", "theme"] as const)
          for (const label of ["A", "b", "c d", "cat", "dogs", "red dog"]) {
            const expected = alive.flatMap(([row, labels]) =>
              Object.keys(labels[dimension]).some((one) => labelKey(one) === labelKey(label)) ? [row] : [],
            );
            expect([...cube.rowsOf(dimension, label)]).toEqual(expected);
            const facet = cube.labels(dimension).find((one) => labelKey(one.label) === labelKey(label));
            expect(facet?.count ?? 0).toBe(expected.length);
          }
      }),
      { seed: 71, numRuns: 200 },
    );
  });

  it("comes back from its parts, and goes on from there", async () => {
    await fc.assert(
      fc.asyncProperty(documents, fc.array(fc.nat(19)), async (all, deleted) => {
        const cube = cubeOf(all);
        for (const row of deleted) cube.delete(row);
        const back = restoreCube(cubeParts(cube));
        for (const one of [cube, back]) one.add(50, { theme: { cat: 2 } });
        expect(back.labels("place")).toEqual(cube.labels("place"));
        const components = decompose(cube, "the cats of a red dog");
        expect(await searchCube(back, components, { k: 30 })).toEqual(
          await searchCube(cube, components, { k: 30 }),
        );
      }),
      { seed: 72, numRuns: 100 },
    );
  });

  it("counts facets among some rows", () => {
    expect(STORMS.labels("place", { limit: 1 })).toEqual([{ label: "Texas", count: 2 }]);
    expect(STORMS.labels("theme", { among: RowSet.from([2, 3]) })).toEqual([
      { label: "hurricanes", count: 1 },
      { label: "snow", count: 1 },
    ]);
  });

  it("refuses what cannot be filed, and files nothing of it", () => {
    const cube = cubeOf([{ place: { A: 1 } }]);
    expect(() => cube.add(0, {})).toThrow(/row 0 after row 0/);
    expect(() => cube.add(1, { place: { B: 1 }, colour: { red: 1 } })).toThrow(
      /no dimension "colour"; there are place/,
    );
    expect(() => cube.add(1, { place: { B: -1 } })).toThrow(/"B" occurs -1 times/);
    expect(cube.size).toBe(1);
    expect(cube.labels("place")).toHaveLength(1);
    expect(cube.add(1, { place: { "--": 1, C: 0, D: 1 } })).toBe(2);
    expect(() => new CubeIndex([])).toThrow(/at least one/);
    expect(() => new CubeIndex(["a", "a"])).toThrow(/each once/);
  });

  it("refuses damaged parts by name", () => {
    const parts = cubeParts(STORMS);
    const damaged = (name: string, change: (bytes: Uint8Array) => Uint8Array): (() => unknown) => {
      const copy = new Map(parts);
      copy.set(name, change(parts.get(name)!.slice()));
      return () => restoreCube(copy);
    };
    expect(damaged("shape", () => new TextEncoder().encode('{"id":"cube","version":9}'))).toThrow(
      /version 9/,
    );
    expect(damaged("shape", (bytes) => bytes.subarray(1))).toThrow(/no JSON/);
    expect(damaged("dimension 0", (bytes) => bytes.subarray(0, -1))).toThrow(/place/);
    expect(damaged("rows", (bytes) => bytes.fill(0))).toThrow(/cell place: Florida leads to row/);
    expect(() => restoreCube(new Map())).toThrow(/part shape is missing/);
  });
});

describe("decompose", () => {
  it("takes the longest labels, in the dimensions that have them", () => {
    expect(decompose(STORMS, "How high was the storm surge of Amy Florida's hurricane in Florida?")).toEqual([
      { text: "storm surge", dimensions: ["theme"], parts: DIMENSIONS },
      { text: "Amy Florida's", dimensions: ["person"], parts: DIMENSIONS, isName: true },
      { text: "hurricane", dimensions: ["theme"] },
      { text: "Florida", dimensions: ["place", "person"], isName: true },
    ]);
  });

  it("leaves the rest to meaning, where it may", () => {
    const rest = decompose(STORMS, "Did heavy rain, in 1999, flood coastal towns of Texas?", ["theme"]);
    expect(rest).toEqual([
      { text: "heavy rain", dimensions: ["theme"] },
      { text: "flood coastal towns", dimensions: ["theme"] },
      { text: "Texas", dimensions: ["place"], isName: true },
    ]);
    expect(decompose(STORMS, "", ["theme"])).toEqual([]);
  });
});

describe("searchCube", () => {
  it("ranks by what is covered and says by which labels", async () => {
    const { hits, unmatched } = await searchCube(STORMS, decompose(STORMS, "hurricanes in Florida"), {
      k: 3,
    });
    expect(hits[0]).toMatchObject({ row: 0, covered: 2 });
    expect(hits[0]!.reasons).toMatchObject([
      { component: "hurricanes", dimension: "theme", label: "hurricanes", how: "exact", cosine: 1 },
      { component: "Florida", dimension: "place", label: "Florida", how: "exact", cosine: 1 },
    ]);
    for (const { score, reasons } of hits)
      expect(reasons.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(score, 9);
    expect(rows({ hits }).sort()).toEqual([0, 2, 3]);
    expect(unmatched).toEqual([]);
  });

  it("keeps homonyms of other dimensions apart", async () => {
    const asPlace = await searchCube(STORMS, [{ text: "Florida", dimensions: ["place"] }], { k: 9 });
    expect(rows(asPlace)).toEqual([0]);
    const asPerson = await searchCube(STORMS, [{ text: "Florida", dimensions: ["person"] }], { k: 9 });
    expect(rows(asPerson)).toEqual([3]);
  });

  it("lets a component count once, however many labels it matches, and numbers match to the letter", async () => {
    const embed = async (texts: readonly string[]) => {
      const vectors = matrix(texts.length, 2);
      texts.forEach((text, i) =>
        vectors.data.set(/storm|hurricane|gale/.test(text) ? [1, 0.1] : [0.1, 1], 2 * i),
      );
      return vectors;
    };
    const vectors = await LabelVectors.of(STORMS, embed, { threshold: 0.9 });
    const gale = [{ text: "gale", dimensions: ["theme"] }];
    const { hits } = await searchCube(STORMS, gale, { k: 9, vectors, rank: "count" });
    expect(rows({ hits }).sort()).toEqual([0, 1, 2]);
    for (const { covered, reasons } of hits) {
      expect(covered).toBe(1);
      expect(reasons).toMatchObject([{ component: "gale", how: "similar" }]);
    }
    const year = await searchCube(STORMS, [{ text: "storm 1999", dimensions: ["theme"] }], { k: 9, vectors });
    expect(year).toEqual({ hits: [], unmatched: ["storm 1999"] });
    expect(vectors.bytes).toBeGreaterThan(0);
  });

  it("embeds a label once while the cube grows, and comes to the same as at once", async () => {
    const seen: string[] = [];
    const embed = async (texts: readonly string[]) => {
      seen.push(...texts);
      return matrix(texts.length, 2, Float32Array.from(texts.flatMap((text) => [text.length, 3])));
    };
    const small = new CubeIndex(["theme"]);
    small.add(0, { theme: { storm: 1, "heavy rain": 1, flood: 2 } });
    const first = await LabelVectors.of(small, embed);
    small.add(1, { theme: { storm: 3, snow: 1, "spring tide": 1 } });
    const grown = await LabelVectors.of(small, embed, { known: first });
    expect([...seen].sort()).toEqual(["flood", "heavy rain", "snow", "spring tide", "storm"]);
    const whole = await LabelVectors.of(small, embed);
    expect(grown.threshold).toBe(whole.threshold);
    const asked = [{ text: "squall", dimensions: ["theme"] }];
    expect(await grown.similar(asked)).toEqual(await whole.similar(asked));
  });

  it("obeys filters, and refuses k below 1 and dimensions that there are not", async () => {
    const components = [{ text: "storm surge", dimensions: ["theme"] }];
    expect(rows(await searchCube(STORMS, components, { k: 9, filter: RowSet.from([1]) }))).toEqual([1]);
    await expect(searchCube(STORMS, components, { k: 0 })).rejects.toThrow(/k must be a whole number from 1/);
    await expect(searchCube(STORMS, [{ text: "x", dimensions: ["colour"] }], { k: 1 })).rejects.toThrow(
      /no dimension/,
    );
  });
});

describe("extractors", () => {
  const text =
    "Hurricane Maria struck Puerto Rico on Sept. 20, 2017. Professor Amy Pruden of Virginia Tech University studied 25 km of pipes. It cost $3.4 million. ADAR1 binds to Dicer in 95% of cases. The United States sent help.";

  it("tell names apart by rules", async () => {
    const labels = await extractAll([names()], text);
    expect(labels.event).toEqual({ "Hurricane Maria": 1 });
    expect(Object.keys(labels.location!)).toEqual(["Puerto Rico", "Virginia", "United States"]);
    expect(Object.keys(labels.person!)).toEqual(["Professor Amy Pruden"]);
    expect(Object.keys(labels.organization!)).toEqual(["Virginia Tech University"]);
    expect(Object.keys(labels.name!)).toEqual(expect.arrayContaining(["ADAR1", "Dicer"]));
  });

  it("find places inside longer names", async () => {
    const placesIn = async (name: string) =>
      Object.keys((await extractAll([names()], `They wrote to the ${name} at once.`)).location!);
    expect(await placesIn("New York City Department of Health")).toEqual(["New York City"]);
    expect(await placesIn("University of South Carolina")).toEqual(["South Carolina"]);
    expect(await placesIn("Bank of France and Spain Ltd")).toEqual(["France", "Spain"]);
    expect(await placesIn("Acme Trading Company")).toEqual([]);
  });

  it("find dates, quantities, listed names and patterns of one's own", async () => {
    const own = pattern("gene", /\b[A-Z]{3,}\d+\b/g);
    const labels = await extractAll(
      [dates(), quantities(), gazetteer("place", ["puerto rico", "Rico"]), own],
      text,
    );
    expect(labels).toEqual({
      date: { "Sept. 20, 2017": 1 },
      quantity: { "25 km": 1, "$3.4 million": 1, "95%": 1 },
      place: { "puerto rico": 1 },
      gene: { ADAR1: 1 },
    });
    expect(() => pattern("gene", /x/)).toThrow(/give it the flag g/);
  });

  it("find what a text is about", async () => {
    const { theme, word } = await extractAll(
      [themes()],
      "Storm surge models, a freedom of speech. A storm surge is a rise of water; models of the storm surge help.",
    );
    expect(theme).toMatchObject({ "storm surge": 9, "freedom of speech": 3, storm: 9, models: 6 });
    expect(Object.keys(theme!)).not.toContain("models freedom");
    expect(Object.keys(theme!)).not.toContain("help");
    expect(word).toMatchObject({ storm: 9, help: 3, rise: 3 });
    expect(Object.keys(word!)).not.toContain("of");
  });

  it("are put together, and held to the dimensions they name", async () => {
    const one: Extractor = { dimensions: ["a"], extract: async () => ({ a: { x: 1 } }) };
    const wrong: Extractor = { dimensions: ["a"], extract: () => ({ b: { x: 1 } }) };
    expect(dimensionsOf([one, wrong])).toEqual(["a"]);
    expect(await extractAll([one, one], "")).toEqual({ a: { x: 2 } });
    await expect(extractAll([wrong], "")).rejects.toThrow(/labels of "b"; it names a/);
  });
});
