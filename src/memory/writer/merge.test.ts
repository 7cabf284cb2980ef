/** Which segments are merged: rows and bytes of what comes of it are bounded. */
import { expect, test } from "vitest";
import { RowSet } from "../../index/row-set.ts";
import type { OpenSegment } from "../open-segment.ts";
import { compactionRuns, type MergeLimits, mergeDefaults, pickMerge } from "./merge.ts";
import type { Writer } from "./writer.ts";

const limits: MergeLimits = { ...mergeDefaults, fanIn: 8, maxBytes: 100 };

/** A writer of segments with one row each, of so many bytes, none dead. */
function writerOf(bytes: readonly number[]): Writer {
  const segments = bytes.map((rawBytes, i) => ({
    stored: { rows: { base: i, count: 1, ids: null }, entry: { id: i, first: i, last: i } },
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
