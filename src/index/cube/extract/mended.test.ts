import fc from "fast-check";
import { expect, test } from "vitest";
import { extractAll, names } from "../index.ts";
import { mended } from "./mended.ts";

/** UTF-8 bytes read as Latin-1. */
const broken = (text: string): string =>
  [...new TextEncoder().encode(text)].map((byte) => String.fromCharCode(byte)).join("");

test.each([
  ["El NiÃ±o", "El Niño"],
  ["Dr. SoulÃ©", "Dr. Soulé"],
  ["NASAâ€™s â€œGRIPâ€\u009d", "NASA’s “GRIP”"],
  ["25Â°C", "25°C"],
])("%s is mended", (text, whole) => expect(mended(text)).toBe(whole));

test.each(["El Niño", "Ångström", "SÃO PAULO", "«Âge»", "â la carte", "TGF-β", "日本"])("%s stays", (text) =>
  expect(mended(text)).toBe(text),
);

test("what was read wrongly comes back, and stays when it is mended again", () => {
  const letter = fc.constantFrom(..."aZ 9,.éñüçøßœžŁ°±²’“”–—…≥−");
  fc.assert(
    fc.property(fc.array(letter), (letters) => {
      const text = letters.join("");
      expect(mended(broken(text))).toBe(text);
      expect(mended(text)).toBe(text);
    }),
    { seed: 5 },
  );
});

test("a name is filed as it is written elsewhere", async () => {
  const { name } = await extractAll([names()], "In that year El NiÃ±o came early.");
  expect(Object.keys(name!)).toContain("El Niño");
});
