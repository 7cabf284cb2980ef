/** A Where checked once and turned into a test of one item. */
import { MnemeError } from "../../errors.ts";
import type { Condition, MetaValue, Scalar, Where } from "./where.ts";

/** Answers for one item, given its fields. */
export type RunTest = (valueIn: (field: string) => MetaValue | undefined) => boolean;

const OPERATORS = ["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "exists", "startsWith"] as const;
type Operator = (typeof OPERATORS)[number];

/** Filters in each other; a deeper one would overflow the stack. */
export const MAX_WHERE_DEPTH = 100;
/** Characters of a value in a message. */
const SHOWN = 200;

/** @throws MnemeError ARGUMENT naming field and operator. */
export function compileWhere(where: Where): RunTest {
  return compile(where, MAX_WHERE_DEPTH);
}

function compile(where: Where, depth: number): RunTest {
  if (depth === 0) throw bad(`more than ${MAX_WHERE_DEPTH} filters in each other; write it flatter`);
  if (!isPlain(where)) throw bad(`expected an object such as { year: { gte: 2020 } }, got ${shown(where)}`);
  const tests: RunTest[] = [];
  for (const [key, value] of Object.entries(where)) {
    if (value === undefined) continue;
    if (key === "and" || key === "or") tests.push(compileList(key, value, depth));
    else if (key === "not") tests.push(negate(compile(value as Where, depth - 1)));
    else if (key === "fields") tests.push(...compileFields(value));
    else tests.push(compileField(key, value));
  }
  return (valueIn) => tests.every((test) => test(valueIn));
}

function compileList(key: "and" | "or", value: unknown, depth: number): RunTest {
  if (!Array.isArray(value)) throw bad(`${key} takes a list of filters, got ${shown(value)}`);
  const tests = (value as Where[]).map((one) => compile(one, depth - 1));
  return key === "and"
    ? (valueIn) => tests.every((test) => test(valueIn))
    : (valueIn) => tests.some((test) => test(valueIn));
}

function negate(test: RunTest): RunTest {
  return (valueIn) => !test(valueIn);
}

function compileFields(value: unknown): RunTest[] {
  if (!isPlain(value)) throw bad(`fields takes an object of fields, got ${shown(value)}`);
  return Object.entries(value).map(([field, condition]) => compileField(field, condition));
}

function compileField(field: string, condition: unknown): RunTest {
  if (isScalar(condition)) return compileOperator(field, "eq", condition);
  if (!isPlain(condition))
    throw bad(`field ${shown(field)}: expected a value or operators, got ${shown(condition)}`);
  const entries = Object.entries(condition as Condition).filter(([, operand]) => operand !== undefined);
  if (entries.length === 0)
    throw bad(`field ${shown(field)}: no operator; use one of ${OPERATORS.join(", ")}`);
  const tests = entries.map(([operator, operand]) => compileOperator(field, operator as Operator, operand));
  return (valueIn) => tests.every((test) => test(valueIn));
}

function compileOperator(field: string, operator: Operator, operand: unknown): RunTest {
  switch (operator) {
    case "eq":
    case "ne": {
      const wanted = scalar(field, operator, operand);
      return anyValue(field, (value) => value === wanted, operator === "ne");
    }
    case "in":
    case "nin": {
      if (!Array.isArray(operand))
        throw bad(`field ${shown(field)}: ${operator} takes a list, got ${shown(operand)}`);
      const wanted = new Set(operand.map((one) => scalar(field, operator, one)));
      return anyValue(field, (value) => wanted.has(value), operator === "nin");
    }
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return compileRange(field, operator, operand);
    case "exists": {
      if (typeof operand !== "boolean") throw bad(`field ${shown(field)}: exists takes true or false`);
      return (valueIn) => (valueIn(field) !== undefined) === operand;
    }
    case "startsWith": {
      if (typeof operand !== "string") throw bad(`field ${shown(field)}: startsWith takes a string`);
      return anyValue(field, (value) => typeof value === "string" && value.startsWith(operand), false);
    }
    default:
      operator satisfies never;
      throw bad(
        `field ${shown(field)}: unknown operator ${shown(operator)}; use one of ${OPERATORS.join(", ")}`,
      );
  }
}

/** Numbers compare with numbers, strings with strings; anything else does not match. */
function compileRange(field: string, operator: "gt" | "gte" | "lt" | "lte", operand: unknown): RunTest {
  if (typeof operand !== "string" && !(typeof operand === "number" && !Number.isNaN(operand))) {
    throw bad(`field ${shown(field)}: ${operator} takes a number or a string, got ${shown(operand)}`);
  }
  const holds: Record<typeof operator, (a: string | number) => boolean> = {
    gt: (value) => value > operand,
    gte: (value) => value >= operand,
    lt: (value) => value < operand,
    lte: (value) => value <= operand,
  };
  const test = holds[operator];
  return anyValue(field, (value) => typeof value === typeof operand && test(value as string | number), false);
}

/** A list matches when any of its values does; a missing field matches nothing but a negated test. */
function anyValue(field: string, test: (value: Scalar) => boolean, negated: boolean): RunTest {
  return (valueIn) => {
    const value = valueIn(field);
    const found =
      value === undefined
        ? false
        : Array.isArray(value)
          ? (value as readonly Scalar[]).some(test)
          : test(value as Scalar);
    return found !== negated;
  };
}

function scalar(field: string, operator: string, value: unknown): Scalar {
  if (isScalar(value)) return value;
  throw bad(
    `field ${shown(field)}: ${operator} takes strings, finite numbers, booleans or null, got ${shown(value)}`,
  );
}

function isScalar(value: unknown): value is Scalar {
  return (
    value === null ||
    typeof value === "string" ||
    typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value))
  );
}

function isPlain(value: unknown): value is object {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** A value for a message: as JSON, not all of a long one. Some values, such as very deep ones, have no JSON. */
export function shown(value: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(typeof value === "string" ? value.slice(0, SHOWN) : value);
  } catch {
    json = undefined;
  }
  const text = json ?? `a ${typeof value}`;
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function bad(why: string): MnemeError {
  return new MnemeError("ARGUMENT", `filter: ${why}`);
}
