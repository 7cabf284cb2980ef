import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isMnemeError, type MnemeError } from "../../errors.ts";
import { RowSet } from "../row-set.ts";
import { contiguousRows, memorySegment, rowIdsOf } from "../segment.ts";
import { type ColumnRun, Columns, columnsKind } from "./columns.ts";
import { parseWhere } from "./parse-where.ts";
import type { Meta, MetaValue, Where } from "./where.ts";

const scalar = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.constantFrom("a", "ab", "b"),
  fc.boolean(),
  fc.constant(null),
);
const meta = fc.dictionary(
  fc.constantFrom("x", "y", "z"),
  fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })),
  { maxKeys: 3 },
) as fc.Arbitrary<Meta>;
const condition = fc.oneof(
  fc.record({ eq: scalar }),
  fc.record({ ne: scalar }),
  fc.record({ in: fc.array(scalar, { maxLength: 3 }) }),
  fc.record({ nin: fc.array(scalar, { maxLength: 3 }) }),
  fc.record({ gte: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ lt: fc.constantFrom("ab", "b") }),
  fc.record({ exists: fc.boolean() }),
  fc.record({ startsWith: fc.constantFrom("a", "b") }),
  scalar,
);
const { where } = fc.letrec<{ where: Where }>((tie) => ({
  where: fc.oneof(
    { maxDepth: 3, depthIdentifier: "where" },
    fc.dictionary(fc.constantFrom("x", "y", "z"), condition, { maxKeys: 2 }) as fc.Arbitrary<Where>,
    fc.record({ and: fc.array(tie("where"), { maxLength: 2 }) }) as fc.Arbitrary<Where>,
    fc.record({ or: fc.array(tie("where"), { maxLength: 2 }) }) as fc.Arbitrary<Where>,
    fc.record({ not: tie("where") }) as fc.Arbitrary<Where>,
  ),
}));

/** The meaning of a filter, said again plainly. */
function matches(filter: Where, item: Meta): boolean {
  return Object.entries(filter).every(([key, value]) => {
    if (key === "and") return (value as Where[]).every((one) => matches(one, item));
    if (key === "or") return (value as Where[]).some((one) => matches(one, item));
    if (key === "not") return !matches(value as Where, item);
    const operators =
      value !== null && typeof value === "object" ? Object.entries(value) : [["eq", value] as const];
    return operators.every(([operator, operand]) => holds(operator, operand, item[key]));
  });
}

function holds(operator: string, operand: unknown, value: MetaValue | undefined): boolean {
  const list = value === undefined ? [] : Array.isArray(value) ? value : [value];
  const ordered = (test: (v: never) => boolean): boolean =>
    list.some((v) => typeof v === typeof operand && test(v as never));
  if (operator === "eq") return list.some((v) => v === operand);
  if (operator === "ne") return !list.some((v) => v === operand);
  if (operator === "in") return list.some((v) => (operand as unknown[]).includes(v));
  if (operator === "nin") return !list.some((v) => (operand as unknown[]).includes(v));
  if (operator === "gte") return ordered((v) => v >= (operand as never));
  if (operator === "lt") return ordered((v) => v < (operand as never));
  if (operator === "exists") return (value !== undefined) === operand;
  return list.some((v) => typeof v === "string" && v.startsWith(operand as string));
}

const runs = fc.array(fc.record({ meta, rows: fc.integer({ min: 1, max: 4 }) }), {
  maxLength: 12,
}) as fc.Arbitrary<ColumnRun[]>;

