import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "./dictionary.ts";
import { sortStrings } from "./sort-terms.ts";

test("strings come in the order of their bytes", () => {
  const string = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.array(fc.constantFrom(0, 1, 97, 255), { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
  );
  fc.assert(
    fc.property(fc.uniqueArray(string, { maxLength: 200, selector: (one) => one.join() }), (strings) => {
      const bytes = Uint8Array.from(strings.flatMap((one) => [...one]));
      const starts = new Uint32Array(strings.length + 1);
      strings.forEach((one, i) => (starts[i + 1] = starts[i]! + one.length));
      const order = Uint32Array.from(strings.keys());
      sortStrings(order, { bytes, starts });
      expect(Array.from(order, (i) => strings[i])).toEqual([...strings].sort(compareBytes));
    }),
    { seed: 12, numRuns: 200 },
  );
});
