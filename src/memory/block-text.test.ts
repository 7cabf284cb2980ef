import fc from "fast-check";
import { expect, it } from "vitest";
import { contiguousRows, memorySegment, type Parts, type SegmentSource } from "../index/segment.ts";
import { Random } from "../linalg/random.ts";
import { Budget } from "../storage/budget.ts";
import { BlockText } from "./block-text.ts";
import { BlockWriter } from "./block-writer.ts";
import { PageCache } from "./page-cache.ts";

/** As a source far away: what it reads comes later. */
function later(source: SegmentSource): SegmentSource {
  const read: SegmentSource["read"] = async (ranges) => {
    await new Promise((resolve) => setImmediate(resolve));
    return source.read(ranges);
  };
  return { ...source, size: (part) => source.size(part), read };
}

it("reads what was written, through a cache that holds few blocks", async () => {
  const range = fc.tuple(fc.nat(60_000), fc.nat(9_000));
  const written = fc.record({
    seed: fc.nat(),
    blockBytes: fc.constantFrom(900, 2_000, 5_000),
    limit: fc.constantFrom(1_000, 3_000, 12_000, 40_000),
    isLater: fc.boolean(),
    ranges: fc.array(range, { minLength: 20, maxLength: 60 }),
  });
  await fc.assert(
    fc.asyncProperty(written, async ({ seed, blockBytes, limit, isLater, ranges }) => {
      const random = new Random(seed);
      const raw = Uint8Array.from({ length: 60_000 }, (_, i) => (i % 7 ? random.integer(4) : i & 255));
      const writer = new BlockWriter(blockBytes);
      writer.add(raw.subarray(0, 20_001));
      writer.add(raw.subarray(20_001));
      const parts: Parts = new Map();
      writer.finish(parts, "text");
      using cache = new PageCache(new Budget(1 << 20), limit);
      const memory = memorySegment(0, contiguousRows(0, 1), parts);
      const text = await BlockText.open(isLater ? later(memory) : memory, "text", cache);
      const wanted = ranges.map(([start, length]) => [start, Math.min(60_000, start + length)] as const);
      // of the second round some blocks stand in the cache when a read begins, and others are there when it goes on
      for (const round of [wanted, wanted.toReversed()]) {
        const read = await Promise.all(round.map(([start, end]) => text.read(start, end)));
        expect(read.map(Buffer.from)).toEqual(
          round.map(([start, end]) => Buffer.from(raw.slice(start, end))),
        );
      }
      expect(cache.bytes).toBeLessThanOrEqual(limit + 6_000);
    }),
    { seed: 11, numRuns: 20 },
  );
});
