/** The stages of attention by themselves, whatever the heads, pages and batches, against sums written out over what the cache holds. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { referenceAttention } from "../../test/support/reference-attention.ts";
import { PAGE_CODECS, type PageCodec } from "../cache/page-codec.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import { turnRows } from "../cache/turn.ts";
import {
  attentionRoom,
  kernels,
  openPool,
  type Pool,
  Program,
  roomsBytes,
  stateBytes,
  weighRoom,
} from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { StepTables, TILE_TOKENS } from "./step-tables.ts";

const face = kernels();
let pool: Pool;
beforeAll(async () => {
  pool = await openPool(face, { workers: 1 });
});
afterAll(() => pool[Symbol.asyncDispose]());

interface Sequence {
  /** Slots before the step, and tokens of it. */
  readonly slots: number;
  readonly tokens: number;
  readonly codec: PageCodec;
  /** Whether slots stand for several tokens each. */
  readonly counted: boolean;
}

interface Case {
  readonly dim: number;
  readonly group: number;
  readonly kvHeads: number;
  readonly window: number;
  readonly parts: number;
  readonly threads: boolean;
  readonly sequences: readonly Sequence[];
  readonly seed: number;
}

const sequence = fc.record({
  slots: fc.integer({ min: 0, max: 300 }),
  tokens: fc.integer({ min: 1, max: 40 }),
  codec: fc.constantFrom(...PAGE_CODECS),
  counted: fc.boolean(),
});
const cases = fc.record({
  dim: fc.constantFrom(16, 32, 48, 64, 80, 112, 128, 256),
  group: fc.integer({ min: 1, max: 9 }),
  kvHeads: fc.integer({ min: 1, max: 2 }),
  window: fc.constantFrom(0, 0, 1, 37, 64, 130),
  parts: fc.integer({ min: 1, max: 3 }),
  threads: fc.boolean(),
  sequences: fc.array(sequence, { minLength: 1, maxLength: 3 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

/** So few queries that they take a page together rather than by eights. */
const fewQueries = fc.record({ one: cases, group: fc.integer({ min: 1, max: 4 }) }).map(({ one, group }) => ({
  ...one,
  group,
  sequences: one.sequences.map((some) => ({ ...some, tokens: Math.max(1, Math.floor(4 / group)) })),
}));

const gaussians = (random: Random, count: number, spread = 1): Float32Array =>
  Float32Array.from({ length: count }, () => spread * random.gaussian());

const largestGap = (found: Float32Array, wanted: Float64Array): number =>
  wanted.reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0);

/** A cache of random rows, one of them a sink: a large key whose value is all but nothing. */
function cacheOf({ dim, kvHeads }: Case, { slots, codec, counted }: Sequence, random: Random): PagedCache {
  const own = codec === "f32" || codec === "f16" ? codec : "int8";
  const turned = codec.startsWith("lloyd");
  const cache = new PagedCache(face, { layers: 1, kvHeads, headDim: dim }, { codec: own, turned });
  const positions = Int32Array.from({ length: slots }, (_, i) => i);
  for (let head = 0; head < kvHeads && slots > 0; head++) {
    const [keys, values] = [gaussians(random, slots * dim, 2), gaussians(random, slots * dim)];
    for (let i = 0; i < dim; i++) {
      keys[i]! *= 3;
      values[i]! *= 1e-4;
    }
    const counts = counted ? positions.map((i) => 1 + (i % 5)) : undefined;
    cache.replace(0, head, {
      dim,
      keys,
      values,
      positions,
      ...(counts && { counts: Float32Array.from(counts) }),
    });
    if (codec !== own) cache.encode(0, head, codec, 0);
  }
  return cache;
}

/** Rows of queries, keys and values of a step, and what attention gives out for them: [rows x heads x dim]. */
function attended(
  one: Case,
  caches: readonly PagedCache[],
  random: Random,
): { qkv: Float32Array; out: Float32Array } {
  const { dim, group, kvHeads, window, parts } = one;
  const heads = group * kvHeads;
  const width = (heads + 2 * kvHeads) * dim;
  using tables = new StepTables(face);
  tables.set(one.sequences.map(({ tokens }, i) => ({ tokens: new Uint8Array(tokens), cache: caches[i]! })));
  one.sequences.forEach(({ tokens }, i) => {
    caches[i]!.begin(tokens);
  });
  const { rows, tiles, largest } = tables;
  const qkv = gaussians(random, rows * width);
  using given = face.arena.alloc(rows * width * 4);
  given.f32().set(qkv);
  using angles = face.arena.alloc(rows * dim * 4);
  angles.f32().forEach((_, i, all) => {
    all[i] = i % dim < dim / 2 ? 1 : 0;
  });
  const threads = one.threads ? pool.threads : 1;
  const expanded = caches.reduce((most, cache) => Math.max(most, cache.expandedBytes), 0);
  const room = attentionRoom(dim, largest * group, expanded);
  using states = face.arena.alloc(tiles * kvHeads * parts * largest * group * stateBytes(dim));
  using rooms = face.arena.alloc(roomsBytes(threads, room));
  using out = face.arena.alloc(rows * heads * dim * 4);
  for (const region of [states, rooms]) region.u8().fill(0xff);
  rooms.u32().fill(0, 0, threads);
  using program = new Program(face, 3);
  const about = [given.pointer, angles.pointer, tables.rowsAt];
  program.add("append", [rows, heads, kvHeads, dim, ...about, 0, 0, 0, 0, 0]).tasks = rows;
  const attend = program.add("attend", [tables.tilesAt, heads, kvHeads, dim, given.pointer, 0, 0]);
  attend.setReal(6, dim ** -0.5);
  [states.pointer, parts, largest, rooms.pointer, window, room, threads].forEach((value, i) => {
    attend.set(7 + i, value);
  });
  attend.tasks = tiles * kvHeads * parts;
  const merge = [
    rows,
    heads,
    kvHeads,
    dim,
    states.pointer,
    parts,
    largest,
    out.pointer,
    0,
    0,
    0,
    0,
    tables.rowsAt,
  ];
  program.add("merge", merge).tasks = rows;
  program.run(one.threads ? pool : undefined);
  one.sequences.forEach(({ tokens }, i) => {
    caches[i]!.end(tokens);
  });
  return { qkv, out: out.f32().slice() };
}

/** Calls with each query of a sequence: its number among all rows and heads, itself, its key-value head, the slots before the one it cannot see. */
function eachQuery(
  { dim, group, kvHeads, sequences }: Case,
  number: number,
  qkv: Float32Array,
  call: (row: number, head: number, query: Float32Array, seen: number) => void,
): void {
  const heads = group * kvHeads;
  const first = sequences.slice(0, number).reduce((sum, { tokens }) => sum + tokens, 0);
  const { slots, tokens } = sequences[number]!;
  for (let t = 0; t < tokens; t++)
    for (let h = 0; h < heads; h++) {
      const at = ((first + t) * (heads + 2 * kvHeads) + h) * dim;
      call(first + t, h, qkv.subarray(at, at + dim), slots + t + 1);
    }
}

describe("attention equals sums over all slots", () => {
  test.each([
    ["many queries", cases],
    ["few queries", fewQueries],
  ])("of any heads, codecs, windows, parts and batches: %s", (_, some) =>
    fc.assert(
      fc.property(some, (one) => {
        const random = new Random(one.seed);
        const caches = one.sequences.map((some) => cacheOf(one, some, random));
        const { qkv, out } = attended(one, caches, random);
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
        const { qkv } = attended(one, [cache], random);
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
