/** Caches through their public face: what goes in comes out, forks share, encoded pages stay near, slots can be taken apart. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MnemeError } from "../errors.ts";
import { fromHalf, toHalf } from "../half.ts";
import { kernels } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import type { RowEncoder } from "./encoders/encoder.ts";
import { perChannel } from "./encoders/per-channel.ts";
import { perToken } from "./encoders/per-token.ts";
import { rotatedNormal } from "./encoders/rotated-normal.ts";
import { CACHE_CODECS, type CacheCodec, type PageCodec } from "./page-codec.ts";
import { PagedCache } from "./paged-cache.ts";
import type { KvSegment } from "./parts.ts";

const shape = { layers: 2, kvHeads: 2, headDim: 32 };

function randomSegment(slots: number, seed: number, first = 0): KvSegment {
  const random = new Random(seed);
  const rows = (): Float32Array =>
    Float32Array.from({ length: slots * shape.headDim }, () => random.gaussian());
  return {
    dim: shape.headDim,
    keys: rows(),
    values: rows(),
    positions: Int32Array.from({ length: slots }, (_, i) => first + i),
  };
}

/** A cache as if `slots` tokens had gone in. */
function filled(
  slots: number,
  codec: CacheCodec,
  turned = false,
): { cache: PagedCache; segments: KvSegment[] } {
  const cache = new PagedCache(kernels(), shape, { codec, turned });
  cache.begin(slots);
  cache.end(slots);
  const segments = Array.from({ length: 4 }, (_, i) => randomSegment(slots, i + 1));
  segments.forEach((segment, i) => {
    cache.replace(i >> 1, i & 1, segment);
  });
  return { cache, segments };
}

function errorOf(a: Float32Array, b: Float32Array): number {
  let [error, all] = [0, 0];
  a.forEach((value, i) => {
    error += (value - b[i]!) ** 2;
    all += value ** 2;
  });
  return Math.sqrt(error / all);
}

describe("what goes in comes out", () => {
  test.each([
    ["f32", false, 1e-6],
    ["f32", true, 1e-5],
    ["f16", false, 4e-4],
    ["f16", true, 4e-4],
    ["int8", false, 0.02],
    ["int8", true, 0.02],
  ] as const)("%s, turned: %s", (codec, turned, bound) => {
    const { cache, segments } = filled(150, codec, turned);
    using _ = cache;
    segments.forEach((segment, i) => {
      const out = cache.segment(i >> 1, i & 1);
      expect(errorOf(segment.keys, out.keys)).toBeLessThan(bound);
      expect(errorOf(segment.values, out.values)).toBeLessThan(bound);
      expect(out.positions).toEqual(segment.positions);
    });
  });

  test.each<[PageCodec, boolean, number]>([
    ["affine4", false, 0.12],
    ["affine2", false, 0.6],
    ["lloyd4", true, 0.12],
    ["lloyd2", true, 0.4],
  ])("%s is near, and takes the bytes that are said", (codec, turned, bound) => {
    const { cache, segments } = filled(200, "f32", turned);
    using _ = cache;
    const before = cache.bytes;
    cache.encode(0, 1, codec, 40);
    const out = cache.segment(0, 1);
    const whole = 128 * shape.headDim;
    const error = errorOf(segments[1]!.keys.subarray(0, whole), out.keys.subarray(0, whole));
    expect(error).toBeLessThan(bound);
    expect(error).toBeGreaterThan(0.01);
    expect(errorOf(segments[1]!.values.subarray(0, whole), out.values.subarray(0, whole))).toBeLessThan(
      bound,
    );
    // the last slots stay as they were
    expect(errorOf(segments[1]!.keys.subarray(whole), out.keys.subarray(whole))).toBeLessThan(1e-5);
    const bits = codec.endsWith("4") ? 4 : 2;
    const codes = 2 * 128 * shape.headDim;
    expect(before - cache.bytes).toBeGreaterThan(codes * 4 - (codes * bits) / 8 - 2 * 1024);
  });
});

/** The plain encoders of a page's keys and values that a codec is the kernels' way of. */
const TWINS: Readonly<Record<string, readonly [RowEncoder, RowEncoder]>> = {
  affine4: [perChannel({ bits: 4, group: 64 }), perToken({ bits: 4, group: shape.headDim })],
  affine2: [perChannel({ bits: 2, group: 64 }), perToken({ bits: 2, group: shape.headDim })],
  lloyd4: [
    rotatedNormal({ bits: 4, mean: "page", page: 64 }),
    rotatedNormal({ bits: 4, mean: "page", page: 64 }),
  ],
  lloyd2: [
    rotatedNormal({ bits: 2, mean: "page", page: 64 }),
    rotatedNormal({ bits: 2, mean: "page", page: 64 }),
  ],
};

