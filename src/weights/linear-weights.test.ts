/** Products of quantised weights against plain sums over the decoded weights; and what quantising loses. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromB16s, fromHalf, fromHalves, toHalf } from "../half.ts";
import { allowRelaxedSimd } from "../kernels/allow-relaxed.ts";
import { FORMS, kernels, type Region } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { GROUP, LinearWeights, PRECISIONS, type Precision } from "./linear-weights.ts";

const isRelaxed = allowRelaxedSimd();
const { arena } = kernels();

/** Activations as the kernels take them, and where the results go: room for whole eights of tokens. */
class Batch implements Disposable {
  readonly x: Region;
  readonly codes: Region;
  readonly scales: Region;
  readonly sums: Region;
  readonly out: Region;
  readonly room: Region;

  constructor(tokens: number, k: number, rows: number) {
    const padded = Math.ceil(tokens / 8) * 8;
    this.x = arena.alloc(padded * k * 4);
    this.codes = arena.alloc(padded * k * 2);
    this.scales = arena.alloc((padded * k * 4) / GROUP);
    this.sums = arena.alloc((padded * k * 4) / GROUP);
    this.out = arena.alloc(padded * rows * 4);
    this.room = arena.alloc((k * 17) / 2 + 128);
  }

  [Symbol.dispose](): void {
    for (const region of [this.x, this.codes, this.scales, this.sums, this.out, this.room])
      region[Symbol.dispose]();
  }
}

/** Activations as ggml's blocks of Q8_0 have them. */
function asBlocks(x: Float32Array): Float32Array {
  return x.map((value, i) => {
    const most = x
      .subarray(i - (i % GROUP), i - (i % GROUP) + GROUP)
      .reduce((top, one) => Math.max(top, Math.abs(one)), 0);
    const exact = Math.fround(value * Math.fround(127 / (most || Number.POSITIVE_INFINITY)));
    const low = Math.floor(exact);
    const code = exact - low === 0.5 ? low + (low & 1) : Math.round(exact);
    return code * fromHalf(toHalf(Math.fround(most / 127)));
  });
}

function multiply(
  weights: LinearWeights,
  batch: Batch,
  tokens: number,
  { onto, form }: { readonly onto: boolean; readonly form: number },
): Float32Array {
  const { x, codes, scales, sums, out, room } = batch;
  const { rows, columns, region, precision } = weights;
  const { linearB16, linearBytes, linearI8, linearU4, widenActivations } = kernels().instance.exports;
  const target = [region.pointer, rows, columns, out.pointer, rows * 4, onto ? 1 : 0];
  if (precision === "bf16") linearB16(x.pointer, tokens, ...target);
  else {
    // by two calls, as two tasks of a stage would
    const half = tokens >> 1;
    const places = [tokens, columns, codes.pointer, scales.pointer, sums.pointer, form];
    widenActivations(x.pointer, 0, half, ...places);
    widenActivations(x.pointer + half * columns * 4, half, tokens - half, ...places);
    if (precision === "int8") linearI8(codes.pointer, scales.pointer, tokens, ...target, room.pointer);
    else if (form === FORMS.bytes)
      linearBytes(codes.pointer, scales.pointer, sums.pointer, tokens, ...target, room.pointer);
    else linearU4(codes.pointer, scales.pointer, sums.pointer, tokens, ...target, room.pointer);
  }
  return out.f32().slice(0, tokens * rows);
}

const shapes = fc.record({
  precision: fc.constantFrom<Precision>(...PRECISIONS),
  rows: fc.integer({ min: 1, max: 104 }),
  groups: fc.integer({ min: 1, max: 9 }),
  tokens: fc.integer({ min: 1, max: 21 }),
  onto: fc.boolean(),
  blocks: fc.boolean(),
  size: fc.constantFrom(1e-6, 1, 3e4),
  seed: fc.integer(),
});

test("products equal plain sums over the decoded weights", () =>
  fc.assert(
    fc.property(shapes, ({ precision, rows, groups, tokens, onto, blocks, size, seed }) => {
      const random = new Random(seed);
      const columns = groups * GROUP;
      using weights = new LinearWeights(kernels(), precision, rows, columns);
      weights.set(
        0,
        Float32Array.from({ length: rows * columns }, () => random.gaussian() * 0.1),
      );
      using batch = new Batch(tokens, columns, weights.rows);
      const x = Float32Array.from({ length: tokens * columns }, () => random.gaussian() * size);
      batch.x.f32().set(x);
      batch.out.f32().fill(onto ? size : 0);
      const got = multiply(weights, batch, tokens, { onto, form: blocks ? FORMS.blocks : FORMS.wide });
      const taken = blocks && precision !== "bf16" ? asBlocks(x) : x;
      const row = new Float32Array(columns);
      for (let r = 0; r < rows; r++) {
        weights.row(r, row);
        for (let t = 0; t < tokens; t++) {
          let sum = onto ? size : 0;
          let most = Math.abs(sum);
          for (let i = 0; i < columns; i++) {
            sum += row[i]! * taken[t * columns + i]!;
            most += Math.abs(row[i]! * taken[t * columns + i]!);
          }
          expect(Math.abs(got[t * weights.rows + r]! - sum)).toBeLessThanOrEqual(most * 1e-4);
        }
      }
    }),
    { seed: 5, numRuns: 120 },
  ));

