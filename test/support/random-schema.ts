/** Random JSON Schemas of what grammars are made from. */
import fc from "fast-check";

type Json = Record<string, unknown> | boolean;

const names = fc.constantFrom("a", "b c", "ü", 'q"', "ab", "\n", "7");
const strings: fc.Arbitrary<Json> = fc.oneof(
  fc.constant({ type: "string" }),
  fc
    .tuple(fc.nat(3), fc.nat(4))
    .map(([least, more]) => ({ type: "string", minLength: least, maxLength: least + more })),
  fc.constantFrom("date", "time", "date-time", "uuid").map((format) => ({ type: "string", format })),
  fc
    .constantFrom(
      "^[a-z]+(-\\d{2,3})?$",
      '^(?:ab|\\w{2}|[^\\s"]x)\\.$',
      "é.",
      '^\\\\"$|^\\t?$',
      "a$",
      "^\\S{1,3}",
      "^[^a-z]{2}$",
      "",
    )
    .map((pattern) => ({ type: "string", pattern })),
);
const both: fc.Arbitrary<Json> = fc
  .tuple(fc.constantFrom("^[a-zé]*$", "[b-d]", "^(..)*$"), fc.nat(3), fc.nat(4))
  .map(([pattern, least, more]) => ({ type: "string", pattern, minLength: least, maxLength: least + more }));
const bound = fc.integer({ min: -1200, max: 1200 });
const numbers: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>({ type: "number" }, { type: "integer" }),
  fc
    .tuple(
      fc.constantFrom("integer", "number"),
      fc.constantFrom("minimum", "exclusiveMinimum", "none"),
      fc.constantFrom("maximum", "exclusiveMaximum", "none"),
      bound,
      fc.integer({ min: 2, max: 1000 }),
    )
    .map(([type, low, high, least, wide]): Json => {
      const { none: _, ...keywords } = { [low]: least, [high]: least + wide } as Record<string, number>;
      return { type, ...keywords };
    }),
);
const values: fc.Arbitrary<Json> = fc.constantFrom<Json>(
  true,
  { type: "boolean" },
  { type: ["null", "integer"] },
  { enum: ["a", 1, null, "ü\n", -0.5] },
  { const: "only" },
  { type: "string", enum: ["x", 3, "y"] },
  { $ref: "#/$defs/node" },
);
const { schema } = fc.letrec<{ schema: Json; object: Record<string, unknown> }>((tie) => ({
  object: fc
    .tuple(
      fc.dictionary(names, tie("schema"), { maxKeys: 3, noNullPrototype: true }),
      fc.array(names, { maxLength: 2 }),
      fc.option(tie("schema"), { nil: undefined }),
      fc.boolean(),
    )
    .map(([properties, required, additional, isClosed]) => ({
      type: "object",
      properties,
      required: [...new Set(required)].filter((name) => !isClosed || Object.hasOwn(properties, name)),
      ...(isClosed
        ? { additionalProperties: false }
        : additional === undefined
          ? {}
          : { additionalProperties: additional }),
    })),
  schema: fc.oneof(
    { maxDepth: 3 },
    strings,
    both,
    numbers,
    values,
    tie("object"),
    fc
      .tuple(tie("schema"), fc.array(tie("schema"), { maxLength: 2 }), fc.nat(3), fc.nat(2))
      .map(([items, prefixItems, minItems, more]) => ({
        type: "array",
        items,
        ...(prefixItems.length > 0 ? { prefixItems } : {}),
        minItems,
        maxItems: minItems + more,
      })),
    fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.tuple(tie("object"), tie("object")).map(([a, b]) => ({ type: "object", allOf: [a, b] })),
    fc.tuple(tie("object"), tie("object")).map(([a, b]) => ({
      oneOf: [a, b, true].map((one, i) =>
        one === true
          ? { type: "null" }
          : {
              ...(one as object),
              properties: { ...(one as { properties: object }).properties, kind: { const: i } },
              required: ["kind"],
            },
      ),
    })),
  ),
}));
/** Schemas of any kind that the grammar reads, with a recursive definition beside each. */
export const randomSchemas: fc.Arbitrary<Json> = schema.map(
  (inner): Json => ({
    $defs: {
      node: {
        type: "object",
        properties: {
          value: { type: "integer" },
          next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] },
        },
        required: ["value"],
      },
    },
    anyOf: [inner, { const: "no other" }],
  }),
);
