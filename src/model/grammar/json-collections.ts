/** Objects and arrays of JSON as their schemas describe them. */
import {
  choice,
  EMPTY,
  type Expression,
  literal,
  noneOf,
  oneOf,
  optional,
  repeat,
  rule,
  sequence,
} from "./expression.ts";
import { comma, enclosed, member, PLAIN, quoted } from "./json.ts";
import {
  countAt,
  propertiesOf,
  requiredOf,
  type Schema,
  type SchemaObject,
  schemaAt,
  schemasAt,
  unsupported,
} from "./schema.ts";

/** What is asked of the compiler around. */
export interface Nested {
  /** The expression of a schema within. */
  of(schema: Schema, path: string): Expression;
  /** A rule of this name or a like one. @returns a call of it */
  define(name: string, expression: Expression): Expression;
}

/** Names that others are kept apart from, so many characters at most. */
const LONGEST_NAME = 200;

export function objectExpression(schema: SchemaObject, path: string, nested: Nested): Expression {
  const known = propertiesOf(schema, path);
  const required = new Set(requiredOf(schema, path));
  const others = schemaAt(schema, "additionalProperties", path);
  const properties = new Map(known);
  for (const name of required) if (!known.has(name)) properties.set(name, others ?? true);
  const isOpen = others !== undefined ? others !== false : known.size === 0;
  const extra = isOpen
    ? [
        member(
          otherKey([...properties.keys()], path),
          nested.of(others ?? true, `${path}/additionalProperties`),
        ),
      ]
    : [];
  return membersExpression(
    [...properties].map(([name, value]) => ({
      pair: nested.define(
        `${path}/properties/${name} (pair)`,
        member(literal(JSON.stringify(name)), nested.of(value, `${path}/properties/${name}`)),
      ),
      isRequired: required.has(name),
    })),
    extra.map((pair) => nested.define(`${path}/additionalProperties (pair)`, pair)),
    path,
    nested,
  );
}

interface Pair {
  readonly pair: Expression;
  readonly isRequired: boolean;
}

/** Pairs in their order, those that are not required or not, then any number of others. What may follow each is a rule, so it stays as long as the list. */
function membersExpression(
  pairs: readonly Pair[],
  extra: readonly Expression[],
  path: string,
  nested: Nested,
): Expression {
  const rests: Expression[] = [];
  const others = extra.map((pair) => repeat(sequence(comma, pair), 0));
  rests[pairs.length] = others.length > 0 ? nested.define(`${path} (others)`, others[0]!) : EMPTY;
  for (let i = pairs.length - 1; i > 0; i--) {
    const { pair, isRequired } = pairs[i]!;
    const own = sequence(comma, pair);
    rests[i] = nested.define(
      `${path} (from ${i})`,
      sequence(isRequired ? own : optional(own), rests[i + 1]!),
    );
  }
  const first = pairs.findIndex(({ isRequired }) => isRequired);
  const starts = pairs.slice(0, first < 0 ? pairs.length : first + 1);
  const options = starts.map(({ pair }, i) => sequence(pair, rests[i + 1]!));
  if (first < 0) options.push(...extra.map((pair) => sequence(pair, rests[pairs.length]!)));
  return enclosed("{", choice(...options), "}", first < 0 ? 0 : 1);
}

/** A string that is none of the names. It has no escapes, which could spell one of them in another way. */
function otherKey(names: readonly string[], path: string): Expression {
  if (names.length === 0) return rule("string");
  const long = names.find((name) => name.length > LONGEST_NAME);
  if (long !== undefined)
    throw unsupported(
      path,
      `additionalProperties beside a property whose name is longer than ${LONGEST_NAME} characters`,
    );
  return quoted(
    otherThan(names.filter((name) => JSON.stringify(name) === `"${name}"`).map((name) => [...name])),
  );
}

/** Plain characters that are none of the words: they part from each somewhere. */
function otherThan(words: readonly (readonly string[])[]): Expression {
  if (words.length === 0) return repeat(PLAIN, 0);
  const firsts = [...new Set(words.flatMap((word) => word.slice(0, 1)))];
  const options = firsts.map((char) =>
    sequence(oneOf(char), otherThan(words.filter((word) => word[0] === char).map((word) => word.slice(1)))),
  );
  const parted = sequence(noneOf('"\\', [0, 0x1f], firsts.join("")), repeat(PLAIN, 0));
  return choice(parted, ...options, ...(words.some((word) => word.length === 0) ? [] : [EMPTY]));
}

export function arrayExpression(schema: SchemaObject, path: string, nested: Nested): Expression {
  const least = countAt(schema, "minItems", 0, path);
  const most = countAt(schema, "maxItems", Number.POSITIVE_INFINITY, path);
  const prefix = (schemasAt(schema, "prefixItems", path) ?? []).map((one, i) =>
    nested.of(one, `${path}/prefixItems/${i}`),
  );
  const items = schemaAt(schema, "items", path);
  // a tuple that does not speak of more has no more, unless it must
  const isClosed = items === undefined && prefix.length > 0 && least <= prefix.length;
  const bound = isClosed ? Math.min(most, prefix.length) : Math.min(most, 2 ** 31);
  if (least > bound) return choice();
  if (bound === 0) return enclosed("[", choice(), "]");
  const item = items === undefined ? rule("value") : nested.of(items, `${path}/items`);
  const first = prefix[0] ?? item;
  const own = Math.min(Math.max(1, prefix.length), bound);
  const max = bound < 2 ** 31 ? bound - own : Number.POSITIVE_INFINITY;
  let rest = max > 0 ? repeat(sequence(comma, item), Math.max(0, least - own), max) : EMPTY;
  // what may follow each is a rule, as of members
  for (let i = own - 1; i > 0; i--) {
    const more = sequence(comma, prefix[i]!, rest);
    rest = nested.define(`${path} (from ${i})`, i < least ? more : optional(more));
  }
  return enclosed("[", sequence(first, rest), "]", least > 0 ? 1 : 0);
}
