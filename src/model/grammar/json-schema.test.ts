/** Schemas as grammars: every text that a walk along them gives is valid, every way to write a valid value is begun by its prefixes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { isValid } from "../../../test/support/json-validator.ts";
import { randomSchemas } from "../../../test/support/random-schema.ts";
import { TINY_EOS, tinyTokenizer } from "../../../test/support/tiny-tokenizer.ts";
import { isMnemeError } from "../../errors.ts";
import { Random } from "../../linalg/random.ts";
import { constraintOf } from "./constraint.ts";
import type { Grammar } from "./expression.ts";
import { grammarOfSchema } from "./json-schema.ts";
import { programOf } from "./program.ts";
import { Recogniser } from "./recogniser.ts";

const tokenizer = tinyTokenizer([
  '{"',
  '":',
  '", "',
  '"}',
  "},",
  "[{",
  "]]",
  "true",
  "null",
  "00",
  "12",
  "\n  ",
  "é",
  "日本",
  "😀a",
  "\\u",
  "\\n",
  '\\"',
  "-0",
  "e+",
]);
const vocabulary = { vocabulary: tokenizer.size, eos: [TINY_EOS] };
/** What a walk takes rather than others, so that it comes to an end. */
const ENDINGS = [...'"}]', '"}', "]]"].map((text) => tokenizer.idOf(text)!);

/** A text by tokens drawn from the masks; undefined where it grew long. */
function walk(grammar: Grammar, seed: number): string | undefined {
  const random = new Random(seed);
  const constraint = constraintOf(tokenizer, vocabulary, grammar);
  const tokens: number[] = [];
  while (!constraint.done && tokens.length < 2000) {
    const mask = constraint.allowed();
    const allowed = Array.from({ length: tokenizer.size }, (_, token) => token).filter(
      (token) => ((mask[token >> 5]! >>> (token & 31)) & 1) === 1,
    );
    const ending = allowed.filter((token) => token === TINY_EOS || ENDINGS.includes(token));
    const from = ending.length > 0 && random.uniform() < 0.5 ? ending : allowed;
    const token = from[random.integer(from.length)]!;
    constraint.accept(token);
    if (token === TINY_EOS) return tokenizer.decode(tokens);
    tokens.push(token);
  }
  return constraint.done ? tokenizer.decode(tokens) : undefined;
}

const recogniserOf = (of: unknown): Recogniser => new Recogniser(programOf(grammarOfSchema(of)));
const accepts = (recogniser: Recogniser, text: string): boolean => recogniser.walk(text)?.ends ?? false;

/** All its prefixes are beginnings of texts, itself is one. */
function expectText(recogniser: Recogniser, text: string): void {
  let state = recogniser.start;
  for (const [i, char] of [...text].entries()) {
    const next = recogniser.walk(char, state);
    if (!next) expect.fail(`${JSON.stringify(text)} is refused at character ${i}`);
    state = next;
  }
  expect([text, state.ends]).toEqual([text, true]);
}

test("random walks give valid JSON, and JSON.stringify's ways to write it are texts too", () => {
  let checked = 0;
  fc.assert(
    fc.property(randomSchemas, fc.nat(), (of, seed) => {
      const grammar = grammarUnlessRefused(of);
      if (!grammar) return;
      const recogniser = new Recogniser(programOf(grammar));
      for (let i = 0; i < 3; i++) {
        const text = walk(grammar, seed + i);
        if (text === undefined) continue;
        const value = JSON.parse(text) as unknown;
        if (!isValid(of, value)) expect.fail(`${text} is not valid under ${JSON.stringify(of)}`);
        if (!hasRepeatedKeys(text, value))
          for (const indent of [0, 2]) expectText(recogniser, JSON.stringify(value, null, indent));
        checked++;
      }
    }),
    { seed: 21, numRuns: 120 },
  );
  expect(checked).toBeGreaterThan(250);
});

/** Two schemas of an allOf may say what does not go together. */
function grammarUnlessRefused(of: unknown): Grammar | undefined {
  try {
    return grammarOfSchema(of);
  } catch (error) {
    if (isMnemeError(error, "UNSUPPORTED") && JSON.stringify(of).includes("allOf")) return undefined;
    throw error;
  }
}

