/** Attention by products of bytes, where the platform has relaxed SIMD, against sums written out over what the cache holds. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attended, byteQueries, type Case, cacheOf, eachQuery } from "../../test/support/attention-cases.ts";
import { referenceAttention } from "../../test/support/reference-attention.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import { allowRelaxedSimd } from "../kernels/allow-relaxed.ts";
import { kernels, openPool, type Pool } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";

const isRelaxed = allowRelaxedSimd();
let pool: Pool;
beforeAll(async () => {
  pool = await openPool(kernels(), { workers: 1 });
});
afterAll(() => pool[Symbol.asyncDispose]());

/** Squares of what a sequence's attention gives out beside what it should, and of that. */
interface Squares {
  apart: number;
  all: number;
}

function squaresOf(
  one: Case,
  cache: PagedCache,
  number: number,
  qkv: Float32Array,
  out: Float32Array,
): Squares {
  const { dim, group, kvHeads, window } = one;
  const segments = Array.from({ length: kvHeads }, (_, head) => cache.segment(0, head));
  const sums = { apart: 0, all: 0 };
  eachQuery(one, number, qkv, (row, head, query, seen) => {
    const from = window > 0 ? Math.max(0, seen - window) : 0;
    const wanted = referenceAttention(query, segments[Math.floor(head / group)]!, from, seen).out;
    const at = (row * group * kvHeads + head) * dim;
    wanted.forEach((value, i) => {
      sums.apart += (out[at + i]! - value) ** 2;
      sums.all += value ** 2;
    });
  });
  return sums;
}

test.skipIf(!isRelaxed)(
  "attention of few queries equals sums over all slots but for the rounding to bytes",
  () => {
    const sums = { apart: 0, all: 0 };
    fc.assert(
      fc.property(byteQueries, (one) => {
        const random = new Random(one.seed);
        const caches = one.sequences.map((some) => cacheOf(one, some, random));
        const { qkv, out } = attended(one, caches, random, pool, 1);
        caches.forEach((cache, number) => {
          const { apart, all } = squaresOf(one, cache, number, qkv, out);
          expect(Math.sqrt(apart / all)).toBeLessThan(0.06);
          sums.apart += apart;
          sums.all += all;
          cache[Symbol.dispose]();
        });
      }),
      { seed: 4, numRuns: 60 },
    );
    expect(Math.sqrt(sums.apart / sums.all)).toBeLessThan(0.02);
  },
);

/** A step of one token whose queries, key and value are made by `make`, over slots of which every second one has the opposite key and value. */
function ofExtremes(dim: number, group: number, keys: number, query: number): Squares {
  const slots = 200;
  const sequence = { slots, tokens: 1, codec: "int8", counted: false } as const;
  const one = { dim, group, kvHeads: 1, window: 0, parts: 1, threads: false, sequences: [sequence], seed: 1 };
  using cache = new PagedCache(kernels(), { layers: 1, kvHeads: 1, headDim: dim });
  const sign = (i: number): number => (Math.floor(i / dim) % 2 === 0 ? 1 : -1);
  const rows = (size: number): Float32Array =>
    Float32Array.from({ length: slots * dim }, (_, i) => size * sign(i));
  const positions = Int32Array.from({ length: slots }, (_, i) => i);
  cache.replace(0, 0, { dim, keys: rows(keys), values: rows(1), positions });
  const constant = { gaussian: () => query } as unknown as Random;
  const { qkv, out } = attended(one, [cache], constant, pool, 1);
  return squaresOf(one, cache, 0, qkv, out);
}

test.skipIf(!isRelaxed)("the largest codes of keys, queries, weights and values do not overflow", () => {
  // one weight for all slots, weights of every second one, and of those of the other sign
  for (const dim of [16, 64, 112, 128])
    for (const group of [1, 3, 4, 8])
      for (const [keys, query] of [
        [0, 1],
        [1, 2],
        [1, -2],
      ] as const) {
        const { apart, all } = ofExtremes(dim, group, keys, query);
        expect(Math.sqrt(apart / all)).toBeLessThan(0.02);
      }
});
