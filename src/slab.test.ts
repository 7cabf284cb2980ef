import fc from "fast-check";
import { expect, test } from "vitest";
import { slab } from "./slab.ts";

test("arrays of a slab are zeroed, of the length asked for, and share no byte", () => {
  const one = fc.record({
    kind: fc.constantFrom("u8", "u32", "f32", "f64"),
    length: fc.oneof({ weight: 9, arbitrary: fc.nat(300) }, fc.nat(70_000)),
  });
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 120 }), (wanted) => {
      const arrays = wanted.map(({ kind, length }) => slab[kind as keyof typeof slab](length));
      arrays.forEach((array, i) => {
        expect(array.length).toBe(wanted[i]!.length);
        expect(array.every((value) => value === 0)).toBe(true);
        array.fill(i + 1);
      });
      arrays.forEach((array, i) => {
        const own = array instanceof Uint8Array ? (i + 1) & 255 : i + 1;
        expect(array.every((value) => value === own)).toBe(true);
      });
    }),
    { seed: 4, numRuns: 200 },
  );
});
