import fc from "fast-check";
import { expect, test } from "vitest";
import { chunk } from "../chunk.ts";
import type { Parsed } from "../parsed.ts";
import { readerFor } from "./registry.ts";

const read = async (source: string, name = "table.csv"): Promise<Parsed> =>
  readerFor(name)!.read(new TextEncoder().encode(source), name);

test.each<[string, string, string, string]>([
  [
    "names its values",
    "table.csv",
    "name,born\nAda,1815\nAlan,1912\n",
    "name: Ada\nborn: 1815\n\nname: Alan\nborn: 1912",
  ],
  [
    "reads quotes, doubled quotes, delimiters and line ends in them",
    "table.csv",
    'name,said\r\n"Lovelace, Ada","It can do ""anything""\r\n\r\nwe know"\r\n',
    'name: Lovelace, Ada\nsaid: It can do "anything" we know',
  ],
  ["leaves empty cells and rows out", "table.csv", "a,b\n,2\n\n1,\n,\n", "b: 2\n\na: 1"],
  ["keeps cells beyond the names", "table.csv", "a\n1,2,3\n", "a: 1\n2\n3"],
  ["takes a column without a name", "table.csv", ",name\n0,Ada\n", "0\nname: Ada"],
  ["knows semicolons", "table.csv", 'name;size\n"a;b";1,5\n', "name: a;b\nsize: 1,5"],
  ["knows tabs", "table.tsv", "name\tsaid\nAda\thello, world\n", "name: Ada\nsaid: hello, world"],
  ["has no names where the first row is data", "table.csv", "1,2\n3,4\n", "1, 2\n\n3, 4"],
  ["has no names in a single row", "table.csv", "a,b", "a, b"],
  [
    "takes a quote that nothing closes as it stands",
    "table.csv",
    'a,b\n"x,1\ny,2\n',
    'a: "x\nb: 1\n\na: y\nb: 2',
  ],
  [
    "takes a quote in the middle as it stands",
    "table.csv",
    'a,b\n5" disk,"so-called" x\n',
    'a: 5" disk\nb: "so-called" x',
  ],
  ["reads nothing from nothing", "table.csv", "", ""],
  ["skips the byte order mark", "table.csv", "\ufeffname,b\nAda,1\n", "name: Ada\nb: 1"],
])("csv: %s", async (_, name, source, text) => {
  expect((await read(source, name)).text).toBe(text);
});

test("csv: what any table holds is read back, whatever is in its cells", async () => {
  const cell = fc.string({
    unit: fc.constantFrom("a", "b", " ", ",", ";", '"', "\n", "\r\n", "\t", "|", "é"),
    maxLength: 8,
  });
  const table = fc
    .integer({ min: 2, max: 4 })
    .chain((columns) =>
      fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 6 }),
    );
  const quote = (value: string): string => `"${value.replaceAll('"', '""')}"`;
  const folded = (value: string): string => value.replace(/\s+/g, " ").trim();
  await fc.assert(
    fc.asyncProperty(table, fc.constantFrom("\n", "\r\n"), async (rows, end) => {
      fc.pre(rows.flat().some(folded));
      const names = rows[0]!.map((__, i) => `column${i}`);
      const source = [names, ...rows].map((row) => row.map(quote).join(",")).join(end);
      const expected = rows
        .map((row) =>
          row
            .map(folded)
            .flatMap((value, i) => (value ? [`column${i}: ${value}`] : []))
            .join("\n"),
        )
        .filter(Boolean);
      expect((await read(source)).text).toBe(expected.join("\n\n"));
    }),
    { seed: 9, numRuns: 500 },
  );
});

test("csv: passages hold whole rows, under the names of the columns", async () => {
  const rows = Array.from(
    { length: 200 },
    (_, i) => `"Row ${i}. It ends. Here","${"words. ".repeat(i % 20)}"`,
  );
  const { text, blocks } = await read(`title,body\n${rows.join("\n")}\n`);
  const chunks = chunk(text, blocks);
  expect(chunks.length).toBeGreaterThan(10);
  for (const { start, end, headings } of chunks) {
    expect(headings).toEqual(["title, body"]);
    expect(text.slice(start, end)).toMatch(/^title: Row \d+/);
    expect(text.slice(end)).toMatch(/^(\n\ntitle: |$)/);
  }
});

test("csv: every piece of a row that is too long for a passage stands under the names", async () => {
  const { text, blocks } = await read(`title,body\nLong,${"A sentence of it. ".repeat(200)}\nShort,words\n`);
  const chunks = chunk(text, blocks);
  expect(chunks.length).toBeGreaterThan(2);
  expect(chunks.every(({ headings }) => headings[0] === "title, body")).toBe(true);
});

test("csv: quotes that never close take time that grows with the file only", async () => {
  const { text } = await read(`a,b\n${'"x,1\n'.repeat(100_000)}${'"""y,1\n'.repeat(100_000)}`);
  expect(text.split("\n\n")).toHaveLength(200_000);
});
