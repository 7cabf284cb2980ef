/** Coders that were stored: what comes back codes as before; what was damaged is refused by name, or codes as some coder does. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { MnemeError } from "../errors.ts";
import { matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import type { Coder } from "./codec.ts";
import { parseCodec, restoreCoder } from "./index.ts";

const DIM = 33;
const whole = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const recipe = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant("") },
      whole(2, DIM).map((dim) => `truncate${dim}>`),
      fc.constant("rotate>"),
      fc.tuple(whole(2, 20), fc.constantFrom("", "w", "u", "wu")).map(([dim, more]) => `pca${dim}${more}>`),
      whole(2, 20).map((dim) => `itq${dim}>`),
    ),
    fc.oneof(
      fc.constantFrom("f32", "int8", "sign", "sign-hamming"),
      whole(1, 20).map((half) => `int4-g${2 * half}`),
      whole(1, 8).map((bits) => `rabitq${bits}`),
      fc
        .tuple(fc.constantFrom(4, 8), whole(1, 2), fc.constantFrom("", "-random", "-opq"))
        .map(([bits, parts, more]) => `pq${bits}x${parts}${more}`),
      fc.tuple(whole(1, 4), whole(1, 5)).map(([parts, beam]) => `rq4x${parts}-beam${beam}`),
      fc.constantFrom("rbe1x64", "rbe2x32", "rbe4x16-sym"),
    ),
  )
  .map(([transform, codec]) => transform + codec);

function gaussian(rows: number, seed: number, cols = DIM): ReturnType<typeof matrix> {
  const random = new Random(seed);
  return matrix(
    rows,
    cols,
    Float32Array.from({ length: rows * cols }, () => random.gaussian()),
  );
}

const made = (name: string, seed: number): Coder => parseCodec(name).fit(gaussian(300, 1), { seed });

test("any coder comes back: the same codes, the same scores", () => {
  fc.assert(
    fc.property(recipe, whole(1, 1000), (name, seed) => {
      const coder = made(name, seed);
      const bytes = coder.serialize();
      // at a place that is not aligned, as in a file
      const file = new Uint8Array(bytes.length + 1);
      file.set(bytes, 1);
      const back = restoreCoder(file.subarray(1));
      const rows = gaussian(9, seed);
      const codes = coder.encode(rows);
      expect(back.encode(rows)).toEqual(codes);
      expect(back.decode(codes, 9)).toEqual(coder.decode(codes, 9));
      expect(back.serialize()).toEqual(bytes);
      const [mine, other] = [new Float32Array(9), new Float32Array(9)];
      coder.scorer(rows.data.slice(0, DIM), "l2").score(codes, 0, 9, mine);
      back.scorer(rows.data.slice(0, DIM), "l2").score(codes, 0, 9, other);
      expect(other).toEqual(mine);
    }),
    { seed: 3, numRuns: 30 },
  );
});

test("damaged coders are refused, or code rows of some width", () => {
  fc.assert(
    fc.property(
      recipe,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.tuple(whole(0, 160), whole(0, 255))),
      (name, share, changes) => {
        const bytes = made(name, 1).serialize();
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        const cut = changes.length > 0 ? bytes : bytes.subarray(0, Math.floor(share * (bytes.length - 1)));
        try {
          const coder = restoreCoder(cut);
          expect(changes.length).toBeGreaterThan(0);
          // a digit may have become another: what is left is a coder
          if (coder.dim <= 4 * DIM) coder.decode(coder.encode(matrix(1, coder.dim)), 1);
        } catch (error) {
          expect(error).toBeInstanceOf(MnemeError);
          expect(["CORRUPT", "VERSION", "NOT_FINITE"]).toContain((error as MnemeError).code);
        }
      },
    ),
    { seed: 4, numRuns: 150 },
  );
});

test("recipes with too much in them are refused, not read in part", () => {
  for (const name of [
    "rabitq1x",
    "int4-g32w",
    "truncate8w>int8",
    "sign3",
    "rotate5>sign",
    "toString",
    "constructor",
    "__proto__>int8",
  ])
    expect(() => parseCodec(name), name).toThrow(/unknown part/);
});