/** JSON.parse keeps the last of two alike, in the place of the first, and puts numbers as keys before others. */
function hasRepeatedKeys(text: string, value: unknown): boolean {
  const keys = (all: string): number => all.split(/":/).length;
  return keys(text) !== keys(JSON.stringify(value)) || /"\d+":/.test(text);
}

test("any JSON object, and any JSON", () => {
  const sane = fc
    .jsonValue({ maxDepth: 4, stringUnit: "grapheme" })
    .filter((value) => !/e\+308/.test(JSON.stringify(value)));
  const [any, object] = [recogniserOf({}), recogniserOf(true)];
  fc.assert(
    fc.property(sane, (value) => {
      for (const indent of [0, 2]) {
        const text = JSON.stringify(value, null, indent);
        expectText(any, text);
        expect(accepts(object, text)).toBe(
          typeof value === "object" && value !== null && !Array.isArray(value),
        );
      }
    }),
    { seed: 5, numRuns: 200 },
  );
  for (const text of [
    "{",
    "[1,]",
    "01",
    "1.",
    "+1",
    '"\n"',
    '"\\ud800"',
    "nul",
    '{"a" 1}',
    "1e999",
    "{}  ",
    `[${" ".repeat(9)}]`,
  ])
    expect([text, accepts(any, text)]).toEqual([text, false]);
});

test("schemas that zod writes give what zod reads", () => {
  const shape = z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("bug"),
      title: z.string().min(1).max(12).describe("What is wrong"),
      lines: z.array(z.int().positive()).max(3),
      share: z.number().min(0).lt(1).optional(),
      seen: z.iso.date().nullable(),
    }),
    z.object({
      kind: z.literal("idea"),
      votes: z.record(z.string(), z.int32()),
      of: z.tuple([z.boolean(), z.string()]),
    }),
  ]);
  const grammar = grammarOfSchema(z.toJSONSchema(shape));
  const texts = Array.from({ length: 60 }, (_, seed) => walk(grammar, seed)).filter(
    (text) => text !== undefined,
  );
  expect(texts.length).toBeGreaterThan(40);
  for (const text of texts)
    expect([text, shape.safeParse(JSON.parse(text)).error]).toEqual([text, undefined]);
});

