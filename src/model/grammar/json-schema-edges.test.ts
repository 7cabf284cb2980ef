/** Schemas at the ends of what their keywords may say, and larger than a stack of calls. */
import { expect, test } from "vitest";
import { grammarOfSchema } from "./json-schema.ts";
import { programOf } from "./program.ts";
import { Recogniser } from "./recogniser.ts";

const recogniserOf = (of: unknown): Recogniser => new Recogniser(programOf(grammarOfSchema(of)));
const accepts = (recogniser: Recogniser, text: string): boolean => recogniser.walk(text)?.ends ?? false;
const nulls = (count: number): string => Array.from({ length: count }, () => "null").join();

test.each<[string, unknown, readonly string[], readonly string[]]>([
  ["one value", { enum: [{ a: [1, "é\u2028", null] }] }, ['{"a":[1,"é\u2028",null]}'], ['{"a":[1]}']],
  ["values of a type", { type: "integer", enum: [1, 1.5, "a", 2] }, ["1", "2"], ["1.5", '"a"']],
  [
    "open and fractional bounds",
    { type: "integer", exclusiveMinimum: 1.2, exclusiveMaximum: 3 },
    ["2"],
    ["1", "3"],
  ],
  [
    "bounds that no double holds",
    { type: "integer", minimum: -1e300, maximum: -9007199254740991 },
    ["-9007199254740991"],
    ["-9007199254740990"],
  ],
  [
    "numbers on both sides of zero",
    { type: "number", minimum: -2, exclusiveMaximum: 3 },
    ["-2", "-1.9", "-0.5", "0", "2.999"],
    ["-2.5", "-0", "3"],
  ],
  [
    "no properties and no others",
    { type: "object", properties: {}, additionalProperties: false },
    ["{}", "{ }"],
    ['{"a":1}'],
  ],
  ["no properties named", { type: "object", properties: {} }, ["{}", '{"a":1}'], ["[]"]],
  [
    "others beside names that are empty, begin each other or need escapes",
    { properties: { a: true, "": true, ab: true, 'a"': true }, additionalProperties: { type: "null" } },
    ['{"b":null}', '{"abc":null,"aa":null}', '{"a\\"":1}', '{"a":2,"":1}'],
    ['{"":null,"":null}', '{"a":null,"a":null}', '{"c":1}'],
  ],
  ["the empty string alone", { type: "string", maxLength: 0 }, ['""'], ['"a"']],
  [
    "a tuple and more",
    { prefixItems: [{ const: 1 }], items: { const: 2 }, minItems: 2, maxItems: 3 },
    ["[1,2]", "[1,2,2]"],
    ["[1]", "[1,2,2,2]", "[2,2]"],
  ],
  [
    "a tuple of which some must be there",
    { prefixItems: [{ const: 1 }, { const: 2 }, { const: 3 }], minItems: 2 },
    ["[1,2]", "[1,2,3]"],
    ["[]", "[1]", "[1,2,3,4]"],
  ],
  ["the whole schema in itself", { type: "array", items: { $ref: "#" } }, ["[]", "[[],[[]]]"], ["[1]"]],
  [
    "keywords beside a reference",
    { $defs: { a: { type: "string" } }, $ref: "#/$defs/a", minLength: 2 },
    ['"ab"'],
    ['"a"'],
  ],
  ["names with percent signs", { $defs: { "%": { type: "null" } }, $ref: "#/$defs/%25" }, ["null"], ["1"]],
  ["anchors alone", { pattern: "^$" }, ['""'], ['"a"']],
  ["anchors of one alternative", { pattern: "^a|b$" }, ['"ax"', '"xb"'], ['"xa"', '"bx"']],
  ["signs escaped that need not be", { pattern: "^\\d{3}\\-\\w+$" }, ['"123-a"'], ['"123a"']],
  ["characters beyond 16 bits", { pattern: "^[😀-😂]$" }, ['"😁"'], ['"😃"', '"\ud83d"']],
  ["the same as pairs", { pattern: "^\\ud83d\\ude00$" }, ['"😀"'], ['"😁"']],
  ["the same as numbers", { pattern: "^\\u{1F600}$" }, ['"😀"'], ['"u"']],
])("%s", (_, of, good, bad) => {
  const recogniser = recogniserOf(of);
  expect(good.filter((text) => !accepts(recogniser, text))).toEqual([]);
  expect(bad.filter((text) => accepts(recogniser, text))).toEqual([]);
});

const keyed = (value: number): object => ({ properties: { k: { const: value } }, required: ["k"] });

test.each<[string, unknown, RegExp]>([
  // "a" is valid under both: what names no type says nothing of strings
  [
    "oneOf of choices",
    { oneOf: [{ anyOf: [{ type: "string" }, { type: "object" }], ...keyed(1) }, keyed(2)] },
    /oneOf\/0 and oneOf\/1 may hold at once/,
  ],
  [
    "references that are not encoded soundly",
    { $ref: "#/$defs/%", $defs: { "%": true } },
    /\$ref "#\/\$defs\/%" is not/,
  ],
  ["references to what all objects have", { $ref: "#/constructor" }, /names nothing/],
  ["halves of pairs", { pattern: "^\\ud83d$" }, /no text follows/],
  [
    "more values than there is room for",
    { enum: Array.from({ length: 100_000 }, (_, i) => i) },
    /in too many ways/,
  ],
])("refused: %s", (_, of, message) => {
  expect(() => recogniserOf(of)).toThrow(
    expect.objectContaining({ name: "MnemeError", message: expect.stringMatching(message) }),
  );
});

test("long values and tuples", () => {
  const text = "x".repeat(150_000);
  expect(accepts(recogniserOf({ const: text }), JSON.stringify(text))).toBe(true);
  const prefixItems = Array.from({ length: 12_000 }, () => ({ type: "null" }));
  for (const minItems of [0, 12_000]) {
    const tuple = recogniserOf({ prefixItems, minItems });
    expect(accepts(tuple, `[${nulls(12_000)}]`)).toBe(true);
    expect(accepts(tuple, `[${nulls(3)}]`)).toBe(minItems === 0);
  }
});
