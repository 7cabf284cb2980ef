/** Products of quantised weights against plain sums over the decoded weights; and what quantising loses. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromB16s, fromHalf, fromHalves, toHalf } from "../half.ts";
import { kernels, type Region } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { GROUP, LinearWeights, PRECISIONS, type Precision } from "./linear-weights.ts";

const { arena } = kernels();

/** Activations as the kernels take them, and where the results go: room for whole fours of tokens. */
class Batch implements Disposable {
  readonly x: Region;
  readonly codes: Region;
  readonly scales: Region;
  readonly sums: Region;
  readonly out: Region;
  readonly room: Region;

  constructor(tokens: number, k: number, rows: number) {
    const padded = Math.ceil(tokens / 4) * 4;
    this.x = arena.alloc(padded * k * 4);
    this.codes = arena.alloc(padded * k * 2);
    this.scales = arena.alloc((padded * k * 4) / GROUP);
    this.sums = arena.alloc((padded * k * 4) / GROUP);
    this.out = arena.alloc(padded * rows * 4);
    this.room = arena.alloc((k * 17) / 2);
  }

  [Symbol.dispose](): void {
    for (const region of [this.x, this.codes, this.scales, this.sums, this.out, this.room])
      region[Symbol.dispose]();
  }
}

function multiply(weights: LinearWeights, batch: Batch, tokens: number, onto: boolean): Float32Array {
  const { x, codes, scales, sums, out, room } = batch;
  const { rows, columns, region, precision } = weights;
  const { linearB16, linearI8, linearU4, widenActivations } = kernels().instance.exports;
  const target = [region.pointer, rows, columns, out.pointer, rows * 4, onto ? 1 : 0];
  if (precision === "bf16") linearB16(x.pointer, tokens, ...target);
  else {
    // by two calls, as two tasks of a stage would
    const half = tokens >> 1;
    const places = [tokens, columns, codes.pointer, scales.pointer, sums.pointer];
    widenActivations(x.pointer, 0, half, ...places);
    widenActivations(x.pointer + half * columns * 4, half, tokens - half, ...places);
    if (precision === "int8") linearI8(codes.pointer, scales.pointer, tokens, ...target, room.pointer);
    else linearU4(codes.pointer, scales.pointer, sums.pointer, tokens, ...target, room.pointer);
  }
  return out.f32().slice(0, tokens * rows);
}

const shapes = fc.record({
  precision: fc.constantFrom<Precision>(...PRECISIONS),
  rows: fc.integer({ min: 1, max: 40 }),
  groups: fc.integer({ min: 1, max: 9 }),
  tokens: fc.integer({ min: 1, max: 11 }),
  onto: fc.boolean(),
  size: fc.constantFrom(1e-6, 1, 3e4),
  seed: fc.integer(),
});

test("products equal plain sums over the decoded weights", () =>
  fc.assert(
    fc.property(shapes, ({ precision, rows, groups, tokens, onto, size, seed }) => {
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
      const got = multiply(weights, batch, tokens, onto);
      const row = new Float32Array(columns);
      for (let r = 0; r < rows; r++) {
        weights.row(r, row);
        for (let t = 0; t < tokens; t++) {
          let sum = onto ? size : 0;
          let most = Math.abs(sum);
          for (let i = 0; i < columns; i++) {
            sum += row[i]! * x[t * columns + i]!;
            most += Math.abs(row[i]! * x[t * columns + i]!);
          }
          expect(Math.abs(got[t * weights.rows + r]! - sum)).toBeLessThan(most * 1e-4);
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