test("f16 keeps the nearest halves, of any number", () => {
  const { cache, segments } = filled(130, "f16");
  using _ = cache;
  const bits = new Uint32Array(1);
  const random = new Random(8);
  const any = (): number => {
    bits[0] = Math.floor(random.uniform() * 2 ** 32);
    const value = new Float32Array(bits.buffer)[0]!;
    // most f32 are far from all halves
    return Number.isFinite(value) ? value * 2 ** (Math.abs(value) < 1 ? 8 : -8) : 1 + 2 ** -11;
  };
  const edges = [
    0,
    -0,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -25,
    2 ** -14,
    2 ** -14 - 2 ** -26,
    65504,
    65519,
    65520,
    1e9,
  ];
  const keys = segments[0]!.keys.map((value, i) => edges[i] ?? value * 10 ** -(i % 9));
  const values = segments[0]!.values.map(any);
  cache.replace(0, 0, { ...segments[0]!, keys, values });
  const out = cache.segment(0, 0);
  expect(out.keys).toEqual(keys.map((value) => fromHalf(toHalf(value))));
  expect(out.values).toEqual(values.map((value) => fromHalf(toHalf(value))));
});

test.each(Object.keys(TWINS))("%s loses what its plain twin loses", (name) => {
  const { cache, segments } = filled(128, "f32", name.startsWith("lloyd"));
  using _ = cache;
  cache.encode(1, 0, name as PageCodec, 0);
  const out = cache.segment(1, 0);
  const { dim, positions, keys, values } = segments[2]!;
  const [ofKeys, ofValues] = TWINS[name]!;
  for (const [rows, found, twin] of [
    [keys, out.keys, ofKeys],
    [values, out.values, ofValues],
  ] as const) {
    const expected = errorOf(rows, twin.encode({ dim, positions, rows }).decode());
    const ratio = errorOf(rows, found) / expected;
    expect(ratio).toBeGreaterThan(0.85);
    expect(ratio).toBeLessThan(1.15);
  }
});

test("lloyd needs turned rows, and unknown codecs are named", () => {
  const { cache } = filled(64, "f32");
  using _ = cache;
  expect(() => cache.encode(0, 0, "lloyd4", 0)).toThrow(/turned/);
  expect(() => cache.encode(0, 0, "int3" as PageCodec, 0)).toThrow(
    /no codec "int3"; expected one of affine4/,
  );
  expect(() => new PagedCache(kernels(), shape, { codec: "u8" as "int8" })).toThrow(/f32, f16, int8/);
});

test("slots that stay are those asked for, whatever order of keeping, appending and cutting back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 300, maxLength: 300 }),
      fc.integer({ min: 0, max: 340 }),
      fc.constantFrom(...CACHE_CODECS),
      (slots, chances, cut, codec) => {
        const { cache, segments } = filled(slots, codec);
        using _ = cache;
        const before = cache.segment(1, 0);
        const kept = Int32Array.from(
          chances.slice(0, slots).flatMap((chance, i) => (chance < 0.4 ? [i] : [])),
        );
        cache.keep(1, 0, kept);
        const after = cache.segment(1, 0);
        expect([...after.positions]).toEqual([...kept]);
        kept.forEach((slot, i) => {
          const row = (rows: Float32Array, at: number) => rows.subarray(at * 32, at * 32 + 32);
          expect(row(after.keys, i)).toEqual(row(before.keys, slot));
          expect(row(after.values, i)).toEqual(row(before.values, slot));
        });
        cache.begin(40);
        cache.end(40);
        const all = [...kept, ...Array.from({ length: 40 }, (_, i) => slots + i)];
        expect([...cache.positions(1, 0)]).toEqual(all);
        expect(cache.slotsOf(0, 0)).toBe(slots + 40);
        cache.truncate(cut);
        expect([...cache.positions(1, 0)]).toEqual(all.filter((position) => position < cut));
        expect(cache.length).toBe(Math.min(cut, slots + 40));
        expect(segments).toHaveLength(4);
      },
    ),
    { seed: 4, numRuns: 40 },
  );
});

test("a fork costs no copy, and neither side sees what the other writes", () => {
  const { cache } = filled(150, "int8");
  using _ = cache;
  const { arena } = kernels();
  const before = arena.bytes;
  const fork = cache.fork();
  expect(arena.bytes - before).toBeLessThan(4 * 400);
  // positions are lent too, but counted
  expect(fork.ownBytes).toBeLessThan(4 * 1000);
  const [mine, other] = [cache.segment(1, 1), randomSegment(1, 9)];
  expect(fork.segment(1, 1)).toEqual(mine);
  fork.begin(1);
  // the last page was shared: the fork got its own
  expect(fork.ownBytes).toBeGreaterThan(4 * 2048);
  fork.end(1);
  fork.replace(0, 0, other);
  expect(cache.segment(1, 1)).toEqual(mine);
  cache.truncate(10);
  expect(fork.segment(1, 1).keys.subarray(0, 150 * 32)).toEqual(mine.keys);
  fork[Symbol.dispose]();
  expect(cache.segment(1, 1).keys).toEqual(mine.keys.subarray(0, 320));
});

