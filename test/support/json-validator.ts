/** Whether a value is valid under a JSON Schema, keyword by keyword as the specification says it: slow and obvious. */
import { isDeepStrictEqual } from "node:util";

type Schema = boolean | Readonly<Record<string, unknown>>;

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  date: isDate,
  time: isTime,
  "date-time": (text) => isDate(text.slice(0, 10)) && text[10] === "T" && isTime(text.slice(11)),
  uuid: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text),
};

/** True where it is. Unknown keywords are an error of the test. */
export function isValid(schema: Schema, value: unknown, root: Schema = schema): boolean {
  if (typeof schema === "boolean") return schema;
  return Object.entries(schema).every(([keyword, of]) => {
    const check = CHECKS[keyword];
    if (!check) throw new Error(`the validator does not know ${keyword}`);
    return check(of as never, value, schema, (inner, part) => isValid(inner, part, root), root);
  });
}

type Inner = (schema: Schema, value: unknown) => boolean;
type Check = (
  of: never,
  value: unknown,
  schema: Readonly<Record<string, unknown>>,
  inner: Inner,
  root: Schema,
) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const ifNumber =
  (check: (value: number, of: number) => boolean): Check =>
  (of, value) =>
    typeof value !== "number" || check(value, of);
const ifString =
  (check: (value: string, of: never) => boolean): Check =>
  (of, value) =>
    typeof value !== "string" || check(value, of);
const ifArray =
  (check: (value: readonly unknown[], of: number) => boolean): Check =>
  (of, value) =>
    !Array.isArray(value) || check(value, of);

function isOfType(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return isObject(value);
  return type === "array"
    ? Array.isArray(value)
    : typeof value === type && (type !== "number" || Number.isFinite(value));
}

const CHECKS: Readonly<Record<string, Check>> = {
  title: () => true,
  description: () => true,
  $defs: () => true,
  $ref(of: string, value, _, inner, root) {
    const parts = of.split("/").slice(1);
    return inner(
      parts.reduce((at, part) => (at as Record<string, unknown>)[part], root as unknown) as Schema,
      value,
    );
  },
  type: (of: string | string[], value) => [of].flat().some((type) => isOfType(value, type)),
  enum: (of: unknown[], value) => of.some((one) => isDeepStrictEqual(one, value)),
  const: (of: unknown, value) => isDeepStrictEqual(of, value),
  anyOf: (of: Schema[], value, _, inner) => of.some((one) => inner(one, value)),
  oneOf: (of: Schema[], value, _, inner) => of.filter((one) => inner(one, value)).length === 1,
  allOf: (of: Schema[], value, _, inner) => of.every((one) => inner(one, value)),
  properties: (of: Record<string, Schema>, value, _, inner) =>
    !isObject(value) ||
    Object.entries(of).every(([name, one]) => !Object.hasOwn(value, name) || inner(one, value[name])),
  required: (of: string[], value) => !isObject(value) || of.every((name) => Object.hasOwn(value, name)),
  additionalProperties: (of: Schema, value, schema, inner) =>
    !isObject(value) ||
    Object.entries(value).every(
      ([name, one]) => Object.hasOwn((schema.properties as object) ?? {}, name) || inner(of, one),
    ),
  items: (of: Schema, value, schema, inner) =>
    !Array.isArray(value) ||
    value.slice(((schema.prefixItems as unknown[]) ?? []).length).every((one) => inner(of, one)),
  prefixItems: (of: Schema[], value, _, inner) =>
    !Array.isArray(value) || of.every((one, i) => i >= value.length || inner(one, value[i])),
  minItems: ifArray((value, of) => value.length >= of),
  maxItems: ifArray((value, of) => value.length <= of),
  minLength: ifString((value, of) => [...value].length >= of),
  maxLength: ifString((value, of) => [...value].length <= of),
  pattern: ifString((value, of) => new RegExp(of, "u").test(value)),
  format: ifString((value, of) => FORMATS[of]!(value)),
  minimum: ifNumber((value, of) => value >= of),
  maximum: ifNumber((value, of) => value <= of),
  exclusiveMinimum: ifNumber((value, of) => value > of),
  exclusiveMaximum: ifNumber((value, of) => value < of),
};

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isTime(text: string): boolean {
  const found = /^(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-](\d\d):(\d\d))$/.exec(text);
  if (!found) return false;
  const [hour, minute, second, , , zoneHour = "0", zoneMinute = "0"] = found.slice(1);
  return (
    [hour, zoneHour].every((one) => Number(one) < 24) &&
    [minute, second, zoneMinute].every((one) => Number(one) < 60)
  );
}