test.each([
  ["bf16", 2 ** -8],
  ["int8", 1 / 250],
  ["int4", 1 / 7],
] as const)("a value loses at most its share of the group's largest: %s", (precision, share) => {
  const random = new Random(1);
  const values = Float32Array.from({ length: 8 * 96 }, () => random.gaussian());
  using weights = new LinearWeights(kernels(), precision, 8, 96);
  weights.set(0, values);
  const row = new Float32Array(96);
  for (let r = 0; r < 8; r++) {
    weights.row(r, row);
    for (let g = 0; g < 96; g += GROUP) {
      const group = values.subarray(r * 96 + g, r * 96 + g + GROUP);
      const most = group.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0);
      group.forEach((value, i) => {
        expect(Math.abs(row[g + i]! - value)).toBeLessThanOrEqual(most * share);
      });
    }
  }
});

test("groups of zeros stay zeros, and columns must fill groups", () => {
  for (const precision of PRECISIONS) {
    using weights = new LinearWeights(kernels(), precision, 4, 32);
    weights.set(0, new Float32Array(128));
    const row = new Float32Array(32).fill(1);
    weights.row(2, row);
    expect(row.every((value) => value === 0)).toBe(true);
  }
  expect(() => new LinearWeights(kernels(), "int8", 4, 40)).toThrow(/40 columns; expected a multiple of 32/);
});

test.skipIf(!isRelaxed)("products of bytes are to the bit those of the same codes in 16 bits", () =>
  fc.assert(
    fc.property(shapes, ({ rows, groups, tokens, onto, size, seed }) => {
      const random = new Random(seed);
      const columns = groups * GROUP;
      using weights = new LinearWeights(kernels(), "int4", rows, columns);
      weights.set(
        0,
        Float32Array.from({ length: rows * columns }, () => random.gaussian() * 0.1),
      );
      using batch = new Batch(tokens, columns, weights.rows);
      batch.x.f32().set(Float32Array.from({ length: tokens * columns }, () => random.gaussian() * size));
      const results = [FORMS.blocks, FORMS.bytes].map((form) => {
        batch.out.f32().fill(onto ? size : 0);
        return multiply(weights, batch, tokens, { onto, form });
      });
      expect(results[1]).toEqual(results[0]);
    }),
    { seed: 3, numRuns: 60 },
  ),
);

test.skipIf(!isRelaxed)("the largest codes of bytes do not overflow", () => {
  const columns = 4 * GROUP;
  using weights = new LinearWeights(kernels(), "int4", 4, columns);
  // code 15 of all but the group's first, which has the largest magnitude, 0
  weights.set(
    0,
    Float32Array.from({ length: 4 * columns }, (_, i) => (i % GROUP === 0 ? -8 : 7)),
  );
  for (const tokens of [1, 8]) {
    using batch = new Batch(tokens, columns, 4);
    for (const value of [1, -1]) {
      batch.x.f32().fill(value);
      const results = [FORMS.blocks, FORMS.bytes].map((form) =>
        multiply(weights, batch, tokens, { onto: false, form }),
      );
      expect(results[1]).toEqual(results[0]);
      expect(results[1]![0]).toBeCloseTo(value * 4 * (31 * 7 - 8), 0);
    }
  }
});

test("activations of 8 bits are ggml's blocks", () => {
  // codes and scale by numpy, of f32 and of rounding to nearest even
  const [step, more] = [Math.fround(0.37), Math.fround(0.01)];
  const x = Float32Array.from(
    { length: GROUP },
    (_, i) => Math.fround((((i * i) % 23) - 11) * step) + Math.fround(more * i),
  );
  const codes = [
    -127, -115, -80, -22, 59, -102, 25, -90, 83, 14, -32, -54, -54, -31, 16, 85, -87, 28, -98, 64, -17, -74,
    -109, -120, -108, -73, -15, 66, -95, 32, -83, 90,
  ];
  using batch = new Batch(1, GROUP * 2, 4);
  batch.x.f32().set(x);
  batch.x.f32().fill(0, GROUP, 2 * GROUP);
  const { x: from, codes: to, scales, sums } = batch;
  const places = [to.pointer, scales.pointer, sums.pointer];
  kernels().instance.exports.widenActivations(from.pointer, 0, 1, 1, GROUP * 2, ...places, 1);
  expect([...new Int16Array(to.u16().slice(0, GROUP * 2).buffer)]).toEqual([
    ...codes,
    ...new Array(GROUP).fill(0),
  ]);
  expect([...scales.f32().subarray(0, 2)]).toEqual([fromHalf(0x281a), 0]);
  const sum = codes.reduce((all, code) => all + code, 0);
  expect([...sums.f32().subarray(0, 2)]).toEqual([fromHalf(0x281a) * 8 * sum, 0]);
});

test("half precision numbers: every one comes back, others go to the nearest", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  expect(fromHalves(all)).toEqual(Float32Array.from(all, fromHalf));
  expect([...fromB16s(Uint16Array.of(0x3f80, 0xc000, 0x7f80))]).toEqual([1, -2, Number.POSITIVE_INFINITY]);
  for (let bits = 0; bits < 65536; bits++) {
    const value = fromHalf(bits);
    if (Number.isFinite(value)) expect(toHalf(value)).toBe(bits);
  }
  expect(fromHalf(toHalf(1 + 2 ** -11))).toBe(1);
  expect(fromHalf(toHalf(1 + 3 * 2 ** -11))).toBe(1 + 2 ** -9);
  expect(fromHalf(toHalf(1e6))).toBe(65504);
  expect(fromHalf(toHalf(-1e-9))).toBe(-0);
});
