/** JSON Schemas as they are read here (draft 2020-12): which keywords are known, and the values that they may have. */
import { MnemeError } from "../../errors.ts";

export type SchemaObject = Readonly<Record<string, unknown>>;
export type Schema = SchemaObject | boolean;

export const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;
export type TypeName = (typeof TYPES)[number];

/** For each keyword that is supported the types of JSON that it speaks of; of none: of all. */
const KEYWORDS: Readonly<Record<string, readonly TypeName[]>> = {
  $ref: [],
  $defs: [],
  definitions: [],
  type: [],
  enum: [],
  const: [],
  anyOf: [],
  oneOf: [],
  allOf: [],
  properties: ["object"],
  required: ["object"],
  additionalProperties: ["object"],
  items: ["array"],
  prefixItems: ["array"],
  minItems: ["array"],
  maxItems: ["array"],
  minLength: ["string"],
  maxLength: ["string"],
  pattern: ["string"],
  format: ["string"],
  minimum: ["number"],
  maximum: ["number"],
  exclusiveMinimum: ["number"],
  exclusiveMaximum: ["number"],
};

/** They say nothing about what is valid. */
const ANNOTATIONS: ReadonlySet<string> = new Set(
  (
    "title description default example examples deprecated readOnly writeOnly $comment $schema " +
    "contentMediaType contentEncoding contentSchema discriminator"
  ).split(" "),
);

/** Values with which a keyword that is not supported asks for nothing, as JSON. */
const HARMLESS: Readonly<Record<string, string>> = {
  uniqueItems: "false",
  nullable: "false",
  minProperties: "0",
  propertyNames: '{"type":"string"}',
};

const MOST_DEPTH = 200;

/** @param path JSON pointer of the schema, for errors. @throws MnemeError ARGUMENT, UNSUPPORTED with path and keyword */
export function checkKeywords(schema: SchemaObject, path: string): void {
  for (const [keyword, value] of Object.entries(schema)) {
    const known =
      Object.hasOwn(KEYWORDS, keyword) || isAnnotation(keyword) || (keyword === "$id" && path === "#");
    const harmless = Object.hasOwn(HARMLESS, keyword) && HARMLESS[keyword] === JSON.stringify(value);
    if (!known && !harmless) throw unsupported(path, `keyword "${keyword}" is not supported`);
  }
}

/** @returns keywords of a schema that decide what is valid, but for definitions */
export function validityKeywords(schema: SchemaObject): string[] {
  return Object.keys(schema).filter(
    (key) => Object.hasOwn(KEYWORDS, key) && key !== "$defs" && key !== "definitions",
  );
}

export function isAnnotation(keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || keyword.startsWith("x-");
}

/** Types that the schema leaves: those that it names, else those that its keywords speak of, else all. */
export function typesOf(schema: SchemaObject, path: string): readonly TypeName[] {
  const { type } = schema;
  if (type === undefined) {
    const spoken = new Set(Object.keys(schema).flatMap((key) => KEYWORDS[key] ?? []));
    const all = TYPES.filter((name) => name !== "integer");
    return spoken.size > 0 ? all.filter((name) => spoken.has(name)) : all;
  }
  const names = Array.isArray(type) ? type : [type];
  for (const name of names)
    if (!TYPES.includes(name))
      throw wrong(path, `type is ${JSON.stringify(type)}; expected ${TYPES.join(", ")} or a list of them`);
  return names.includes("number") ? names.filter((name) => name !== "integer") : names;
}

/** The schema at `key`, undefined where there is none. */
export function schemaAt(schema: SchemaObject, key: string, path: string): Schema | undefined {
  return schema[key] === undefined ? undefined : asSchema(schema[key], `${path}/${key}`);
}

export function asSchema(value: unknown, path: string): Schema {
  if (typeof value === "boolean" || isObject(value)) return value;
  throw wrong(path, `expected a schema, an object or a boolean, got ${JSON.stringify(value) ?? value}`);
}

export function schemasAt(schema: SchemaObject, key: string, path: string): readonly Schema[] | undefined {
  const value = schema[key];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw wrong(path, `${key} must be a list of schemas`);
  return value.map((one, i) => asSchema(one, `${path}/${key}/${i}`));
}

export function propertiesOf(schema: SchemaObject, path: string): ReadonlyMap<string, Schema> {
  const { properties = {} } = schema;
  if (!isObject(properties)) throw wrong(path, "properties must be an object of schemas");
  return new Map(
    Object.entries(properties).map(([name, value]) => [name, asSchema(value, `${path}/properties/${name}`)]),
  );
}

export function requiredOf(schema: SchemaObject, path: string): readonly string[] {
  const { required = [] } = schema;
  if (Array.isArray(required) && required.every((name) => typeof name === "string")) return required;
  throw wrong(path, "required must be a list of names");
}

/** A whole number from 0, `otherwise` where there is none. */
export function countAt(schema: SchemaObject, key: string, otherwise: number, path: string): number {
  const value = schema[key] ?? otherwise;
  if (value === otherwise || (Number.isInteger(value) && (value as number) >= 0)) return value as number;
  throw wrong(path, `${key} is ${JSON.stringify(value)}; expected a whole number from 0`);
}

/** The values of enum or const; undefined where neither is there. */
export function valuesOf(schema: SchemaObject, path: string): readonly unknown[] | undefined {
  const { enum: values } = schema;
  if (values !== undefined && !Array.isArray(values)) throw wrong(path, "enum must be a list of values");
  if (!Object.hasOwn(schema, "const")) return values as unknown[] | undefined;
  const text = JSON.stringify(schema.const);
  return values && !values.some((value) => JSON.stringify(value) === text) ? [] : [schema.const];
}

export function isOfType(value: unknown, type: TypeName): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (value === null) return type === "null";
  return Array.isArray(value) ? type === "array" : typeof value === type;
}

/** Before anything recursive: objects in objects so many at most. @throws MnemeError BUDGET */
export function checkDepth(schema: unknown): void {
  let level = [schema];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_DEPTH)
      throw new MnemeError("BUDGET", `schema: nested deeper than ${MOST_DEPTH}; use $defs and $ref`);
    if (level.length > 1e6) throw new MnemeError("BUDGET", "schema: more than a million values at one depth");
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
  }
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function unsupported(path: string, what: string): MnemeError {
  return new MnemeError("UNSUPPORTED", `schema, ${path}: ${what}`);
}

export function wrong(path: string, what: string): MnemeError {
  return new MnemeError("ARGUMENT", `schema, ${path}: ${what}`);
}
