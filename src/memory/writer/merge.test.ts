/** Which segments are merged: rows and bytes of what comes of it are bounded. Words of an older analyser are made anew. */
import { expect, test } from "vitest";
import { RowSet } from "../../index/row-set.ts";
import type { Parts, RowIds } from "../../index/segment.ts";
import { ANALYSER_PART, wordsKind } from "../../index/text/words-kind.ts";
import type { SpaceEntry } from "../layout.ts";
import type { OpenSegment } from "../open-segment.ts";
import { type BuildItem, buildSegment, type MergeInput, mergeSegments } from "./build.ts";
import { compactionRuns, type MergeLimits, mergeDefaults, pickMerge } from "./merge.ts";
import { prepareItem } from "./prepare.ts";
import type { Writer } from "./writer.ts";

const limits: MergeLimits = { ...mergeDefaults, fanIn: 8, maxBytes: 100 };

const current: Readonly<Record<string, number>> = { [`words/${ANALYSER_PART}`]: 1 };

/** A writer of segments with one row each, of so many bytes, none dead. */
function writerOf(bytes: readonly number[], parts = current): Writer {
  const segments = bytes.map((rawBytes, i) => ({
    stored: { rows: { base: i, count: 1, ids: null }, entry: { id: i, first: i, last: i, parts } },
    items: { rawBytes },
  }));
  const none = RowSet.from([]);
  const library = { segments, manifest: { spaces: [{}] }, tail: { items: [] }, dead: none };
  return { library, trash: { rows: none } } as unknown as Writer;
}

const sizes = (run: readonly OpenSegment[] | undefined): number[] | undefined =>
  run?.map(({ items }) => items.rawBytes);

test("merging behind passes over neighbours that are too many bytes together", () => {
  expect(sizes(pickMerge(writerOf([90, 3, 3, 3, 3, 3, 3, 3]), limits))).toBeUndefined();
  expect(sizes(pickMerge(writerOf([90, 3, 3, 3, 3, 3, 3, 3, 4]), limits))).toEqual([3, 3, 3, 3, 3, 3, 3, 4]);
});

test("compaction begins another segment where the bytes would be too many", () => {
  expect(compactionRuns(writerOf([60, 40, 1, 99, 30, 200]), limits).map(sizes)).toEqual([
    [60, 40],
    [1, 99],
  ]);
});

test("segments of the largest items never count more bytes than 32 bits hold", () => {
  const runs = compactionRuns(writerOf(Array.from({ length: 9 }, () => 2 ** 28)));
  for (const run of runs) expect(sizes(run)!.reduce((sum, bytes) => sum + bytes)).toBeLessThan(2 ** 32);
  expect(runs.map(({ length }) => length)).toEqual([4, 4]);
});

test("compaction rewrites a segment alone whose words are of an older analyser", () => {
  expect(compactionRuns(writerOf([200]))).toEqual([]);
  expect(compactionRuns(writerOf([200], { "words/terms": 1 })).map(sizes)).toEqual([[200]]);
});

test.each([5, 9000])(
  "words of an older analyser are made anew from %i texts, with titles and headings, without dead rows",
  (count) => {
    const itemsFrom = (first: number): BuildItem[] =>
      Array.from({ length: count }, (_, i) => {
        const text = `\ufeff# Kapitel ${first + i}\n\nIn\u00adfor\u00adma\u00adtion 도서관은 ${"x".repeat((first + i) % 50)}`;
        const item = { id: `${first + i}`, title: `학교 ${i}`, text };
        return prepareItem({ ...item, blocks: [] }, undefined, 1);
      });
    const [first, second] = [itemsFrom(0), itemsFrom(count)];
    const space = { id: 0 } as SpaceEntry;
    const built = [first, second].map((items) => buildSegment(items, space));
    const old = new Map(built[0]);
    for (const name of old.keys()) if (name.startsWith("words/")) old.delete(name);
    // what an older analyser made of them: other terms, as many rows
    for (const [name, bytes] of wordsKind.build(first.map(() => "information 도서관은")))
      if (name !== ANALYSER_PART) old.set(`words/${name}`, bytes);
    const rowsAt = (base: number): RowIds => ({ base, count, ids: null });
    const inputs = (parts: Parts): MergeInput[] => [
      { rows: rowsAt(0), parts },
      { rows: rowsAt(count), parts: built[1]! },
    ];
    const live = RowSet.from([...Array(2 * count).keys()].filter((row) => row % 6 !== 1));
    const options = { spaces: [] };
    const merged = mergeSegments(inputs(old), live, options);
    const wanted = mergeSegments(inputs(built[0]!), live, options);
    expect([...merged.keys()].sort()).toEqual([...wanted.keys()].sort());
    for (const [name, bytes] of wanted) expect(Buffer.compare(merged.get(name)!, bytes), name).toBe(0);
  },
);
