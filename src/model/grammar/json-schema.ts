/**
 * JSON Schema (draft 2020-12) as a grammar of the texts that a model may write: each of them is valid, but not each valid text is among
 * them. Properties come in the order of the schema; where it names properties and does not speak of others, there are no others.
 * What cannot be held to is refused by path and keyword, nothing is passed over.
 */
import { MnemeError } from "../../errors.ts";
import { choice, type Expression, type Grammar, literal, NOTHING, repeat, rule } from "./expression.ts";
import { FORMATS, formatRules } from "./formats.ts";
import { intersectionOf } from "./intersection.ts";
import { JSON_OBJECT, JSON_RULES, quoted } from "./json.ts";
import { arrayExpression, type Nested, objectExpression } from "./json-collections.ts";
import { patternExpression } from "./json-pattern.ts";
import { type Bounds, integersBetween, numbersBetween } from "./number-range.ts";
import {
  asSchema,
  checkDepth,
  countAt,
  isOfType,
  type Schema,
  type SchemaObject,
  schemasAt,
  type TypeName,
  typesOf,
  unsupported,
  validityKeywords,
  valuesOf,
  wrong,
} from "./schema.ts";
import { areDisjoint } from "./schema-disjoint.ts";
import { flat, merge } from "./schema-merge.ts";

/** Schemas in a schema at most. */
const MOST_RULES = 50_000;

/**
 * @param schema true for any JSON object
 * @throws MnemeError UNSUPPORTED, ARGUMENT naming path and keyword, BUDGET for what is too large
 */
export function grammarOfSchema(schema: unknown): Grammar {
  if (schema === true) return JSON_OBJECT;
  checkDepth(schema);
  return new SchemaCompiler(asSchema(schema, "#")).compile();
}

class SchemaCompiler implements Nested {
  readonly #root: Schema;
  readonly #rules = new Map<string, Expression>(JSON_RULES);
  /** Rules by what their schema says: the same twice is one rule, which is also what lets schemas recur. */
  readonly #names = new Map<string, string>();
  /** Schemas without $ref and allOf; a oneOf asks for the same many times. */
  readonly #flats = new WeakMap<SchemaObject, Schema>();
  readonly #waiting: { readonly name: string; readonly schema: SchemaObject }[] = [];

  constructor(root: Schema) {
    this.#root = root;
  }

  compile(): Grammar {
    const root = "schema";
    this.#rules.set(root, this.of(this.#root, "#"));
    // not by recursion: a chain of references may be long
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop())
      this.#rules.set(next.name, this.#expression(next.schema, next.name));
    return { root, rules: this.#rules };
  }

  define(name: string, expression: Expression): Expression {
    const own = this.#freshName(name);
    this.#rules.set(own, expression);
    return rule(own);
  }

  /** Names are for errors: two properties may be spelled so that their paths are the same. */
  #freshName(name: string): string {
    if (this.#rules.size > MOST_RULES)
      throw new MnemeError("BUDGET", `schema: more than ${MOST_RULES} schemas in it; make it smaller`);
    return this.#rules.has(name) ? `${name} (${this.#rules.size})` : name;
  }

  of(schema: Schema, path: string): Expression {
    if (typeof schema === "boolean") return schema ? rule("value") : NOTHING;
    const text = JSON.stringify(schema);
    const known = this.#names.get(text);
    if (known !== undefined) return rule(known);
    const name = this.#freshName(path);
    this.#names.set(text, name);
    this.#rules.set(name, NOTHING);
    this.#waiting.push({ name, schema });
    return rule(name);
  }

  #expression(schema: SchemaObject, path: string): Expression {
    const whole = this.#flat(schema, path);
    if (typeof whole === "boolean") return whole ? rule("value") : NOTHING;
    for (const key of ["anyOf", "oneOf"] as const) {
      const { [key]: _, ...rest } = whole;
      const options = schemasAt(whole, key, path);
      if (options) return this.#alternatives(key, rest, options, path);
    }
    const values = valuesOf(whole, path);
    if (values) return this.#values(whole, values, path);
    return choice(...typesOf(whole, path).map((type) => this.#typed(type, whole, path)));
  }

  #flat(schema: Schema, path: string): Schema {
    if (typeof schema === "boolean") return schema;
    const known = this.#flats.get(schema);
    if (known !== undefined) return known;
    const found = flat(this.#root, schema, path);
    this.#flats.set(schema, found);
    return found;
  }

  #alternatives(
    key: "anyOf" | "oneOf",
    rest: SchemaObject,
    options: readonly Schema[],
    path: string,
  ): Expression {
    const flatOf = (schema: Schema): Schema => this.#flat(schema, path);
    const base = validityKeywords(rest).length > 0 ? rest : true;
    const all = options.map((option) => merge(base, flatOf(option), path));
    if (key === "oneOf") this.#checkOneOf(all, flatOf, path);
    return choice(...all.map((option, i) => this.of(option, `${path}/${key}/${i}`)));
  }

