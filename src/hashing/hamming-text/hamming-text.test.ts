import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesOf } from "../../kernels/index.ts";
import { Random } from "../../linalg/random.ts";
import {
  approximateHamming,
  explainHamming,
  hammingDistances,
  hammingWithin,
  type Symbols,
} from "./index.ts";

const distancesOf = (text: Symbols, pattern: Symbols): number[] =>
  matchesOf(text, pattern).map((equal) => pattern.length - equal);

const within = (text: Symbols, pattern: Symbols, most: number): [number, number][] =>
  distancesOf(text, pattern).flatMap((distance, at) =>
    distance <= most ? [[at, distance] as [number, number]] : [],
  );

const pairs = ({
  positions,
  distances,
}: {
  positions: Uint32Array;
  distances: Uint32Array;
}): [number, number][] => [...positions].map((at, i) => [at, distances[i]!]);

const random = (length: number, symbols: number, seed: number): Uint32Array => {
  const source = new Random(seed);
  return Uint32Array.from({ length }, () => source.integer(symbols));
};

/** Texts and patterns of all widths over alphabets from 1 to 50,000. */
const problems = fc
  .record({
    type: fc.constantFrom(Uint8Array, Uint16Array, Uint32Array),
    symbols: fc.constantFrom(1, 2, 3, 4, 20, 255, 50_000),
    length: fc.integer({ min: 1, max: 200 }),
    more: fc.integer({ min: 0, max: 600 }),
    seed: fc.nat(),
  })
  .map(({ type, symbols, length, more, seed }) => ({
    text: type.from(random(length + more, symbols, seed)) as Symbols,
    pattern: type.from(random(length, symbols, seed + 1)) as Symbols,
  }));

describe("hammingDistances", () => {
  it("is the definition, by every method", () => {
    fc.assert(
      fc.property(
        problems,
        fc.constantFrom("auto", "compare", "pairs", "transform"),
        ({ text, pattern }, method) => {
          expect([...hammingDistances(text, pattern, { method })]).toEqual(distancesOf(text, pattern));
        },
      ),
      { seed: 20, numRuns: 300 },
    );
  });

  it.each([
    ["one symbol", new Uint8Array(5000).fill(7), new Uint8Array(700).fill(7)],
    [
      "in turn",
      Uint8Array.from({ length: 5000 }, (_, i) => i % 2),
      Uint8Array.from({ length: 700 }, (_, i) => i % 2),
    ],
    [
      "one pair dominates",
      Uint16Array.from(random(5000, 40, 1), (s) => (s < 36 ? 0 : s)),
      Uint16Array.from(random(700, 40, 2), (s) => (s < 36 ? 1 : s)),
    ],
    ["nothing in common", random(3000, 50, 3), random(400, 50, 4).map((symbol) => symbol + 100)],
  ] as const)("counts adversarial texts: %s", (_, text, pattern) => {
    const expected = distancesOf(text, pattern);
    for (const method of ["auto", "compare", "pairs", "transform"] as const)
      expect([...hammingDistances(text, pattern, { method })]).toEqual(expected);
  });

  it("agrees with itself over many windows and chunks", () => {
    const text = Uint8Array.from(random(1_300_000, 5, 8));
    const pattern = text.slice(1_200_000, 1_200_900);
    const byTransforms = hammingDistances(text, pattern, { method: "transform" });
    const byPairs = hammingDistances(text, pattern, { method: "pairs" });
    expect(Buffer.compare(Buffer.from(byTransforms.buffer), Buffer.from(byPairs.buffer))).toBe(0);
    expect(byPairs[1_200_000]).toBe(0);
    for (const at of [0, 77, 1_048_575, 1_048_576, 1_299_100])
      expect(byPairs[at]).toBe(distancesOf(text.subarray(at, at + 900), pattern)[0]);
  });

  it("plans by cost: short patterns are compared, rare symbols paired, frequent ones transformed", () => {
    const plan = (symbols: number, length: number) =>
      explainHamming(random(200_000, symbols, 1), random(length, symbols, 2));
    expect(plan(4, 4).method).toBe("compare");
    expect(plan(50_000, 10_000)).toMatchObject({ method: "count", transformed: 0 });
    expect(plan(2, 20_000)).toMatchObject({ method: "count", transformed: 2 });
  });

  it("refuses what has no distances", () => {
    const text = new Uint8Array(10);
    expect(() => hammingDistances(text, new Uint8Array(0))).toThrow(/empty pattern/);
    expect(() => hammingDistances(text, new Uint8Array(11))).toThrow(/11 symbols, the text 10/);
    expect(() => hammingDistances(text, new Uint16Array(2))).toThrow(/Uint8Array, the pattern Uint16Array/);
    const signal = AbortSignal.abort();
    expect(() => hammingDistances(text, text, { signal })).toThrow(/cancelled/);
  });
});