describe("Columns", () => {
  test("evaluates any filter like the plain meaning, over segments, merged segments and tail", async () => {
    await fc.assert(
      fc.asyncProperty(runs, runs, where, fc.boolean(), async (first, tail, filter, merged) => {
        const columns = new Columns();
        const count = first.reduce((sum, { rows }) => sum + rows, 0);
        const owners = first.flatMap((run) => Array.from({ length: run.rows }, () => run));
        let parts = columnsKind.build(first);
        let live = owners.map((_, row) => row);
        if (merged) {
          live = [];
          let row = 0;
          first.forEach((run, i) => {
            if (i % 2 === 0) for (let r = 0; r < run.rows; r++) live.push(row + r);
            row += run.rows;
          });
          parts = columnsKind.merge([{ rows: contiguousRows(0, count), parts }], RowSet.from(live));
        }
        await columns.attach(memorySegment(1, rowIdsOf(live), parts));
        const expected = live.filter((row) => matches(filter, owners[row]!.meta));
        let next = count;
        for (const run of tail) {
          columns.append(next, run.rows, run.meta);
          if (matches(filter, run.meta)) for (let r = 0; r < run.rows; r++) expected.push(next + r);
          next += run.rows;
        }
        expect([...columns.evaluate(filter)]).toEqual(expected);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  test("fields may have any name", async () => {
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      const meta = JSON.parse(`{${JSON.stringify(name)}:"x"}`) as Meta;
      const plain = new Columns();
      await plain.attach(
        memorySegment(1, contiguousRows(0, 1), columnsKind.build([{ meta: { a: 1 }, rows: 1 }])),
      );
      expect(plain.has(name)).toBe(false);
      expect([...plain.evaluate({ fields: JSON.parse(`{${JSON.stringify(name)}:"x"}`) })]).toEqual([]);
      const own = new Columns();
      await own.attach(memorySegment(1, contiguousRows(0, 1), columnsKind.build([{ meta, rows: 1 }])));
      expect(own.has(name)).toBe(true);
      expect([...own.evaluate({ fields: JSON.parse(`{${JSON.stringify(name)}:"x"}`) })]).toEqual([0]);
    }
  });

  test("facets count items, not passages", async () => {
    const columns = new Columns();
    await columns.attach(
      memorySegment(
        1,
        contiguousRows(0, 5),
        columnsKind.build([
          { meta: { tag: ["a", "b"] }, rows: 3 },
          { meta: { tag: "a" }, rows: 2 },
        ]),
      ),
    );
    columns.append(5, 1, { tag: "c" });
    expect(columns.facets("tag", RowSet.range(0, 6), 2)).toEqual([
      { value: "a", count: 2 },
      { value: "b", count: 1 },
    ]);
    expect(columns.countItems(RowSet.range(0, 6))).toBe(3);
    expect(columns.has("tag")).toBe(true);
    columns.trimTail(5);
    expect(columns.facets("tag", RowSet.range(0, 6), 9)).toHaveLength(2);
  });

  test.each([
    [{ year: { about: 3 } }, /unknown operator "about"/],
    [{ year: { gte: Number.NaN } }, /gte takes a number/],
    [{ tags: { in: "a" } }, /in takes a list/],
    [{ or: { a: 1 } }, /takes a list of filters/],
    [{ a: {} }, /no operator/],
    [[1], /expected an object/],
  ])("refuses %j", (filter, message) => {
    expect(() => new Columns().evaluate(filter as unknown as Where)).toThrow(message);
  });
});

test.each([
  ["year >= 2020", { fields: { year: { gte: 2020 } } }],
  [
    "lang = en AND NOT draft = true",
    { and: [{ fields: { lang: { eq: "en" } } }, { not: { fields: { draft: { eq: true } } } }] },
  ],
  [
    "(a=1 or b != 'x y') and c in (1, two)",
    {
      and: [
        { or: [{ fields: { a: { eq: 1 } } }, { fields: { b: { ne: "x y" } } }] },
        { fields: { c: { in: [1, "two"] } } },
      ],
    },
  ],
  [
    "path startswith docs/ and tag not in (x) and d exists",
    {
      and: [
        { fields: { path: { startsWith: "docs/" } } },
        { fields: { tag: { nin: ["x"] } } },
        { fields: { d: { exists: true } } },
      ],
    },
  ],
  ['{"a":1}', { a: 1 }],
])("parseWhere %s", (text, expected) => {
  expect(parseWhere(text)).toEqual(expected);
});

test.each([
  ["a", /expected an operator \(=, !=.*\) after "a", got the end/],
  ["a =", /expected a value after "a =", got the end/],
  ["a = 1 b", /expected AND, OR or the end after "a = 1", got "b"/],
  ["(a = 1", /expected \) after/],
  ["a in 1", /expected \( after "a in", got "1"/],
  ["a in ()", /expected a value after "a in \(", got "\)"/],
  ["a in (,)", /expected a value/],
  ["a ~ 1", /expected an operator .* got "~"/],
  ["year = )", /expected a value after "year =", got "\)"/],
  ["year => 2020", /expected a value after "year =", got ">"/],
  ["= = 1", /expected a field name at the start, got "="/],
  ['a "=" 1', /expected an operator/],
  ["a startswith ,", /expected a text/],
  ["a = 'x", /the quote before "x" is never closed/],
  ["a ! 1", /cannot read " ! 1"/],
  ["{nope", /begins like JSON/],
  ['{"fields":null}', /fields takes an object/],
  ["(".repeat(1e5), /at most 100 filters in each other/],
  ["not ".repeat(1e5), /at most 100 filters in each other/],
  [`${'{"not":'.repeat(1e5)}{"a":1}${"}".repeat(1e5)}`, /more than 100 filters in each other/],
  [`{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, /field "a"/],
])("parseWhere refuses %j", (text, message) => {
  const refusal = refusalOf(text);
  expect(refusal).toMatchObject({ code: "ARGUMENT" });
  expect(refusal?.message).toMatch(message);
  expect(refusal!.message.length).toBeLessThan(1000);
});

/** @throws whatever is no MnemeError */
function refusalOf(text: string): MnemeError | undefined {
  try {
    parseWhere(text);
    return undefined;
  } catch (error) {
    if (isMnemeError(error)) return error;
    throw error;
  }
}

test("parseWhere throws nothing but MnemeError, whatever it is given", () => {
  const piece = fc.oneof(
    fc.constantFrom("(", ")", ",", "=", "!=", ">=", "<", "!", "'", '"', "\\", "\n", "{", "}", "[", ":"),
    fc.constantFrom("and", "or", "not", "in", "exists", "startswith", "null", "true", "year", "2020"),
    fc.constantFrom("__proto__", "constructor", "fields", '{"not":', '{"fields":', '"a"', "'b c'"),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  const typed = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(" "));
  const json = fc
    .oneof(fc.json(), fc.dictionary(fc.string(), fc.json()))
    .map((value) =>
      typeof value === "string" ? `{"fields":${value}}` : `{"or":[${Object.values(value).join(",")}]}`,
    );
  let [read, refused] = [0, 0];
  fc.assert(
    fc.property(fc.oneof(typed, json), (text) => {
      if (refusalOf(text)) refused++;
      else read++;
    }),
    { seed: 5, numRuns: 3000 },
  );
  expect(Math.min(read, refused)).toBeGreaterThan(20);
});

test("a quoted value may be very long", () => {
  const long = "x\\'".repeat(2e6);
  expect(parseWhere(`a = '${long}'`)).toEqual({ fields: { a: { eq: "x'".repeat(2e6) } } });
});
