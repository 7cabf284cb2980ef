/** Names of policies: each says what the recipe does, everything else is refused with what there is. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { isMnemeError } from "../errors.ts";
import { policyOf } from "./policy-of.ts";

test.each([
  ["int8", { name: "int8", evicts: false, codec: "int8" }],
  ["f32", { name: "f32", codec: "f32" }],
  ["f16", { name: "f16", evicts: false, codec: "f16" }],
  ["lloyd4", { name: "lloyd4", turned: true, evicts: false }],
  ["AFFINE2", { name: "affine2", turned: false }],
  ["snapkv:1/8", { name: "snapkv", evicts: true, needs: { windowQueries: 32 } }],
  ["snapkv:8MB", { name: "snapkv" }],
  ["h2o:512", { name: "h2o", needs: { weightSums: true } }],
  ["tova:64", { name: "tova" }],
  ["window:300", { name: "window" }],
  ["snapkv:1/8 + lloyd4", { name: "snapkv+lloyd4", evicts: true, turned: true }],
])("%s", (text, expected) => {
  expect(policyOf(text)).toMatchObject(expected);
});

test.each([
  ["", /no policy ""; there are f32/],
  ["int9", /no policy "int9"/],
  ["int8:4", /takes no value/],
  ["snapkv", /needs a budget, e.g. snapkv:1\/8/],
  ["snapkv:x", /needs a budget/],
  ["snapkv:3/2", /a budget of 1.5 share/],
  ["snapkv:1/8:2", /more than one value/],
  ["h2o", /h2o needs slots, e.g. h2o:512/],
  ["window:0", /recent/],
  ["lloyd4+snapkv:1/8", /evict come first/],
])("%j is refused", (text, message) => {
  expect(() => policyOf(text)).toThrow(message);
});

test("throws nothing but MnemeError, whatever it is given", () => {
  const parts = fc.constantFrom("snapkv", "int8", "lloyd4", ":", "+", "1/8", "/", "512", "8MB", "h2o", " ");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(parts).map((all) => all.join("")),
      ),
      (text) => {
        try {
          policyOf(text);
        } catch (error) {
          expect(isMnemeError(error)).toBe(true);
        }
      },
    ),
    { seed: 6, numRuns: 500 },
  );
});