describe("schemas by example", () => {
  test.each<[string, unknown, readonly string[], readonly string[]]>([
    [
      "integers in a range",
      { type: "integer", minimum: -12, exclusiveMaximum: 105 },
      ["-12", "-1", "0", "9", "99", "104"],
      ["-13", "-0", "105", "1.5", "00"],
    ],
    ["integers between fractions", { type: "integer", minimum: 0.5, maximum: 2.5 }, ["1", "2"], ["0", "3"]],
    [
      "numbers above a bound",
      { type: "number", exclusiveMinimum: 0 },
      ["0.5", "1", "120.25"],
      ["0", "0.0", "-1", "-0.5"],
    ],
    ["numbers up to a bound", { type: "number", maximum: -3 }, ["-3", "-3.5", "-100"], ["-2.5", "3", "0"]],
    [
      "lengths in characters",
      { type: "string", minLength: 2, maxLength: 2 },
      ['"é日"', '"\\n😀"', '"\\ud83d\\ude00a"'],
      ['"a"', '"abc"'],
    ],
    [
      "a leap year's day",
      { format: "date" },
      ['"2024-02-29"', '"2000-02-29"', '"2023-12-31"'],
      ['"2023-02-29"', '"1900-02-29"', '"2023-04-31"', '"2023-13-01"'],
    ],
    ["a pattern anywhere", { pattern: "b+" }, ['"b"', '"abba"'], ['"a"']],
    [
      "a pattern of a length",
      { pattern: "^a*b*$", minLength: 2, maxLength: 3 },
      ['"aa"', '"abb"'],
      ['"a"', '"aabb"', '"ba"'],
    ],
    [
      "a pattern of a format",
      { pattern: "^2024", format: "date" },
      ['"2024-02-29"'],
      ['"2023-01-01"', '"2024"'],
    ],
    [
      "properties in order",
      { properties: { a: { type: "null" }, b: { type: "null" }, c: { type: "null" } }, required: ["b"] },
      ['{"b":null}', '{"a": null, "b": null}', '{"b":null,"c":null}'],
      ["{}", '{"a":null}', '{"b":null,"a":null}', '{"b":null,"d":1}'],
    ],
    [
      "properties whose paths look alike",
      {
        properties: {
          "x (pair)": { type: "null" },
          x: { type: "boolean" },
          a: { properties: { b: { const: 1 } } },
          "a/properties/b": { const: "s" },
        },
      },
      ['{"x (pair)":null,"x":true,"a":{"b":1},"a/properties/b":"s"}'],
      ['{"x":null}', '{"a":{"b":"s"}}', '{"a/properties/b":1}', '{"a":{"a/properties/b":1}}'],
    ],
    [
      "other properties",
      { properties: { ab: true }, additionalProperties: { type: "integer" } },
      ['{"ab":"x","abc":1,"a":2,"":3}', '{"b":1}', "{}"],
      ['{"b":"x"}', '{"ab":1,"ab":2}', '{"\\u0061b":"x"}'],
    ],
    [
      "required without a schema",
      { type: "object", required: ["x"] },
      ['{"x":[]}', '{"x":1,"y":2}'],
      ["{}", '{"y":1}'],
    ],
    [
      "tuples",
      { prefixItems: [{ type: "integer" }, { const: "x" }] },
      ["[]", "[1]", '[1,"x"]'],
      ['["x"]', '[1,"x",2]'],
    ],
    ["no items", { type: "array", items: false }, ["[]"], ["[1]"]],
    [
      "both of two",
      {
        allOf: [
          { type: ["integer", "string"], minimum: 3 },
          { type: "number", maximum: 4 },
        ],
      },
      ["3", "4"],
      ["2", '"x"', "3.5"],
    ],
    [
      "one of two",
      { oneOf: [{ type: "string" }, { properties: { k: { const: 1 } }, required: ["k"], type: "object" }] },
      ['"a"', '{"k":1}'],
      ["1", "{}"],
    ],
    [
      "references into lists",
      { anyOf: [{ type: "boolean" }, { type: "array", items: { $ref: "#/anyOf/0" } }] },
      ["true", "[true,false]"],
      ["[[]]"],
    ],
    [
      "names with slashes",
      { $ref: "#/$defs/a~1b%20c", $defs: { "a/b c": { type: "null" } } },
      ["null"],
      ["1"],
    ],
    [
      "annotations",
      { title: "T", description: "d", type: "null", "x-own": 1, uniqueItems: false },
      ["null"],
      [],
    ],
  ])("%s", (_, of, good, bad) => {
    const recogniser = recogniserOf(of);
    for (const text of good) {
      expectText(recogniser, text);
    }
    for (const text of bad) expect([text, accepts(recogniser, text)]).toEqual([text, false]);
  });

  test("schemas that both must hold may recur", () => {
    const tree = {
      type: "object",
      properties: { left: { $ref: "#/$defs/t" }, right: { $ref: "#/$defs/t" } },
    };
    const recogniser = recogniserOf({
      $defs: { t: tree },
      allOf: [{ $ref: "#/$defs/t" }, { ...tree, additionalProperties: false }],
    });
    expectText(recogniser, '{"left":{"right":{}},"right":{}}');
  });
});

