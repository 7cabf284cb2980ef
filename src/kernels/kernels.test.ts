import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KernelFace, Rows } from "./face.ts";
import { kernels, panelsOf, reference } from "./index.ts";
import { randomBytes } from "./random-bytes.ts";

const width = fc.integer({ min: 1, max: 150 });
const count = fc.integer({ min: 0, max: 20 });
const seed = fc.integer();

const floats = (length: number, start: number): Float32Array =>
  Float32Array.from(randomBytes(length, start), (byte) => (byte - 128) / 64);
const signed = (length: number, start: number): Int8Array => new Int8Array(randomBytes(length, start).buffer);

/** Rows of 1-bit codes with their factor rounded to four digits: it is a sum, and sums differ in their last bits. */
function factorsOf(codes: Uint8Array, stride: number): unknown[] {
  const view = new DataView(codes.buffer);
  return Array.from({ length: codes.length / stride }, (_, r) => {
    const tail = (r + 1) * stride - 8;
    const bits = [...codes.subarray(r * stride, tail), ...codes.subarray(tail + 6, tail + 8)];
    return [bits, view.getFloat32(tail, true).toPrecision(4), view.getUint16(tail + 4, true) >> 1];
  });
}

/** The same call on twin and kernel; results must agree to rounding. */
function same<T extends Float32Array | Int32Array | Uint32Array>(
  out: T,
  call: (face: KernelFace, out: T) => unknown,
): void {
  const expected = out.slice() as T;
  const got = out.slice() as T;
  const [a, b] = [call(reference, expected), call(kernels(), got)];
  expect(b).toEqual(a);
  got.forEach((value, i) =>
    expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(expected[i]!))),
  );
}

