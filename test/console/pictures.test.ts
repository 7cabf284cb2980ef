/** The console's pure parts: tiles that fill their box, documents cut without loss, filters that mean what was ticked. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { treemap } from "../../web/src/memory/treemap.ts";
import { type Block, blocksOf, rangesOf, WHOLE_LIMIT, windowOf } from "../../web/src/reader/blocks.ts";

describe("treemap", () => {
  const box = { x: 0, y: 0, width: 300, height: 200 };

  test("tiles have the areas asked for, fill the box and do not overlap", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 30 }),
        (values) => {
          const tiles = treemap(values, (value) => value, box);
          const total = values.reduce((sum, value) => sum + value, 0);
          expect(tiles).toHaveLength(values.length);
          for (const { data, x, y, width, height } of tiles) {
            expect(width * height).toBeCloseTo((60_000 * data) / total, 3);
            expect(x >= -1e-6 && y >= -1e-6 && x + width <= 300 + 1e-6 && y + height <= 200 + 1e-6).toBe(
              true,
            );
          }
          // Inside the box with areas that add up to it: any overlap would need a tile outside.
          for (const [i, a] of tiles.entries()) {
            for (const b of tiles.slice(i + 1)) {
              const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
              const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
              expect(across < 1e-6 || down < 1e-6).toBe(true);
            }
          }
        },
      ),
      { seed: 7, numRuns: 200 },
    );
  });

  test("nothing for nothing", () => {
    expect(treemap([0, 0], (value) => value, box)).toEqual([]);
  });
});

describe("blocks", () => {
  const textOf = (blocks: readonly Block[]): string =>
    blocks.flatMap(({ spans }) => spans.map(({ text }) => text)).join("");

  test("lose no character and light exactly the passage", () => {
    const line = fc.oneof(fc.string({ maxLength: 300 }), fc.constant("## A heading"), fc.constant(""));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 80 }), fc.nat(), fc.nat(), (lines, a, b) => {
        const text = lines.join("\n");
        const start = a % (text.length + 1);
        const lit = { start, end: start + (b % (text.length - start + 1)) };
        const blocks = blocksOf(text, { start: 0, end: text.length }, lit);
        expect(textOf(blocks)).toBe(text);
        const shown = blocks.flatMap(({ spans }) => spans.filter(({ kind }) => kind === "lit"));
        expect(shown.map((span) => span.text).join("")).toBe(text.slice(lit.start, lit.end));
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test("a long document is cut around the passage, at line ends", () => {
    const text = `${"x".repeat(99)}\n`.repeat(WHOLE_LIMIT / 50);
    const { start, end } = windowOf(text, 700_050, false);
    expect(start < 700_050 && end > 700_050 && end - start < WHOLE_LIMIT).toBe(true);
    expect(text[start - 1]).toBe("\n");
    expect(text[end]).toBe("\n");
    expect(windowOf(text, 0, true)).toEqual({ start: 0, end: text.length });
  });
});

describe("words in a passage", () => {
  test("whole words only, in any case and script, signs taken as they are", () => {
    const text = "List the lists of C++ (and c++), not blacklists. Straße, STRASSE, straße.";
    const found = rangesOf(text, ["lists", "c++", "straße"]).map(([start, end]) => text.slice(start, end));
    expect(found).toEqual(["lists", "C++", "c++", "Straße", "straße"]);
    expect(rangesOf(text, [])).toEqual([]);
  });
});

describe("filters", () => {
  let filterOf: typeof import("../../web/src/search/facets.ts").filterOf;

  beforeAll(async () => {
    ({ filterOf } = await import("../../web/src/search/facets.ts"));
  });

  test("any value of a field, all fields together; numbers and truth values too", () => {
    expect(filterOf({ lang: [], year: [] })).toBeUndefined();
    expect(filterOf({ year: ["2021", "x"], open: ["true"] })).toEqual({
      fields: { year: { in: ["2021", 2021, "x"] }, open: { in: ["true", true] } },
    });
    expect(filterOf({ code: ["007"] })).toEqual({ fields: { code: { in: ["007"] } } });
  });
});