describe("refused by path and keyword", () => {
  const doubling = (levels: number): unknown => ({
    $ref: "#/$defs/d0",
    $defs: Object.fromEntries(
      Array.from({ length: levels + 1 }, (_, i) => {
        const next = { $ref: `#/$defs/d${i + 1}` };
        return [`d${i}`, i === levels ? { type: "null" } : { allOf: [next, next] }];
      }),
    ),
  });
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const bush = {
    type: "object",
    properties: Object.fromEntries(letters.map((name) => [name, { $ref: "#/$defs/n" }])),
    required: letters,
  };
  const nested = (depth: number): unknown =>
    JSON.parse(`${'{"items":'.repeat(depth)}true${"}".repeat(depth)}`);
  test.each<[string, unknown, RegExp]>([
    ["not", { properties: { a: { not: {} } } }, /schema, #\/properties\/a: keyword "not" is not supported/],
    ["typing errors", { type: "string", maxlength: 3 }, /#: keyword "maxlength"/],
    ["unique items", { items: { uniqueItems: true } }, /#\/items: keyword "uniqueItems"/],
    ["formats", { format: "email" }, /format "email" is not supported; known are date, time/],
    ["multipleOf", { anyOf: [{ type: "integer", multipleOf: 5 }] }, /#: keyword|keyword "multipleOf"/],
    ["fractional bounds", { type: "number", minimum: 0.5 }, /minimum 0.5 of a number/],
    [
      "oneOf that overlaps",
      { oneOf: [{ type: "number" }, { type: "integer" }] },
      /oneOf\/0 and oneOf\/1 may hold at once/,
    ],
    [
      "oneOf of open objects",
      { oneOf: [{ properties: { a: true }, required: ["a"] }, { type: "object" }] },
      /may hold at once/,
    ],
    ["oneOf without types", { oneOf: [{ type: "string" }, { properties: { a: true } }] }, /may hold at once/],
    ["looking ahead", { pattern: "^(?=a)" }, /has a group with \? that is not/],
    ["references back", { pattern: "(a)\\1" }, /has \\1/],
    ["bad expressions", { pattern: "(" }, /is no regular expression/],
    ["two patterns", { allOf: [{ pattern: "a" }, { pattern: "b" }] }, /two values of "pattern"/],
    ["lengths with too many states", { pattern: "b", maxLength: 1e6 }, /together have too many states/],
    ["a pattern of no such length", { pattern: "^abc$", maxLength: 2 }, /no text follows/],
    ["enum beside others", { enum: ["a", "bb"], minLength: 2 }, /"minLength" beside enum/],
    ["remote references", { $ref: "https://example.com/s" }, /leads out of the schema/],
    ["references to nothing", { $ref: "#/$defs/x" }, /names nothing; there is no "\$defs"/],
    ["references to themselves", { $ref: "#" }, /lead round to themselves/],
    [
      "oneOf of more than there is time to compare",
      { oneOf: [{ $ref: "#/$defs/n" }, { $ref: "#/$defs/n" }], $defs: { n: bush } },
      /may hold at once/,
    ],
    ["more references than there is time for", doubling(60), /more than 1000 schemas/],
    [
      "choices of themselves",
      { anyOf: [{ $ref: "#/$defs/a" }], $defs: { a: { anyOf: [{ $ref: "#/$defs/a" }, { type: "null" }] } } },
      /begins with itself/,
    ],
    ["wrong values", { type: "strnig" }, /type is "strnig"; expected object, array/],
    ["wrong lists", { required: "a" }, /required must be a list/],
    ["wrong counts", { minItems: -1 }, /minItems is -1/],
    ["no schema", { items: 3 }, /#\/items: expected a schema/],
    ["nothing valid", { type: "integer", minimum: 3, maximum: 2 }, /no text follows/],
    ["no end", { properties: { a: { $ref: "#" } }, required: ["a"] }, /no text follows/],
    ["null", null, /expected a schema/],
    ["depth", nested(10_000), /nested deeper than 200/],
  ])("%s", (_, of, message) => {
    expect(() => programOf(grammarOfSchema(of))).toThrow(message);
  });

  test("large numbers and many schemas are no trouble", () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`p${i}`, { type: "integer" }]));
    expectText(recogniserOf({ properties: many }), '{"p5":1,"p1999":2}');
    expectText(recogniserOf({ type: "string", maxLength: 2 ** 40 }), '"abc"');
    expectText(recogniserOf({ type: "array", minItems: 3, maxItems: 1e9 }), "[1,2,3,4]");
    const chain = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [`s${i}`, { items: { $ref: `#/$defs/s${i + 1}` } }]),
    );
    expectText(recogniserOf({ $ref: "#/$defs/s0", $defs: { ...chain, s5000: { type: "null" } } }), "[[]]");
  });
});
