import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  kernels,
  listBytes,
  listsOf,
  type PostingScorer,
  ReferencePostings,
  WasmPostings,
  type WeightedList,
  WINDOW_ROWS,
} from "../../kernels/index.ts";
import { decodePostings } from "../../kernels/reference/postings.ts";
import { ByteWriter } from "../../varint.ts";
import { writePostings } from "./postings.ts";

const STATISTICS = { average: 20, k1: 1.2, b: 0.75 };

interface Case {
  readonly rows: number;
  readonly lists: WeightedList[];
  readonly lengths: Uint16Array;
}

/** A list of `count` rows out of all, with frequencies up to `most`, as an index writes it. */
function listOf(count: number, most: number, seed: number, lengths: Uint16Array): Case["lists"][number] {
  let state = seed | 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const rows = new Set<number>();
  while (rows.size < count) rows.add(next() % lengths.length);
  const ordinals = Uint32Array.from(rows).sort();
  const frequencies = ordinals.map(() => 1 + (next() % most));
  const out = new ByteWriter();
  writePostings(out, ordinals, frequencies, 0, count, lengths);
  return { lists: listsOf([out.finish()]), index: 0, count, weight: 0.1 + (next() % 100) / 25 };
}

function candidatesOf(scorer: PostingScorer): unknown[] {
  const { count, rows, scores } = scorer.candidates();
  return [[...rows.subarray(0, count)], rounded(scores.subarray(0, count))];
}

const cases = fc
  .record({
    rows: fc.constantFrom(1, 7, 500, 3000, WINDOW_ROWS + 700),
    lists: fc.array(
      fc.record({
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        most: fc.constantFrom(1, 2, 300),
        seed: fc.integer(),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    seed: fc.integer(),
  })
  .map(({ rows, lists, seed }): Case => {
    const lengths = Uint16Array.from({ length: rows }, (_, i) => 1 + (Math.abs(seed + i * 7919) % 90));
    return {
      rows,
      lengths,
      lists: lists.map((one) =>
        listOf(Math.max(1, Math.floor(rows * one.share)), one.most, one.seed, lengths),
      ),
    };
  });

/** Both scorers, loaded alike, through the same steps. */
function both(
  { lists, lengths }: Case,
  allowed: Uint32Array | undefined,
  steps: (scorer: PostingScorer) => unknown[],
): void {
  const region = kernels().arena.alloc(lengths.byteLength);
  region.u16().set(lengths);
  const results = [new ReferencePostings(), new WasmPostings(kernels())].map((scorer) => {
    scorer.load(lists, region, STATISTICS, allowed && { words: allowed, first: 5 });
    const result = steps(scorer);
    scorer[Symbol.dispose]();
    return result;
  });
  region[Symbol.dispose]();
  expect(results[1]).toEqual(results[0]);
}

const rounded = (scores: Float64Array): number[] => Array.from(scores, (score) => Math.fround(score));

describe("posting kernels equal their twin", () => {
  test("sums of windows, restricted or not, and the best of them", () => {
    fc.assert(
      fc.property(cases, fc.boolean(), fc.integer({ min: 1, max: 40 }), (one, some, k) => {
        const allowed = some ? new Uint32Array(1 + ((one.rows + 5) >>> 5)).fill(0x5b5b_7777) : undefined;
        both(one, allowed, (scorer) => {
          const seen: unknown[] = [];
          for (let start = 0; start < one.rows; start += WINDOW_ROWS) {
            const end = Math.min(one.rows, start + WINDOW_ROWS);
            one.lists.forEach((_, list) => scorer.bound(list, start, end));
            one.lists.forEach((_, list) => scorer.accumulate(list, start, end));
            seen.push(scorer.collect(start, end, 0.5), scorer.keep(scorer.kth(k)));
            seen.push(...candidatesOf(scorer));
          }
          return seen;
        });
      }),
      { seed: 21, numRuns: 60 },
    );
  });

  test("scores of given rows, and dropping the weak", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0, max: 8, noNaN: true }), (one, threshold) => {
        const rows = Uint32Array.from({ length: one.rows }, (_, i) => i).filter((row) => row % 3 !== 1);
        both(one, undefined, (scorer) => {
          scorer.setCandidates(rows);
          one.lists.forEach((_, list) => scorer.complete(list));
          const all = candidatesOf(scorer);
          const kept = scorer.keep(threshold);
          return [all, kept, candidatesOf(scorer)];
        });
      }),
      { seed: 22, numRuns: 60 },
    );
  });

  test("a bound is never below a score in its window", () => {
    fc.assert(
      fc.property(cases, (one) => {
        const region = kernels().arena.alloc(one.lengths.byteLength);
        region.u16().set(one.lengths);
        using scorer = new WasmPostings(kernels());
        using twin = new ReferencePostings();
        for (const each of [scorer, twin]) each.load(one.lists, region, STATISTICS);
        for (let start = 0; start < one.rows; start += 1000) {
          const end = Math.min(one.rows, start + 1000);
          one.lists.forEach((_, list) =>
            expect(scorer.bound(list, start, end) * 1.000001).toBeGreaterThanOrEqual(
              twin.bound(list, start, end),
            ),
          );
        }
        region[Symbol.dispose]();
      }),
      { seed: 23, numRuns: 40 },
    );
  });

  test("the twin reads what the index writes", () => {
    const lengths = new Uint16Array(5000).fill(10);
    const { lists, index, count } = listOf(1300, 9, 3, lengths);
    const pairs = decodePostings(listBytes(lists, index), count);
    expect(pairs.length).toBe(1300);
    expect(pairs.every(([row, frequency], i) => frequency >= 1 && (i === 0 || row > pairs[i - 1]![0]))).toBe(
      true,
    );
  });
});
