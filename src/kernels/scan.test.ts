/** Scans by look-ups of relaxed SIMD, where the platform has it, against the plain twin; those without are in kernels.test.ts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { allowRelaxedSimd } from "./allow-relaxed.ts";
import { kernels, reference } from "./index.ts";
import { randomBytes } from "./random-bytes.ts";

allowRelaxedSimd();

test("relaxed look-ups of all bytes give the plain twin's sums", () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer(), (fours, seed) => {
      const lut = randomBytes(fours * 64, seed).map((byte) => byte & 63);
      const blocks = randomBytes(3 * (fours * 64 + 64), seed + 1);
      const query = { step: 1, low: -3, square: 1, metric: "dot" } as const;
      const [found, expected] = [new Float32Array(96), new Float32Array(96)];
      kernels().scanTables(query, lut, blocks, found);
      reference.scanTables(query, lut, blocks, expected);
      expect(found).toEqual(expected);
    }),
    { seed: 5, numRuns: 60 },
  ));
