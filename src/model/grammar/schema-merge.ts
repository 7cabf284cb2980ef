/** Two schemas that both must hold as one, where their keywords go together; and references to other parts of the schema followed. */
import {
  asSchema,
  checkKeywords,
  isAnnotation,
  propertiesOf,
  requiredOf,
  type Schema,
  type SchemaObject,
  schemasAt,
  typesOf,
  unsupported,
  validityKeywords,
  valuesOf,
  wrong,
} from "./schema.ts";

/** Schemas that $ref and allOf lead to from one at most; without a bound a few lines can name more than there is time for. */
const MOST_STEPS = 1000;

/** The part that a reference names. @throws MnemeError ARGUMENT, UNSUPPORTED */
export function resolve(root: Schema, reference: unknown, path: string): Schema {
  if (typeof reference !== "string") throw wrong(path, "$ref must be text");
  if (reference !== "#" && !reference.startsWith("#/"))
    throw unsupported(path, `$ref "${reference}" leads out of the schema; put what it names into $defs`);
  let found: unknown = root;
  for (const part of reference.split("/").slice(1)) {
    const key = decoded(part, reference, path).replaceAll("~1", "/").replaceAll("~0", "~");
    const holds = typeof found === "object" && found !== null && Object.hasOwn(found, key);
    if (!holds) throw wrong(path, `$ref "${reference}" names nothing; there is no "${key}"`);
    found = (found as SchemaObject)[key];
  }
  return asSchema(found, reference);
}

function decoded(part: string, reference: string, path: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrong(path, `$ref "${reference}" is not percent-encoded soundly`);
  }
}

/** The schema without $ref and allOf. @throws MnemeError UNSUPPORTED for what does not go together, or goes round for ever */
export function flat(
  root: Schema,
  schema: Schema,
  path: string,
  steps: { taken: number } = { taken: 0 },
): Schema {
  if (typeof schema === "boolean") return schema;
  checkKeywords(schema, path);
  if (steps.taken++ > MOST_STEPS)
    throw unsupported(path, `$ref and allOf lead round to themselves, or to more than ${MOST_STEPS} schemas`);
  const { $ref, allOf, ...rest } = schema;
  if ($ref === undefined && allOf === undefined) return schema;
  const parts = [
    ...($ref === undefined ? [] : [resolve(root, $ref, path)]),
    ...(schemasAt(schema, "allOf", path) ?? []),
  ];
  const own = validityKeywords(rest).length > 0 ? rest : true;
  return parts
    .map((part) => flat(root, part, path, steps))
    .reduce<Schema>((merged, part) => merge(merged, part, path), own);
}

/** Both hold. Neither has $ref or allOf; what they say of the same property or item is put into an allOf. */
export function merge(a: Schema, b: Schema, path: string): Schema {
  if (a === false || b === false) return false;
  if (a === true) return b;
  if (b === true) return a;
  if ((a.prefixItems === undefined) !== (b.prefixItems === undefined) && (a.items ?? b.items) !== undefined)
    throw unsupported(path, "items and prefixItems in two schemas that both must hold");
  const out: Record<string, unknown> = { ...b, ...a };
  for (const key of Object.keys(b))
    if (a[key] !== undefined && JSON.stringify(a[key]) !== JSON.stringify(b[key])) {
      const join = JOINS[key];
      if (join) out[key] = join(a, b, path);
      else if (!isAnnotation(key) && key !== "$defs" && key !== "definitions")
        throw unsupported(path, `two values of "${key}" that both must hold`);
    }
  const [values, others] = [valuesOf(a, path), valuesOf(b, path)];
  if (values && others) {
    const texts = new Set(others.map((value) => JSON.stringify(value)));
    out.enum = values.filter((value) => texts.has(JSON.stringify(value)));
    delete out.const;
  }
  if (a.properties !== undefined || b.properties !== undefined) out.properties = mergedProperties(a, b, path);
  return out;
}

type Join = (a: SchemaObject, b: SchemaObject, path: string) => unknown;

const most =
  (key: string): Join =>
  (a, b) =>
    Math.max(a[key] as number, b[key] as number);
const least =
  (key: string): Join =>
  (a, b) =>
    Math.min(a[key] as number, b[key] as number);
const both =
  (key: string): Join =>
  (a, b) => ({ allOf: [a[key], b[key]] });

/** How two values of a keyword become one. What is not here must be the same in both. */
const JOINS: Readonly<Record<string, Join>> = {
  type(a, b, path) {
    const [types, others] = [typesOf(a, path), typesOf(b, path)];
    const narrow = types.filter(
      (type) => others.includes(type) || (type === "integer" && others.includes("number")),
    );
    const integer = others.includes("integer") && types.includes("number") ? ["integer"] : [];
    return [...narrow, ...integer];
  },
  enum: () => undefined,
  const: () => undefined,
  properties: () => undefined,
  required: (a, b, path) => [...new Set([...requiredOf(a, path), ...requiredOf(b, path)])],
  additionalProperties: both("additionalProperties"),
  items: both("items"),
  minItems: most("minItems"),
  minLength: most("minLength"),
  minimum: most("minimum"),
  exclusiveMinimum: most("exclusiveMinimum"),
  maxItems: least("maxItems"),
  maxLength: least("maxLength"),
  maximum: least("maximum"),
  exclusiveMaximum: least("exclusiveMaximum"),
};

/** A property that one does not name is the other's, under what the first says of properties that it does not name. */
function mergedProperties(a: SchemaObject, b: SchemaObject, path: string): SchemaObject {
  const [own, others] = [propertiesOf(a, path), propertiesOf(b, path)];
  const of = (schema: SchemaObject, properties: ReadonlyMap<string, Schema>, name: string): unknown =>
    properties.get(name) ?? schema.additionalProperties;
  return Object.fromEntries(
    [...new Set([...own.keys(), ...others.keys()])].map((name) => {
      const parts = [of(a, own, name), of(b, others, name)].filter((part) => part !== undefined);
      return [name, parts.length === 1 ? parts[0] : { allOf: parts }];
    }),
  );
}