describe("each kernel equals its twin", () => {
  const property = (body: (dim: number, rows: number, start: number) => void): void =>
    fc.assert(fc.property(width, count, seed, body), { seed: 11, numRuns: 150 });

  test("f32 rows", () =>
    property((dim, rows, start) => {
      const [query, data] = [floats(dim, start), floats(dim * rows, start + 1)];
      same(new Float32Array(rows), (face, out) => face.dotF32(query, data, out));
      same(new Float32Array(rows), (face, out) => face.l2F32(query, data, out));
    }));

  test("i8 and u4 rows of any stride", () =>
    property((dim, rows, start) => {
      const stride = dim + (start & 7);
      const codes: Rows = { data: signed(stride * rows, start), count: rows, stride };
      const query = signed(dim, start + 1);
      same(new Int32Array(rows), (face, out) => face.dotI8(query, codes, out));
      same(new Int32Array(rows), (face, out) => face.l2I8(query, codes, out));
      same(new Float32Array(rows), (face, out) => face.dotF32I8(floats(dim, start), codes, out));
      same(new Float32Array(rows), (face, out) => face.dotF32U4(floats(dim, start), codes, out));
    }));

  test("distances to scattered i8 rows", () =>
    property((dim, rows, start) => {
      const stride = dim + 8 + (start & 7);
      const codes = randomBytes(stride * rows, start);
      const view = new DataView(codes.buffer);
      for (let r = 0; r < rows; r++) {
        view.setFloat32(r * stride + dim, 0.01 + r / 512, true);
        view.setFloat32(r * stride + dim + 4, 0.5 - r / 64, true);
      }
      const places = Uint32Array.from({ length: rows }, (_, i) => ((i * 7) % rows) * stride);
      const bases = floats(rows, start + 2);
      same(new Float32Array(rows), (face, out) =>
        face.distancesI8(floats(dim, start), codes, places, bases, out),
      );
    }));

  test("bits", () =>
    property((dim, rows, start) => {
      const stride = dim * 8 + (start & 15);
      const codes: Rows = { data: randomBytes(stride * rows, start), count: rows, stride };
      same(new Uint32Array(rows), (face, out) => face.hamming(randomBytes(dim, start + 2), codes, out));
      same(new Int32Array(rows), (face, out) =>
        face.binaryDot4(randomBytes(dim * 8 * 4, start + 3), codes, out),
      );
    }));

  test("whole 1-bit scores", () =>
    property((dim, rows, start) => {
      const bytes = dim * 8;
      const stride = bytes + 8;
      const data = randomBytes(stride * rows, start);
      const view = new DataView(data.buffer);
      for (let r = 0; r < rows; r++) {
        view.setFloat32((r + 1) * stride - 8, 0.25 + r / 64, true);
        view.setUint16((r + 1) * stride - 4, 0x3f80 + r, true);
      }
      const query = {
        planes: randomBytes(bytes * 4, start + 1),
        step: 0.01,
        low: -0.07,
        half: 0.3,
        square: 1.5,
      };
      for (const metric of ["dot", "cosine", "l2"] as const) {
        same(new Float32Array(rows), (face, out) =>
          face.scoreOneBit({ ...query, metric }, { data, count: rows, stride }, out),
        );
      }
    }));

  test.each(["scanTables", "scanScaledTables"] as const)("blocks scored by %s", (scan) =>
    property((dim, rows, start) => {
      const groups = 4 * (1 + (dim % 40));
      // of each row the upper half of |x|^2, of those with a scale that before it
      const parts = scan === "scanTables" ? 1 : 2;
      const bytes = groups * 16 + 64 * parts;
      const blocks = randomBytes(bytes * rows, start);
      const view = new DataView(blocks.buffer);
      for (let b = 0; b < rows; b++)
        for (let i = 0; i < 32 * parts; i++)
          view.setUint16((b + 1) * bytes - 64 * parts + 2 * i, i === 0 ? 0 : 0x3f80 + i, true);
      // of four groups the largest may sum up to 255
      const lut = randomBytes(groups * 16, start + 1).map((byte, i) => byte % [240, 11, 4, 4][(i >> 4) & 3]!);
      for (const metric of ["dot", "cosine", "l2"] as const) {
        const query = { step: 0.01, low: -0.07, square: 1.5, metric };
        same(new Float32Array(rows * 32), (face, out) => face[scan](query, lut, blocks, out));
      }
    }),
  );

  test("blocks of whole numbers scored by tables, narrow and wide", () =>
    property((dim, rows, start) => {
      const groups = 4 * (1 + (dim % 40));
      const blocks = randomBytes((groups * 16 + 64) * rows, start);
      const view = new DataView(blocks.buffer);
      for (let b = 0; b < rows; b++)
        for (let i = 0; i < 32; i++)
          view.setUint16((b + 1) * (groups * 16 + 64) - 64 + 2 * i, 1 + ((start + i * 997) & 0x7fff), true);
      const wide = (start & 1) === 1;
      const most = wide ? 256 : 64;
      const lut = randomBytes(groups * 16, start + 1).map((byte) => byte % most);
      const query = { step: 2, low: -130, shift: 0.25, wide };
      same(new Float32Array(rows * 32), (face, out) => face.scanLevels(query, lut, blocks, out));
    }));

  test("sums of tables and nearest centroids", () =>
    property((dim, rows, start) => {
      const bytes = dim % 33;
      const stride = bytes + (start & 3);
      const codes: Rows = { data: randomBytes(stride * rows, start), count: rows, stride };
      same(new Float32Array(rows), (face, out) => face.sumTablesF32(floats(bytes * 256, start), codes, out));
      const width = 1 + (dim % 20);
      const count = 1 + ((start >>> 3) % 40);
      const panels = panelsOf(floats(count * width, start + 1), width);
      const step = width + (start & 3);
      const data = floats(rows * step, start + 2);
      // values are multiples of 1/64: sums are exact, so equal ones are equal
      same(new Uint32Array(rows), (face, out) =>
        face.nearestF32(data, step, panels, out, new Float32Array(rows)),
      );
      same(new Float32Array(rows), (face, out) =>
        face.nearestF32(data, step, panels, new Uint32Array(rows), out),
      );
      const filled = Math.ceil(count / 16) * 16;
      const some = Array.from(
        { length: rows * count },
        (_, i) => Math.floor(i / count) * filled + (i % count),
      );
      const [all, expected] = [new Float32Array(rows * filled), new Float32Array(rows * filled)];
      kernels().halfDistancesF32(data, step, panels, all);
      reference.halfDistancesF32(data, step, panels, expected);
      // centroids that fill a panel up are infinitely far
      for (const i of some) expect(all[i]).toBeCloseTo(expected[i]!, 3);
    }));

  test.each([32, 64, 8, 16, 1024])("binary products of %i bytes, all ones", (bytes) => {
    const codes: Rows = { data: new Uint8Array(bytes * 3).fill(255), count: 3, stride: bytes };
    same(new Int32Array(3), (face, out) => face.binaryDot4(new Uint8Array(bytes * 4).fill(255), codes, out));
    expect(() =>
      same(new Uint32Array(3), (face, out) => face.hamming(new Uint8Array(bytes), codes, out)),
    ).not.toThrow();
  });

  test("matrix products", () =>
    property((k, m, start) => {
      const n = (start & 31) + 1;
      same(new Float32Array(m * n), (face, out) =>
        face.matmulF32(floats(m * k, start), floats(k * n, start + 1), out, m, k, n),
      );
      same(new Float32Array(m * n), (face, out) =>
        face.matmulTransposedF32(floats(m * k, start), floats(k * n, start + 1), out, m, k, n),
      );
    }));

  test("transform and normalisation in place", () =>
    property((exponent, rows, start) => {
      const dim = 1 << (exponent % 9);
      const transformed = floats(dim * rows, start);
      same(transformed, (face, out) => face.fwhtF32(out, dim));
      same(transformed, (face, out) => face.normalizeF32(out, dim));
    }));

  test("dequantisation and gathering", () =>
    property((dim, rows, start) => {
      same(new Float32Array(dim * rows), (face, out) =>
        face.dequantI8(signed(dim * rows, start), floats(rows, start + 1), dim, out),
      );
      const group = 1 + (start & 15);
      const groups = Math.ceil((dim * rows) / group);
      same(new Float32Array(dim * rows), (face, out) =>
        face.dequantU4(
          randomBytes(Math.ceil((dim * rows) / 2), start),
          floats(groups, start),
          floats(groups, start + 1),
          group,
          out,
        ),
      );
      const ids = Uint32Array.from(randomBytes(rows, start), (byte) => byte % 7);
      const table = signed((dim + 3) * 7, start);
      same(new Float32Array(dim), (face, out) =>
        face.gatherSumI8(table, floats(7, start), dim + 3, ids, undefined, rows, out),
      );
      same(new Float32Array(dim), (face, out) =>
        face.gatherSumI8(table, floats(7, start), dim + 3, ids, floats(rows, start), rows, out),
      );
    }));

  test("codes of rows", () =>
    property((dim, rows, start) => {
      const data = floats(dim * rows, start);
      const bits = Math.ceil(dim / 64) * 8 + 8;
      const [ones, expectedOnes] = [new Uint8Array(rows * bits), new Uint8Array(rows * bits)];
      kernels().encodeOneBit(data, dim, bits, ones);
      reference.encodeOneBit(data, dim, bits, expectedOnes);
      expect(factorsOf(ones, bits)).toEqual(factorsOf(expectedOnes, bits));
      const [codes, expected] = [new Uint8Array(rows * (dim + 8)), new Uint8Array(rows * (dim + 8))];
      kernels().encodeI8(data, dim, codes);
      reference.encodeI8(data, dim, expected);
      expect(codes).toEqual(expected);
      same(data, (face, out) => face.scaleColumnsF32(out, floats(dim, start + 1)));
      expect(kernels().findNotFinite(data)).toBe(-1);
      if (rows > 0) data[(start >>> 1) % data.length] = [Number.NaN, Number.NEGATIVE_INFINITY][start & 1]!;
      expect(kernels().findNotFinite(data)).toBe(reference.findNotFinite(data));
      for (const least of [120, 127, 255])
        expect(kernels().findNotFinite(data, least)).toBe(reference.findNotFinite(data, least));
    }));

  test("merges of pairs", () =>
    property((count, rows, start) => {
      const slots = new Uint32Array(256).fill(0xffff_ffff);
      const bytes = randomBytes(count + 3 * rows, start);
      for (let rank = 0; rank < rows; rank++) {
        const [left, right, merged] = bytes.subarray(count + 3 * rank).map((byte) => byte & 7);
        const pair = (left! << 16) | right!;
        let slot = Math.imul(pair, 0x9e3779b1) >>> 25;
        while (slots[2 * slot + 1] !== 0xffff_ffff && slots[2 * slot] !== pair) slot = (slot + 1) & 127;
        slots.set([pair, (rank << 16) | merged!], 2 * slot);
      }
      const [tokens, expected] = [0, 1].map(() =>
        Uint16Array.from(bytes.subarray(0, count), (byte) => byte & 7),
      );
      const left = kernels().mergePairs(tokens!, count, slots);
      expect(left).toBe(reference.mergePairs(expected!, count, slots));
      expect(tokens!.subarray(0, left)).toEqual(expected!.subarray(0, left));
    }));

  test("selection and the probe", () =>
    property((dim, rows, start) => {
      const scores = floats(dim, start);
      same(new Uint32Array(rows), (face, out) => face.selectAbove(scores, 0.5, out));
      expect(kernels().sumBytes(randomBytes(dim * 8, start))).toBe(
        reference.sumBytes(randomBytes(dim * 8, start)),
      );
    }));
});

