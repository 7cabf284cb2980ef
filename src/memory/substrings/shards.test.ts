/** Texts in several shards of several segments: each place is told of the right text. */
import { expect, test } from "vitest";
import { memorySegment, type Parts } from "../../index/segment.ts";
import { buildSubstrings, type TextToShard } from "../../index/text/substring-shards.ts";
import type { OpenSegment } from "../library.ts";
import { patternOf } from "./pattern.ts";
import { SUBSTRINGS, Substrings } from "./substrings.ts";

const encoder = new TextEncoder();

async function* each(texts: readonly string[]): AsyncGenerator<TextToShard> {
  for (const text of texts) {
    const bytes = encoder.encode(text);
    yield { length: bytes.length, read: (start, end) => bytes.subarray(start, end) };
  }
}

/** As much of an open segment as is asked for its shards. */
function segmentOf(id: number, count: number, parts: Parts): OpenSegment {
  const sizes = Object.fromEntries([...parts].map(([name, bytes]) => [SUBSTRINGS + name, bytes.length]));
  const source = memorySegment(id, { base: 0, count, ids: null }, parts);
  return { stored: { entry: { id, parts: sizes }, source: () => source } } as unknown as OpenSegment;
}

const textsOf = (segment: number): string[] =>
  Array.from({ length: 100 }, (_, i) =>
    i % 9 === 0 ? "" : `${"tea ".repeat(i % 7)}segment ${segment} text ${i} ${"Tea".repeat(i % 4)}`,
  );

test("places are of the text and the segment that hold them", async () => {
  const segments: OpenSegment[] = [];
  const names: string[][] = [];
  for (const id of [3, 5, 4]) {
    const parts = await buildSubstrings(each(textsOf(id)), { shardBytes: 700, blockBytes: 300 });
    names.push([...parts.keys()]);
    segments.push(segmentOf(id, 100, parts));
  }
  for (const some of names) expect(some.length).toBeGreaterThan(4);
  const substrings = new Substrings(1 << 26);
  await substrings.attach(segments);
  for (const [text, ignoreCase] of [
    ["tea", false],
    ["TEA", true],
    ["segment 5", false],
    ["text 17 ", false],
    ["nowhere", false],
  ] as const)
    for (const id of [3, 5, 4, 6]) {
      const wanted: number[][] = [];
      for (const [item, whole] of (id === 6 ? [] : textsOf(id)).entries()) {
        const [within, what] = ignoreCase ? [whole.toLowerCase(), text.toLowerCase()] : [whole, text];
        for (let at = within.indexOf(what); at >= 0; at = within.indexOf(what, at + 1))
          wanted.push([item, at, at + what.length]);
      }
      const found = await substrings.using((index, shards) =>
        substrings.find(index, shards, patternOf(text, ignoreCase, "test")),
      );
      expect(found!.countIn(id)).toBe(wanted.length);
      const { items, starts, ends } = await found!.locateIn(id);
      expect([...items].map((item, i) => [item, starts[i]!, ends[i]!])).toEqual(wanted);
    }
  await substrings.using(async (index, shards) => {
    let document = 0;
    for (const id of [3, 5, 4])
      for (let item = 0; item < 100; item++, document++)
        expect(substrings.textOf(index, shards, document)).toEqual({ segment: id, item, start: 0 });
    expect(() => substrings.textOf(index, shards, document)).toThrow(/document 300/);
  });
  await substrings.attach(segments.slice(1));
  expect([substrings.covers(3), substrings.covers(5)]).toEqual([false, true]);
  await substrings.attach([]);
  expect(substrings.isEmpty).toBe(true);
});

test("a long text in pieces: places on a cut, beside it and on both of its sides are told once, at their byte", async () => {
  const sizes = { pieceBytes: 100, overlapBytes: 20 };
  const texts = [
    "short tea",
    "tea".repeat(137),
    "",
    "x".repeat(100),
    "y".repeat(101),
    "tea, ".repeat(200),
    "tea",
  ];
  const made = await buildSubstrings(each(texts), { ...sizes, shardBytes: 700, blockBytes: 300 });
  expect([...made.keys()].filter((name) => name.startsWith("shard")).length).toBeGreaterThan(2);
  const substrings = new Substrings(1 << 26);
  await substrings.attach([segmentOf(9, texts.length, made)]);
  for (const text of ["tea", "t", "ateatea", "a, tea, tea, tea, te", "xy", "yy", "eatea", "tea,"]) {
    const found = await substrings.using((index, shards) =>
      substrings.find(index, shards, patternOf(text, false, "test")),
    );
    const wanted: number[][] = [];
    for (const [item, whole] of texts.entries())
      for (let at = whole.indexOf(text); at >= 0; at = whole.indexOf(text, at + 1))
        wanted.push([item, at, at + text.length]);
    const { items, starts, ends } = await found!.locateIn(9);
    expect([...items].map((item, i) => [item, starts[i]!, ends[i]!])).toEqual(wanted);
    expect(found!.countIn(9)).toBeGreaterThanOrEqual(wanted.length);
  }
  expect(substrings.piecesOf(9).isEmpty).toBe(false);
  const cuts = [...substrings.piecesOf(9).cuts()];
  expect(cuts.filter(({ text }) => text === 1).map(({ start }) => start)).toEqual([80, 160, 240, 320]);
  expect(cuts.filter(({ text }) => text === 3)).toEqual([]);
  expect(cuts.filter(({ text }) => text === 4).map(({ start }) => start)).toEqual([80]);
});

test("a damaged table of pieces leaves its segment to be read through", async () => {
  const made = await buildSubstrings(each(["tea ".repeat(100)]), { pieceBytes: 100, overlapBytes: 20 });
  made.set("pieces", Uint8Array.of(1, 0, 0, 0, 80));
  const said: string[] = [];
  const substrings = new Substrings(1 << 26, (message) => said.push(message));
  await substrings.attach([segmentOf(2, 1, made)]);
  expect(said).toEqual([expect.stringMatching(/segment 2 is read through: pieces of texts/)]);
  expect(substrings.covers(2)).toBe(false);
});
