import fc from "fast-check";
import { expect, test } from "vitest";
import { aliases, CubeIndex, decompose, labelKey, searchCube } from "../index.ts";

const aliasesOf = (text: string): string[] => {
  const { alias } = aliases().extract(text) as { alias: Record<string, number> };
  return Object.keys(alias);
};
const keysOf = (text: string): Set<string> => new Set(aliasesOf(text).map(labelKey));

test.each([
  ["the University of Arkansas at Little Rock signs", "UALR"],
  ["by the Department of Innovation & Technology", "DoIT"],
  ["the Department of Energy", "DOE"],
  ["in the State of Illinois Department of Innovation & Technology", "DoIT"],
  ["Red River Oil Inc. agrees", "RROI"],
  ["Signal Energy, LLC", "SE"],
  ["between Supplement One Ltd and others", "SupplementOne"],
  ["AG Projects, a Dutch corporation", "AGProjects"],
  ["referred to as Petro-Lube", "Petrolube"],
  ["the petro-lube laboratory", "Petrolube"],
  ["between JUST BIOFIBER STRUCTURAL SOLUTIONS CORP., a corporation", "JBF"],
  ["the Magneto Encephalogram of BioFiber Works", "BFW"],
  ["signed by North ThinkTank Group and others", "NTTG"],
  ["students of the University of Nebraska", "NU"],
  ["the ThinkTank meets", "Think Tank"],
  ["the ThinkTank meets", "Tank"],
  ['Transnet (hereinafter "the Bidder")', "Bidder"],
  ["referred to as “the Blue Train”", "Blue Train"],
  ["referred to as “the Blue Train”", "BT"],
])("%s: %s", (text, alias) => expect(keysOf(text)).toContain(labelKey(alias)));

test("words without capitals, single names, and words of two sentences have no initials", () => {
  expect(aliasesOf("the department of energy and Boston")).toEqual([]);
  expect(keysOf("They met in Boston. Energy was short")).not.toContain("be");
  expect(keysOf("Boston, Energy")).not.toContain("be");
});

test("what is quoted and not defined is no alias, and what is defined counts more than initials", () => {
  expect(aliasesOf('and Smith said: "Storms are near". They left')).toEqual([]);
  expect(aliasesOf('so we asked the "National Weather" people')).toEqual(["NW", "NationalWeather"]);
  const { alias } = aliases().extract('(the "Blue Train") or Data Boiler Technologies, Inc.') as {
    alias: Record<string, number>;
  };
  expect(alias.BT).toBeGreaterThan(alias.DBT!);
});

test("a long heading in capitals has none", () => {
  expect(aliasesOf(Array.from({ length: 12 }, (_, i) => `Word${"ABCDEFGHIJKL"[i]}`).join(" "))).toEqual([]);
});

test("initials of any names are found, in any company of small words", () => {
  // small words give none, even with a capital: "Del", "The"
  const small = new Set(["Del", "Der", "The", "And", "For", "Van", "Von"]);
  const word = fc.stringMatching(/^[A-Z][a-z]{2,6}$/).filter((one) => !small.has(one));
  fc.assert(
    fc.property(fc.array(word, { minLength: 3, maxLength: 7 }), (words) => {
      const initials = words.map((one) => one[0]).join("");
      for (const between of [" ", " of ", " and the "])
        expect(keysOf(`so says ${words.join(between)}, which`)).toContain(labelKey(initials));
    }),
    { seed: 17 },
  );
});

test("a document is found by an alias that it does not say, and the reason names it", async () => {
  const cube = new CubeIndex(["alias"]);
  const texts = ["University of Arkansas at Little Rock", "University of Ohio at Columbus", "Little Rock"];
  for (const [row, text] of texts.entries()) cube.add(row, await aliases().extract(text));
  const components = decompose(cube, "Does the contract with UALR end?");
  const { hits } = await searchCube(cube, components, { k: 3 });
  expect(hits.map(({ row }) => row)).toEqual([0]);
  expect(hits[0]!.reasons[0]).toMatchObject({ component: "UALR", dimension: "alias", label: "UALR" });
});