test("arrays in the arena are used in place, also after it grew", () => {
  const { arena } = kernels();
  const rows = arena.alloc(4 * 8 * 3);
  rows.f32().set(floats(24, 5));
  const early = rows.f32();
  using big = arena.alloc(3 << 20);
  expect(big.byteLength).toBe(3 << 20);
  const out = new Float32Array(3);
  kernels().dotF32(floats(8, 6), early, out);
  const expected = new Float32Array(3);
  reference.dotF32(floats(8, 6), floats(24, 5), expected);
  out.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
  rows[Symbol.dispose]();
  expect(() => rows.f32()).toThrow(/after it was freed/);
});

test("the arena reuses what was freed and refuses nonsense", () => {
  const { arena } = kernels();
  const before = arena.bytes;
  const [a, b] = [arena.alloc(100), arena.alloc(200)];
  a[Symbol.dispose]();
  b[Symbol.dispose]();
  expect(arena.bytes).toBe(before);
  const size = arena.memory.buffer.byteLength;
  for (let round = 0; round < 100; round++) arena.alloc(1 << 20)[Symbol.dispose]();
  expect(arena.memory.buffer.byteLength).toBeLessThanOrEqual(size + (2 << 20));
  expect(arena.bytes).toBe(before);
  expect(() => arena.alloc(-1)).toThrow(/whole number/);
  expect(() => arena.alloc(5 * 2 ** 30)).toThrow(/4 GiB/);
});