describe("hammingWithin", () => {
  it("finds what is within k, by every method", () => {
    const methods = fc.constantFrom("auto", "scan", "seeds", "distances");
    fc.assert(
      fc.property(
        problems,
        methods,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        ({ text, pattern }, method, share) => {
          const most = Math.floor(share * pattern.length);
          expect(pairs(hammingWithin(text, pattern, most, { method }))).toEqual(within(text, pattern, most));
        },
      ),
      { seed: 21, numRuns: 300 },
    );
  });

  it("finds planted copies and nothing else", () => {
    const text = random(60_000, 5000, 1);
    const pattern = random(400, 5000, 2);
    const source = new Random(3);
    const planted = Array.from({ length: 40 }, (_, i) => {
      const at = i * 1400 + source.integer(900);
      text.set(pattern, at);
      const places = new Set(Array.from({ length: i }, () => source.integer(400)));
      for (const place of places) text[at + place] = 6000;
      return [at, places.size] as [number, number];
    });
    for (const method of ["auto", "scan", "seeds", "distances"] as const)
      expect(pairs(hammingWithin(text, pattern, 20, { method }))).toEqual(
        planted.filter(([, distance]) => distance <= 20),
      );
  });

  it("refuses a bound that is none", () => {
    const text = new Uint8Array(10);
    for (const most of [-1, 3, 0.5, Number.NaN])
      expect(() => hammingWithin(text, new Uint8Array(3), most)).toThrow(/from 0 to 2/);
  });
});

describe("approximateHamming", () => {
  it("is never above the distance, and within its error at every alignment", () => {
    for (const error of [0.9, 0.5, 0.25]) {
      const [text, pattern] = [random(4000, 300, 1), random(500, 300, 2)];
      text.set(pattern.subarray(0, 450), 1000);
      const { distances, projections } = approximateHamming(text, pattern, error, { method: "projections" });
      expect(projections).toBeGreaterThan(20);
      distancesOf(text, pattern).forEach((distance, at) => {
        expect(distances[at]).toBeLessThanOrEqual(distance);
        expect(distances[at]).toBeGreaterThanOrEqual((1 - error) * distance);
      });
    }
  });

  it("keeps its promise over many seeds", () => {
    const [text, pattern] = [random(300, 50, 1), random(60, 50, 2)];
    const exact = distancesOf(text, pattern);
    let failed = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const { distances } = approximateHamming(text, pattern, 0.5, {
        method: "projections",
        failure: 0.1,
        seed,
      });
      if (exact.some((distance, at) => distances[at]! < distance / 2)) failed++;
    }
    expect(failed).toBeLessThanOrEqual(20);
  });

  it("is exact where that is cheaper, the same for the same seed", () => {
    const [text, pattern] = [random(5000, 2000, 1), random(100, 2000, 2)];
    expect(approximateHamming(text, pattern, 0.3)).toEqual({
      distances: hammingDistances(text, pattern),
      projections: 0,
    });
    const again = (): unknown => approximateHamming(text, pattern, 0.3, { method: "projections", seed: 5 });
    expect(again()).toEqual(again());
    for (const error of [0, 1, -1, Number.NaN])
      expect(() => approximateHamming(text, pattern, error)).toThrow(/between 0 and 1/);
  });
});