test.each(CACHE_CODECS)("an encoded page that is cut into takes slots again: %s", (codec) => {
  const { cache } = filled(128, codec);
  using _ = cache;
  cache.encode(0, 0, "affine4", 0);
  const encoded = cache.segment(0, 0);
  cache.truncate(100);
  cache.begin(5);
  cache.end(5);
  expect(errorOf(encoded.keys.subarray(0, 3200), cache.segment(0, 0).keys.subarray(0, 3200))).toBeLessThan(
    0.02,
  );
  expect(() => cache.keep(0, 0, Int32Array.of(1))).toThrow(/evict before encoding/);
  // whole pages go and stay as they are
  const before = cache.segment(0, 0);
  cache.keep(
    0,
    0,
    Int32Array.from({ length: 64 }, (_, i) => i),
  );
  expect(cache.segment(0, 0).keys).toEqual(before.keys.subarray(0, 64 * 32));
});

test("counts are kept beside their slots", () => {
  const { cache } = filled(70, "f32");
  using _ = cache;
  const segment = {
    ...randomSegment(3, 5),
    positions: Int32Array.of(0, 9, 69),
    counts: Float32Array.of(1, 4, 1),
  };
  cache.replace(0, 0, segment);
  expect(cache.segment(0, 0).counts).toEqual(segment.counts);
  cache.begin(2);
  cache.end(2);
  expect([...cache.positions(0, 0)]).toEqual([0, 9, 69, 70, 71]);
  expect([...cache.segment(0, 0).counts!]).toEqual([1, 4, 1, 1, 1]);
  cache.keep(0, 0, Int32Array.of(1, 4));
  expect([...cache.segment(0, 0).counts!]).toEqual([4, 1]);
});

test("what is cut back to before the next position goes on from there", () => {
  const { cache } = filled(10, "f32");
  using _ = cache;
  cache.keep(0, 0, Int32Array.of(0, 5));
  cache.begin(2);
  cache.end(2);
  cache.truncate(8);
  cache.begin(2);
  cache.end(2);
  expect(cache.length).toBe(10);
  expect([...cache.positions(0, 0)]).toEqual([0, 5, 8, 9]);
});

test("a slot that is written again has no part of the count of the one before", () => {
  const { cache } = filled(8, "f32");
  using _ = cache;
  const counts = Float32Array.of(1, 1, 1, 5, 5, 1, 1, 5);
  cache.replace(0, 0, { ...randomSegment(8, 5), counts });
  cache.truncate(3);
  cache.begin(3);
  cache.end(3);
  expect(cache.segment(0, 0).counts?.every((count) => count === 1) ?? true).toBe(true);
  // the third word of a page's entry: where what is added to its logits lies
  const { memory } = kernels().instance;
  const [table] = new Uint32Array(memory.buffer, cache.pointer, 1);
  const bias = new Uint32Array(memory.buffer, table, 4)[2]!;
  expect([...new Float32Array(memory.buffer, bias, 64)].filter((added) => added !== 0)).toEqual([]);
});

test("room that a step made and did not use is no content: forks write apart, and what is saved can be read", () => {
  const face = kernels();
  const { cache, segments } = filled(64, "f32");
  using _ = cache;
  // a step that fails goes no further
  cache.begin(100);
  using fork = cache.fork();
  for (const [i, one] of [cache, fork].entries()) {
    one.begin(1);
    const [table] = new Uint32Array(face.arena.buffer, one.pointer, 1);
    using room = face.arena.alloc(shape.headDim * 4);
    room.f32().fill(i + 1);
    face.instance.exports.putRows(table!, 64, 1, shape.headDim, room.pointer, room.pointer);
    one.end(1);
  }
  expect([cache, fork].map((one) => one.segment(0, 0).keys.at(-1))).toEqual([1, 2]);
  cache.begin(100);
  const { about, heads } = cache.exported();
  using read = PagedCache.imported(face, about, heads, (why) => new MnemeError("CORRUPT", why));
  expect(read.segment(1, 0)).toEqual(cache.segment(1, 0));
  expect(read.segment(1, 0).keys.subarray(0, 64 * shape.headDim)).toEqual(segments[2]!.keys);
});

test("all memory comes back", () => {
  const before = kernels().arena.bytes;
  {
    const { cache } = filled(200, "int8");
    using fork = cache.fork();
    cache.encode(0, 0, "affine2", 0);
    fork.keep(1, 1, Int32Array.of(0, 5, 180));
    cache[Symbol.dispose]();
  }
  expect(kernels().arena.bytes).toBe(before);
});
