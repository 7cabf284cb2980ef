import fc from "fast-check";
import { expect, test } from "vitest";
import { CubeIndex, decompose, labelKey, searchCube } from "./index.ts";

test.each([
  ["El Niño", "el nino"],
  ["Poincaré's theorem", "Poincare theorem"],
  ["TGF-β1", "tgf beta 1"],
  ["IFN-γ", "IFN gamma"],
  ["PKCζ", "PKC zeta"],
  ["SHP-2", "SHP2"],
  ["tumour behaviour", "tumor behaviors"],
  ["leukaemia", "leukemia"],
  ["paediatric anaesthesia", "pediatric anesthesia"],
  ["oestrogen", "estrogen"],
  ["foetal diarrhoea", "fetal diarrhea"],
  ["randomised and immunised", "randomized and immunized"],
  ["analysed", "analyzed"],
  ["modelling centres", "modeling center"],
  ["ageing", "aging"],
  ["sulphur", "sulfur"],
])("%s and %s are one label", (one, other) => expect(labelKey(one)).toBe(labelKey(other)));

test.each([
  ["hour", "hor"],
  ["four", "for"],
  ["promise", "promize"],
  ["rise", "rize"],
  ["IL-6", "IL-16"],
  ["λόγος", "λογος"],
])("%s and %s are two", (one, other) => expect(labelKey(one)).not.toBe(labelKey(other)));

test("a key is its own key, whatever marks its letters have", () => {
  const word = fc.stringMatching(/^[bcdfghjk][àéîõüçñ][bcdfghjk]{1,3}[0-9]?$/);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const bare = words.join(" ").normalize("NFD").replace(/\p{M}/gu, "");
      expect(labelKey(words.join(" "))).toBe(labelKey(bare));
      expect(labelKey(words.join(" ").normalize("NFD"))).toBe(labelKey(bare));
    }),
    { seed: 3 },
  );
});

test("a name written together that is no label is looked up by its words", async () => {
  const cube = new CubeIndex(["name"]);
  cube.add(0, { name: { Res: 1, connection: 2 } });
  cube.add(1, { name: { Think: 1, Tank: 1 } });
  cube.add(2, { name: { ThinkTank: 1 } });
  const rows = async (question: string): Promise<number[]> => {
    const { hits } = await searchCube(cube, decompose(cube, question), { k: 3 });
    return hits.map(({ row }) => row);
  };
  expect(decompose(cube, "Consider ResConnect's terms").map(({ text }) => text)).toEqual(["Res", "Connect"]);
  expect(await rows("Consider ResConnect's terms")).toEqual([0]);
  // where it is a label it is one
  expect(await rows("Consider ThinkTank")).toEqual([2]);
  expect(await rows("Consider McGill and lncRNA")).toEqual([]);
});
