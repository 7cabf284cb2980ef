/** The marks over a text are checked at the door, and what the readers make passes it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Item, itemFromFile, open } from "./index.ts";
import { MAX_DATA_BYTES } from "./validate.ts";

const add = async (item: object): Promise<unknown> => {
  await using memory = await open(":memory:", { workers: 0 });
  return memory.add(item as Item);
};

test.each<[unknown, RegExp]>([
  ["no list", /item "a": blocks must be a list, got string/],
  [[null], /blocks\[0\]: expected \{ kind, start, end \}, got object/],
  [[{ kind: "table", start: 0, end: 1 }], /kind must be one of heading, code, page, got "table"/],
  [[{ kind: "page", start: -1, end: 1 }], /0 <= start <= end <= 9, got -1 and 1/],
  [[{ kind: "page", start: 0, end: 10 }], /got 0 and 10/],
  [[{ kind: "page", start: 5, end: 4 }], /got 5 and 4/],
  [[{ kind: "page", start: 0.5, end: 1 }], /got 0.5 and 1/],
  [[{ kind: "page", start: Number.NaN, end: 1 }], /whole numbers/],
  [[{ kind: "page", start: "0", end: 1 }], /got "0" and 1/],
  [[{ kind: "page", start: 0 }], /got 0 and undefined/],
  [
    [
      { kind: "page", start: 4, end: 4 },
      { kind: "page", start: 3, end: 3 },
    ],
    /blocks\[1\]: starts at 3, before the block in front of it, at 4; sort them/,
  ],
  [[{ kind: "heading", start: 0, end: 1, level: 0 }], /level must be a whole number from 1, got 0/],
  [[{ kind: "heading", start: 0, end: 1, text: 5 }], /text must be a string, got number/],
  [[{ kind: "page", start: 0, end: 1, page: "iv" }], /page must be a whole number from 1, got "iv"/],
])("blocks %j are refused", async (blocks, message) => {
  const refused = add({ id: "a", text: "some text", blocks });
  await expect(refused).rejects.toMatchObject({ code: "ARGUMENT" });
  await expect(refused).rejects.toThrow(message);
});

test.each([0, -1, 1.5, Number.NaN, "2"])("firstLine %j is refused", async (firstLine) => {
  await expect(add({ id: "a", text: "some text", firstLine })).rejects.toMatchObject({ code: "RANGE" });
});

test("data that a segment could not count the bytes of is refused", async () => {
  const refused = add({ id: "a", text: "", data: new Uint8Array(MAX_DATA_BYTES + 1) });
  await expect(refused).rejects.toMatchObject({ code: "RANGE" });
  await expect(refused).rejects.toThrow(/data of 536870913 bytes, at most 536870912; split it/);
});

test("good blocks give headings, pages and lines", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  const text = "Top\nzebra\n";
  const item: Item = {
    id: "a",
    text,
    firstLine: 7,
    blocks: [
      { kind: "heading", start: 0, end: 3, level: 1 },
      { kind: "page", start: 4, end: 4, page: 3 },
      { kind: "code", start: 4, end: text.length },
    ],
  };
  await memory.add(item);
  const place = async (): Promise<unknown> => (await memory.search("zebra")).hits[0]?.place;
  expect(await place()).toMatchObject({ headings: ["Top"], page: 3, line: 8 });
  expect(await memory.add({ ...item, firstLine: 1 })).toMatchObject({ updated: 1 });
  expect(await place()).toMatchObject({ line: 2 });
  expect(await memory.add({ ...item, firstLine: 1, blocks: [] })).toMatchObject({ updated: 1 });
  expect(await place()).toMatchObject({ headings: [] });
  expect(await memory.add({ ...item, firstLine: 1, blocks: [] })).toMatchObject({ unchanged: 1 });
});

test("what the readers make of any file passes the door", async () => {
  const pieces: Record<string, string[]> = {
    "a.html": [
      "<h1>",
      "</h1>",
      "<h2> ",
      "</h2>",
      "<div>",
      "</div>",
      "<br>",
      "<td>",
      "<nav>",
      "</nav>",
      "<pre>",
      "</pre>",
      "<title>",
      "</title>",
      " ",
      "\n",
      "x",
    ],
    "a.md": ["# x\n", "## y #\n", "===\n", "---\n", "```\n", "x", "\n", " ", "key: v\n"],
    "a.ts": ["function a() {}\n", "class B ", "\n", "x"],
    "a.jsonl": ['{"title":"x"}\n', "{}\n", '[1,"a"]\n', "\n"],
    "a.csv": ["a", ",", "\n", '"', "1"],
  };
  await using memory = await open(":memory:", { workers: 0 });
  for (const [name, parts] of Object.entries(pieces)) {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...parts), { maxLength: 25 }), async (chosen) => {
        const item = await itemFromFile(name, new TextEncoder().encode(chosen.join("")));
        const { added, updated, unchanged, skipped } = await memory.add(item);
        expect(added + updated + unchanged + skipped.length).toBe(1);
      }),
      { seed: 10, numRuns: 300 },
    );
  }
});