  #checkOneOf(options: readonly Schema[], flatOf: (schema: Schema) => Schema, path: string): void {
    if (options.length > 300) throw unsupported(path, "oneOf with more than 300 alternatives; use anyOf");
    options.forEach((option, i) => {
      const other = options.findIndex((one, j) => j > i && !areDisjoint(option, one, flatOf, path));
      if (other >= 0)
        throw unsupported(
          path,
          `oneOf/${i} and oneOf/${other} may hold at once; use anyOf, or give both a required property with another const`,
        );
    });
  }

  #values(schema: SchemaObject, values: readonly unknown[], path: string): Expression {
    const other = validityKeywords(schema).find((key) => !["enum", "const", "type"].includes(key));
    if (other)
      throw unsupported(
        path,
        `"${other}" beside enum or const is not supported; leave out the values that it forbids`,
      );
    const types = schema.type === undefined ? undefined : typesOf(schema, path);
    const valid = values.filter((value) => !types || types.some((type) => isOfType(value, type)));
    return { kind: "choice", options: valid.map((value) => literal(JSON.stringify(value))) };
  }

  #typed(type: TypeName, schema: SchemaObject, path: string): Expression {
    switch (type) {
      case "object":
        return objectExpression(schema, path, this);
      case "array":
        return arrayExpression(schema, path, this);
      case "string":
        return this.#string(schema, path);
      case "number":
      case "integer":
        return numberExpression(type, schema, path);
      case "boolean":
      case "null":
        return rule(type);
      default:
        return type satisfies never;
    }
  }

  #string(schema: SchemaObject, path: string): Expression {
    const { pattern, format, minLength, maxLength } = schema;
    const parts: Expression[] = [];
    if (pattern !== undefined) parts.push(patternExpression(pattern, path));
    if (format !== undefined) parts.push(this.#format(format, path));
    if ((minLength ?? maxLength) !== undefined) parts.push(charactersExpression(schema, path));
    if (parts.length === 0) return rule("string");
    return quoted(parts.length === 1 ? parts[0]! : this.#both(parts, path));
  }

  #format(format: unknown, path: string): Expression {
    if (!FORMATS.some((known) => known === format))
      throw unsupported(
        path,
        `format ${JSON.stringify(format)} is not supported; known are ${FORMATS.join(", ")}`,
      );
    for (const [name, expression] of formatRules()) this.#rules.set(name, expression);
    return rule(format as string);
  }

  #both(parts: readonly Expression[], path: string): Expression {
    const rules = new Map([...JSON_RULES, ...formatRules()]);
    const names: string[] = [];
    const define = (state: number, expression: Expression): Expression => {
      const name = names[state] ?? this.#freshName(`${path} (state ${state})`);
      names[state] = name;
      this.#rules.set(name, expression);
      return rule(name);
    };
    const found = intersectionOf(parts, rules, define);
    if (found) return found;
    throw unsupported(
      path,
      "pattern, format and lengths together have too many states; say it in one pattern",
    );
  }
}

function charactersExpression(schema: SchemaObject, path: string): Expression {
  const min = countAt(schema, "minLength", 0, path);
  const max = countAt(schema, "maxLength", Number.POSITIVE_INFINITY, path);
  if (min > max) return NOTHING;
  // no text is as long as what is beyond the bounds of a repetition
  return repeat(rule("character"), min, max < 2 ** 31 ? max : Number.POSITIVE_INFINITY);
}

/** Bounds beyond these are brought to them: what is left is valid still. */
const MOST_BOUND = { integer: Number.MAX_SAFE_INTEGER, number: 1e15 } as const;
/** Beyond it digits behind the point would be rounded, so an open bound becomes the next whole number. */
const MOST_OPEN_BOUND = 1e9;

function numberExpression(type: "number" | "integer", schema: SchemaObject, path: string): Expression {
  const low = boundAt(schema, "minimum", "exclusiveMinimum", 1, type, path);
  const high = boundAt(schema, "maximum", "exclusiveMaximum", -1, type, path);
  if (!low && !high) return rule(type);
  const bounds: Bounds = {
    ...(low ? { least: low.value, isAbove: low.isOpen } : {}),
    ...(high ? { most: high.value, isBelow: high.isOpen } : {}),
  };
  if (low && high && low.value > high.value) return NOTHING;
  return type === "integer" ? integersBetween(bounds) : numbersBetween(bounds);
}

interface Bound {
  readonly value: bigint;
  readonly isOpen: boolean;
}

/** The tighter of two bounds, one of them open. @param sign 1 for lower bounds, -1 for upper ones */
function boundAt(
  schema: SchemaObject,
  closed: string,
  open: string,
  sign: 1 | -1,
  type: "number" | "integer",
  path: string,
): Bound | undefined {
  const found = [closed, open]
    .filter((key) => schema[key] !== undefined)
    .map((key) => {
      const value = schema[key];
      if (typeof value !== "number" || !Number.isFinite(value))
        throw wrong(path, `${key} is ${JSON.stringify(value)}; expected a number`);
      const whole = type === "integer" ? sign * Math.ceil(sign * value) : value;
      if (!Number.isInteger(whole))
        throw unsupported(
          path,
          `${key} ${value} of a number that need not be whole; only whole bounds are supported`,
        );
      const limit = MOST_BOUND[type];
      if (sign * whole > limit)
        throw unsupported(path, `${key} ${value} leaves numbers beyond ${limit} alone`);
      return boundOf(whole, key === open && whole === value, sign, type);
    });
  return found.sort((a, b) => sign * Number(b.value - a.value) || Number(b.isOpen) - Number(a.isOpen))[0];
}

function boundOf(value: number, isOpen: boolean, sign: 1 | -1, type: "number" | "integer"): Bound {
  const limit = MOST_BOUND[type];
  if (sign * value < -limit) return { value: BigInt(-sign * limit), isOpen: false };
  const next = isOpen && (type === "integer" || Math.abs(value) > MOST_OPEN_BOUND);
  return next ? { value: BigInt(value) + BigInt(sign), isOpen: false } : { value: BigInt(value), isOpen };
}
