/** Whether the alternatives of a oneOf can hold at once. What cannot be shown to be apart is taken to overlap. */
import {
  isObject,
  propertiesOf,
  requiredOf,
  type Schema,
  type SchemaObject,
  TYPES,
  typesOf,
  valuesOf,
} from "./schema.ts";

/** Makes a schema one without $ref and allOf. */
type Follow = (schema: Schema) => Schema;

/** Comparisons of two alternatives and what is in them. */
const MOST_STEPS = 500;

/** True where no text that the grammar of one of them gives is valid under the other. */
export function areDisjoint(a: Schema, b: Schema, follow: Follow, path: string): boolean {
  const steps = { left: MOST_STEPS };
  return excludes(a, b, follow, path, steps) && excludes(b, a, follow, path, steps);
}

/** True where no text for `a` is valid under `b`. */
function excludes(a: Schema, b: Schema, follow: Follow, path: string, steps: { left: number }): boolean {
  const [texts, valid] = [follow(a), follow(b)];
  if (texts === false || valid === false) return true;
  if (texts === true || valid === true || steps.left-- <= 0) return false;
  const validTypes = typesOfValid(valid, path);
  const shared = typesOfTexts(texts, path).filter((type) => validTypes.has(type));
  if (shared.length === 0) return true;
  const [values, others] = [valuesOf(texts, path), valuesOf(valid, path)];
  if (values && others) return !values.some((value) => others.some((other) => isEqual(value, other)));
  if (values || others || shared.some((type) => type !== "object")) return false;
  const [own, theirs] = [propertiesOf(texts, path), propertiesOf(valid, path)];
  const differs = requiredOf(texts, path).some((name) => {
    const [one, other] = [own.get(name), theirs.get(name)];
    return one !== undefined && other !== undefined && excludes(one, other, follow, path, steps);
  });
  return differs || lacks(texts, valid, path);
}

/** True where `valid` requires a property that no text has. */
function lacks(texts: SchemaObject, valid: SchemaObject, path: string): boolean {
  const { properties, additionalProperties } = texts;
  const closed =
    additionalProperties === false || (additionalProperties === undefined && properties !== undefined);
  const own = new Set([...propertiesOf(texts, path).keys(), ...requiredOf(texts, path)]);
  return closed && requiredOf(valid, path).some((name) => !own.has(name));
}

function typesOfTexts(schema: SchemaObject, path: string): readonly string[] {
  const values = valuesOf(schema, path);
  if (values) return values.map(typeOfValue);
  // alternatives have types of their own, whatever the keywords beside them speak of
  const isChoice = schema.anyOf !== undefined || schema.oneOf !== undefined;
  return (isChoice && schema.type === undefined ? TYPES : typesOf(schema, path)).map(asNumber);
}

/** A schema that names no type is valid for all. */
function typesOfValid(schema: SchemaObject, path: string): ReadonlySet<string> {
  const values = valuesOf(schema, path);
  if (values) return new Set(values.map(typeOfValue));
  return new Set((schema.type === undefined ? TYPES : typesOf(schema, path)).map(asNumber));
}

function asNumber(type: string): string {
  return type === "integer" ? "number" : type;
}

function typeOfValue(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** The order of an object's keys does not matter. */
function isEqual(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((one, i) => isEqual(one, b[i]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]))
  );
}
