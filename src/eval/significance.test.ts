import { expect, test } from "vitest";
import { crossValidate } from "./cross-validate.ts";
import { holm, pairedRandomisation } from "./significance.ts";

test("the randomisation test agrees with counting every exchange", () => {
  const a = [0.9, 0.7, 0.8, 0.4, 0.6, 0.75, 0.5, 0.3];
  const b = [0.6, 0.5, 0.7, 0.5, 0.2, 0.75, 0.45, 0.1];
  const differences = a.map((score, i) => score - b[i]!);
  const seen = Math.abs(differences.reduce((sum, one) => sum + one, 0)) - 1e-9;
  let asLarge = 0;
  for (let signs = 0; signs < 256; signs++) {
    const sum = differences.reduce((total, one, i) => total + ((signs >> i) & 1 ? one : -one), 0);
    if (Math.abs(sum) >= seen) asLarge++;
  }
  expect(pairedRandomisation(a, b)).toBeCloseTo(asLarge / 256, 1);
  expect(pairedRandomisation(a, b)).toBe(pairedRandomisation(b, a));
  expect(pairedRandomisation(a, a)).toBe(1);
  expect(() => pairedRandomisation(a, b.slice(1))).toThrow(expect.objectContaining({ code: "DIMENSION" }));
});

test("Holm's correction, by its example of steps", () => {
  [0.03, 0.06, 0.06, 0.02].forEach((p, i) => expect(holm([0.01, 0.04, 0.03, 0.005])[i]).toBeCloseTo(p, 12));
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
});

test("held-out scores come from settings that did not see them", () => {
  // setting 0 is good for one query only, which it must not be chosen by for that query's own fold
  const scores = [
    [9, 0, 0, 0, 0, 0],
    [1, 1, 1, 1, 1, 1],
  ];
  const { scores: held, best, chosen } = crossValidate(scores, { folds: 6 });
  expect(best).toBe(0);
  expect(held[0]).toBe(1);
  expect(chosen.filter((setting) => setting === 1)).toHaveLength(1);
  expect(held.slice(1)).toEqual([0, 0, 0, 0, 0]);
});
