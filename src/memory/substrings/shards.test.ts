/** Texts in several shards of several segments: each place is told of the right text. */
import { expect, test } from "vitest";
import { memorySegment, type Parts } from "../../index/segment.ts";
import { buildSubstrings } from "../../index/text/substring-shards.ts";
import type { OpenSegment } from "../library.ts";
import { patternOf } from "./pattern.ts";
import { SUBSTRINGS, Substrings } from "./substrings.ts";

const encoder = new TextEncoder();

async function* each(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield encoder.encode(text);
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
        expect(substrings.textOf(index, shards, document)).toEqual({ segment: id, item });
    expect(() => substrings.textOf(index, shards, document)).toThrow(/document 300/);
  });
  await substrings.attach(segments.slice(1));
  expect([substrings.covers(3), substrings.covers(5)]).toEqual([false, true]);
  await substrings.attach([]);
  expect(substrings.isEmpty).toBe(true);
});
