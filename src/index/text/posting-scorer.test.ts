import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  HeldLists,
  kernels,
  listsOf,
  PostingRanker,
  type RankedSegment,
  RankLimit,
  ReferencePostings,
  type RowStatistics,
  rankPlainly,
  Saturations,
  type StoredList,
  WasmPostings,
} from "../../kernels/index.ts";
import { decodePostings } from "../../kernels/reference/postings.ts";
import { ByteWriter } from "../../varint.ts";
import { writePostings } from "./postings.ts";

const STATISTICS = { average: 20, k1: 1.2, b: 0.75 };

interface Case {
  readonly rows: number;
  readonly lists: StoredList[];
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
  return { bytes: out.finish(), count, weight: 0.1 + (next() % 100) / 25 };
}

const cases = fc
  .record({
    rows: fc.constantFrom(1, 7, 500, 3000, 9000),
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

/** Disposes of what it was given. */
class Owned implements Disposable {
  readonly #all: Disposable[] = [];

  use<T extends Disposable>(one: T): T {
    this.#all.push(one);
    return one;
  }

  [Symbol.dispose](): void {
    for (const one of this.#all) one[Symbol.dispose]();
  }
}

const rounded = (scores: Float64Array): number[] => Array.from(scores, (score) => Math.fround(score));

/** Segments with ids in a row or with gaps, one behind the other, loaded into both scorers. */
function segmentsOf(
  all: readonly Case[],
  own: Owned,
  statistics: RowStatistics,
  drift = 1,
): { fast: RankedSegment<WasmPostings>[]; plain: RankedSegment<ReferencePostings>[] } {
  const fast: RankedSegment<WasmPostings>[] = [];
  const plain: RankedSegment<ReferencePostings>[] = [];
  let base = 7;
  for (const [number, { rows, lists, lengths }] of all.entries()) {
    const region = own.use(kernels().arena.alloc(lengths.byteLength));
    region.u16().set(lengths);
    const ids = number % 2 === 1 ? own.use(kernels().arena.alloc(rows * 4)) : undefined;
    ids?.u32().set(Uint32Array.from({ length: rows }, (_, i) => base + 3 * i + (i % 3)));
    const saturations = own.use(new Saturations(kernels()));
    const held = own.use(new HeldLists(kernels(), 1 << 20));
    own.use(held.lease({ ...statistics, average: statistics.average / drift }));
    own.use(held.lease(statistics));
    const source = listsOf(lists.map(({ bytes }) => bytes));
    const [scorer, twin] = [
      own.use(new WasmPostings(kernels(), saturations)),
      own.use(new ReferencePostings()),
    ];
    const weighted = {
      count: lists.length,
      lists: lists.map(({ count }, i) => held.put(source, i, count, region)),
      postings: lists.map(({ count }) => count),
      weights: lists.map(({ weight }) => weight),
    };
    scorer.load(weighted, held, region, statistics);
    twin.load(lists, region, statistics);
    const each = { rows: { count: rows, base: ids ? 0 : base, ids } };
    fast.push({ ...each, scorer });
    plain.push({ ...each, scorer: twin });
    base += 3 * rows + 5;
  }
  return { fast, plain };
}

/** The best of all that the rankers of one ranking found. */
function ranked(
  rankers: readonly PostingRanker[],
  k: number,
  least: number,
): { row: number; score: number }[] {
  const all: { row: number; score: number }[] = [];
  for (const ranker of rankers) {
    const before = all.length;
    ranker.found(least, (score, row) => all.push({ row, score }));
    expect(all.length - before).toBeLessThanOrEqual(k);
  }
  return all.sort((x, y) => y.score - x.score || x.row - y.row).slice(0, k);
}

describe("posting kernels equal their twin", () => {
  test("the best rows of segments: all of them or some, above a score, after a place", () => {
    using rankers = new Owned();
    const two = [0, 1].map(() => rankers.use(new PostingRanker(kernels())));
    const limit = rankers.use(new RankLimit(kernels()));
    const wishes = fc.record({
      k: fc.constantFrom(1, 3, 40, 700),
      some: fc.boolean(),
      least: fc.boolean(),
      after: fc.boolean(),
      // bounds of blocks were written when none of these was known
      statistics: fc.record({
        average: fc.constantFrom(1, 20, 500),
        k1: fc.constantFrom(0.1, 1.2, 9),
        b: fc.constantFrom(0, 0.75, 1),
      }),
      // rows have come and gone since the lists were opened
      drift: fc.constantFrom(1, 1.0099, 0.951),
    });
    fc.assert(
      fc.property(
        fc.array(cases, { minLength: 1, maxLength: 3 }),
        wishes,
        (all, { k, some, least, after, statistics, drift }) => {
          using own = new Owned();
          const { fast, plain } = segmentsOf(all, own, statistics, drift);
          const allowed = some ? new Uint32Array(400).fill(0x5b5b_7777) : undefined;
          const within = <T>(each: RankedSegment<T>): RankedSegment<T> => ({ ...each, allowed });
          const best = rankPlainly(plain, { k: 2 * k });
          const middle = best[best.length >>> 1];
          const wish = {
            k,
            minScore: least ? (best.at(-1)?.score ?? 0) : undefined,
            after: after ? middle : undefined,
          };
          limit.begin();
          // the second one knows what the first has found
          const scans = two.map((ranker, share) =>
            ranker.prepare(
              fast.map(within).filter((_, i) => i % 2 === share),
              wish,
              limit,
            ),
          );
          for (const { kernel, args } of scans) kernels().instance.exports[kernel](...args);
          expect(ranked(two, k, limit.score)).toEqual(rankPlainly(plain.map(within), wish));
        },
      ),
      { seed: 21, numRuns: 150 },
    );
  });

  test("scores of given rows", () => {
    fc.assert(
      fc.property(cases, (one) => {
        using own = new Owned();
        const { fast, plain } = segmentsOf([one], own, STATISTICS);
        const rows = Uint32Array.from({ length: one.rows }, (_, i) => i).filter((row) => row % 3 !== 1);
        expect(rounded(fast[0]!.scorer.score(rows))).toEqual(rounded(plain[0]!.scorer.score(rows)));
      }),
      { seed: 22, numRuns: 60 },
    );
  });

  test("the twin reads what the index writes", () => {
    const lengths = new Uint16Array(5000).fill(10);
    const { bytes, count } = listOf(1300, 9, 3, lengths);
    const pairs = decodePostings(bytes, count);
    expect(pairs.length).toBe(1300);
    expect(pairs.every(([row, frequency], i) => frequency >= 1 && (i === 0 || row > pairs[i - 1]![0]))).toBe(
      true,
    );
  });
});
