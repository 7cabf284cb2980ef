/** The stages of attention by themselves, whatever the heads, pages and batches, against sums written out over what the cache holds. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  attended,
  cacheOf,
  cases,
  eachQuery,
  fewQueries,
  largestGap,
  sequence,
} from "../../test/support/attention-cases.ts";
import { referenceAttention } from "../../test/support/reference-attention.ts";
import { turnRows } from "../cache/turn.ts";
import { kernels, openPool, type Pool, Program, weighRoom } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { TILE_TOKENS } from "./step-tables.ts";

const face = kernels();
let pool: Pool;
beforeAll(async () => {
  pool = await openPool(face, { workers: 1 });
});
afterAll(() => pool[Symbol.asyncDispose]());

describe("attention equals sums over all slots", () => {
  test.each([
    ["many queries", cases],
    ["few queries", fewQueries],
  ])("of any heads, codecs, windows, parts and batches: %s", (_, some) =>
    fc.assert(
      fc.property(some, (one) => {
        const random = new Random(one.seed);
        const caches = one.sequences.map((some) => cacheOf(one, some, random));
        const { qkv, out } = attended(one, caches, random, pool);
        const { dim, group, kvHeads, window } = one;
        caches.forEach((cache, number) => {
          const segments = Array.from({ length: kvHeads }, (_, head) => cache.segment(0, head));
          eachQuery(one, number, qkv, (row, head, query, seen) => {
            const segment = segments[Math.floor(head / group)]!;
            const from = window > 0 ? Math.max(0, seen - window) : 0;
            const wanted = referenceAttention(query, segment, from, seen).out;
            const at = (row * group * kvHeads + head) * dim;
            expect(largestGap(out.subarray(at, at + dim), wanted)).toBeLessThan(2e-3);
          });
          cache[Symbol.dispose]();
        });
      }),
      { seed: 4, numRuns: 40 },
    ),
  );
});

describe("weights equal those of all slots", () => {
  test("of any heads and codecs, as rows and as sums", () =>
    fc.assert(
      fc.property(cases, sequence, (some, alone) => {
        const one = { ...some, window: 0, sequences: [alone] };
        const random = new Random(one.seed);
        const { dim, group, kvHeads } = one;
        const { tokens } = alone;
        using cache = cacheOf(one, alone, random);
        const { qkv } = attended(one, [cache], random, pool);
        // queries as the cache keeps its keys: they were turned in place
        cache.begin(0);
        const stride = cache.pagesWith(0) * 64;
        const heads = group * kvHeads;
        using queries = face.arena.alloc(tokens * heads * dim * 4);
        for (let t = 0; t < tokens; t++)
          queries
            .f32()
            .set(qkv.subarray(t * (heads + 2 * kvHeads) * dim).subarray(0, heads * dim), t * heads * dim);
        if (cache.turned) turnRows(face, queries.f32(), dim);
        using rows = face.arena.alloc(heads * tokens * stride * 4);
        using sums = face.arena.alloc(kvHeads * stride * 4);
        sums.f32().fill(0);
        rows.u8().fill(0xff);
        const atOnce = Math.min(tokens, TILE_TOKENS) * group;
        const roomBytes = weighRoom(dim, atOnce, stride, cache.expandedBytes);
        using room = face.arena.alloc(roomBytes * kvHeads);
        using program = new Program(face, 2);
        for (const [out, headBytes, rowBytes] of [
          [rows, group * tokens * stride * 4, stride * 4],
          [sums, stride * 4, 0],
        ] as const) {
          const where = [queries.pointer, heads * dim * 4, cache.pointer, 0, -tokens >>> 0];
          const to = [out.pointer, headBytes, rowBytes, room.pointer, roomBytes, 1, 0, 0, 0, 0, TILE_TOKENS];
          const about = [tokens, heads, kvHeads, dim, ...where, ...to, cache.expandedBytes];
          const stage = program.add("weigh", about);
          stage.setReal(7, dim ** -0.5);
          stage.tasks = kvHeads;
        }
        program.run(undefined);
        const segments = Array.from({ length: kvHeads }, (_, head) => cache.segment(0, head));
        const expected = new Float64Array(kvHeads * stride);
        eachQuery(one, 0, qkv, (row, head, query, seen) => {
          const kv = Math.floor(head / group);
          const { weights } = referenceAttention(query, segments[kv]!, 0, seen);
          const at = ((kv * group + (head % group)) * tokens + row) * stride;
          const found = rows.f32().subarray(at, at + stride);
          expect(largestGap(found, weights)).toBeLessThan(2e-3);
          weights.forEach((weight, s) => {
            expected[kv * stride + s]! += weight / group;
          });
          expect(found.subarray(seen).every((weight) => weight === 0)).toBe(true);
        });
        const most = expected.reduce((a, b) => Math.max(a, b), 1);
        expect(largestGap(sums.f32(), expected)).toBeLessThan(2e-3 * most);
      }),
      { seed: 5, numRuns: 40 },
    ));
});
