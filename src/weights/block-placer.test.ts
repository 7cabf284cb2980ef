/** Blocks that threads place, while the next are read, stand where one thread alone places them. */
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { toHalf } from "../half.ts";
import { kernels, openPool, type Pool } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { BlockPlacer } from "./block-placer.ts";
import { GROUP, LinearWeights } from "./linear-weights.ts";

const pool = await openPool(kernels(), { workers: 2 });
afterAll(() => pool[Symbol.asyncDispose]());

const KINDS = [
  { type: "Q8_0", precision: "int8", size: 34 },
  { type: "Q4_0", precision: "int4", size: 18 },
] as const;
type Kind = (typeof KINDS)[number];

/** @param odd share of the blocks whose scale the kernels do not know */
function blocksOf(random: Random, { size }: Kind, values: number, odd: number): Uint8Array {
  const bytes = Uint8Array.from({ length: (values / GROUP) * size }, () => random.integer(256));
  for (let at = 0; at < bytes.length; at += size) {
    const half = toHalf(random.uniform() < odd ? -1e-6 : 0.01 + random.uniform());
    bytes[at] = half & 255;
    bytes[at + 1] = half >> 8;
  }
  return bytes;
}

/** As a source does: some pieces in the room that it is given, some elsewhere. */
function placed(kind: Kind, columns: number, pieces: readonly Uint8Array[], threads?: Pool): Uint8Array {
  const rows = (bytes: Uint8Array): number => bytes.length / ((columns / GROUP) * kind.size);
  const all = pieces.reduce((sum, bytes) => sum + rows(bytes), 0);
  using weights = new LinearWeights(kernels(), kind.precision, all, columns);
  weights.region.u8().fill(0);
  {
    using placer = new BlockPlacer(() => threads);
    let first = 0;
    pieces.forEach((piece, i) => {
      const bytes = i % 3 === 2 ? piece : placer.roomFor(kernels(), piece.length);
      bytes.set(piece);
      expect(placer.place(weights, first, { type: kind.type, bytes })).toBe(true);
      first += rows(piece);
    });
  }
  return weights.region.u8().slice();
}

test("piece by piece, of any size, odd scales among them", () => {
  const cases = fc.record({
    kind: fc.constantFrom(...KINDS),
    groups: fc.integer({ min: 1, max: 5 }),
    rows: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 7 }),
    odd: fc.constantFrom(0, 0.1, 1),
    seed: fc.nat(),
  });
  const before = kernels().arena.bytes;
  fc.assert(
    fc.property(cases, ({ kind, groups, rows, odd, seed }) => {
      const random = new Random(seed);
      const columns = groups * GROUP;
      const pieces = rows.map((count) => blocksOf(random, kind, count * columns, odd));
      expect(placed(kind, columns, pieces, pool)).toEqual(placed(kind, columns, pieces));
    }),
    { seed: 3, numRuns: 40 },
  );
  expect(kernels().arena.bytes).toBe(before);
});

test("what weights do not take as it is, is left to the caller", () => {
  using placer = new BlockPlacer(() => pool);
  using weights = new LinearWeights(kernels(), "int8", 8, 32);
  expect(placer.place(weights, 0, { type: "Q4_0", bytes: new Uint8Array(8 * 18) })).toBe(false);
});

test("threads that are at something else, or gone, are done without", async () => {
  const own = await openPool(kernels(), { workers: 1 });
  const pieces = [1, 2, 3].map((seed) => blocksOf(new Random(seed), KINDS[0], 24 * 64, 0));
  const wanted = placed(KINDS[0], 64, pieces);
  const nothing = { kernel: "sumBytes", count: 0, args: [0, 0], countAt: 1, steps: [0, 0] } as const;
  {
    using _ = own.fork([nothing]);
    expect(placed(KINDS[0], 64, pieces, own)).toEqual(wanted);
  }
  await own[Symbol.asyncDispose]();
  expect(placed(KINDS[0], 64, pieces, own)).toEqual(wanted);
});
