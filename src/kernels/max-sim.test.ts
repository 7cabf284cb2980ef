import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { kernels, LazyPool, MaxSim, referenceMaxSim, tokenWidth } from "./index.ts";

const byte = fc.integer({ min: -127, max: 127 });
const SEED = 66;

/** Some documents of random bytes, and a query. */
const cases = fc
  .record({
    dim: fc.integer({ min: 1, max: 40 }),
    sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
    asked: fc.integer({ min: 1, max: 9 }),
    seed: fc.array(byte, { minLength: 50, maxLength: 50 }),
  })
  .map(({ dim, sizes, asked, seed }) => {
    const width = tokenWidth(dim);
    const vectors = sizes.reduce((sum, size) => sum + size, 0);
    const codesOf = (count: number, shift: number): Int8Array =>
      Int8Array.from({ length: count * width }, (_, i) =>
        i % width < dim ? seed[(i * 7 + shift + Math.floor(i / 50)) % 50]! : 0,
      );
    const scales = Float32Array.from({ length: vectors }, (_, i) => (1 + (i % 5)) / 127);
    const factors = Float32Array.from({ length: asked }, (_, i) => (1 + (i % 3)) / 64);
    const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0));
    const ranges = Uint32Array.from(ends.flatMap((end, i) => [end - sizes[i]!, end]));
    return {
      width,
      codes: codesOf(vectors, 3),
      scales,
      ranges,
      query: { codes: codesOf(asked, 11), factors },
    };
  });

function stored(width: number, codes: Int8Array, scales: Float32Array) {
  const { arena } = kernels();
  const rows = { width, codes: arena.alloc(codes.length), scales: arena.alloc(scales.byteLength) };
  rows.codes.i8().set(codes);
  rows.scales.f32().set(scales);
  return { ...rows, [Symbol.dispose]: () => [rows.codes, rows.scales].forEach((r) => r[Symbol.dispose]()) };
}

describe("MaxSim", () => {
  it("is the sum of the largest products, as its plain twin has it", () => {
    using scorer = new MaxSim(kernels());
    fc.assert(
      fc.property(cases, ({ width, codes, scales, ranges, query }) => {
        using rows = stored(width, codes, scales);
        const expected = referenceMaxSim(query, { width, codes, scales }, ranges);
        scorer.score(query, rows, ranges).forEach((score, d) => expect(score).toBeCloseTo(expected[d]!, 2));
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("scores alike on several threads", async () => {
    await using pool = new LazyPool(kernels(), 1);
    using scorer = new MaxSim(kernels());
    const [width, size, count, asked] = [16, 20, 500, 12];
    const codes = Int8Array.from({ length: width * size * count }, (_, i) => ((i * 37) % 255) - 127);
    const scales = new Float32Array(size * count).fill(0.01);
    using rows = stored(width, codes, scales);
    const ranges = Uint32Array.from({ length: count * 2 }, (_, i) => ((i + 1) >> 1) * size);
    const query = { codes: codes.slice(99, 99 + asked * width), factors: new Float32Array(asked).fill(0.02) };
    const alone = scorer.score(query, rows, ranges).slice();
    const threads = await vi.waitUntil(() => pool.pool);
    await threads.ready();
    const fork = vi.spyOn(threads, "fork");
    expect(scorer.score(query, rows, ranges, threads)).toEqual(alone);
    expect(fork).toHaveBeenCalledOnce();
    expect(fork.mock.results[0]!.value).toBeDefined();
    expect(alone.some((score) => score !== alone[0])).toBe(true);
  });
});
