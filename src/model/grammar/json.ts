/** JSON as a grammar (RFC 8259): the rules that every schema's grammar is built on. */
import {
  choice,
  type Expression,
  type Grammar,
  literal,
  noneOf,
  oneOf,
  optional,
  repeat,
  rule,
  sequence,
} from "./expression.ts";

/** Blanks between signs are bounded: a weak model could write them for ever. A line may be indented as JSON.stringify does. */
const SPACE = optional(choice(literal(" "), sequence(literal("\n"), repeat(oneOf(" \t"), 0, 24))));

export const space: Expression = rule("space");
export const DIGIT: Expression = oneOf(["0".charCodeAt(0), "9".charCodeAt(0)]);
export const NONZERO: Expression = oneOf("123456789");
const HEX = oneOf("0123456789abcdefABCDEF");

/** Characters that stand in a string as they are. */
export const PLAIN: Expression = noneOf('"\\', [0, 0x1f]);

/** One character of a string, whole: halves of pairs come together. */
const CHARACTER = choice(
  PLAIN,
  sequence(
    literal("\\"),
    choice(
      oneOf('"\\/bfnrt'),
      sequence(
        literal("u"),
        choice(
          sequence(oneOf("0123456789abcefABCEF"), repeat(HEX, 3, 3)),
          sequence(oneOf("dD"), oneOf("01234567"), repeat(HEX, 2, 2)),
          sequence(
            oneOf("dD"),
            oneOf("89abAB"),
            repeat(HEX, 2, 2),
            literal("\\u"),
            oneOf("dD"),
            oneOf("cdefCDEF"),
            repeat(HEX, 2, 2),
          ),
        ),
      ),
    ),
  ),
);

const MINUS = optional(literal("-"));
/** Digits enough for any double as JSON.stringify writes it, and no end to them in sight of a weak model. */
const WHOLE = choice(literal("0"), sequence(NONZERO, repeat(DIGIT, 0, 20)));
const FRACTION = sequence(literal("."), repeat(DIGIT, 1, 24));
/** Below 10^308: more is not finite. */
const EXPONENT = sequence(
  oneOf("eE"),
  choice(
    sequence(
      optional(literal("+")),
      choice(
        repeat(DIGIT, 1, 2),
        sequence(oneOf("12"), DIGIT, DIGIT),
        sequence(literal("30"), oneOf("01234567")),
      ),
    ),
    sequence(literal("-"), repeat(DIGIT, 1, 3)),
  ),
);

const NUMBER = sequence(
  MINUS,
  choice(sequence(WHOLE, optional(FRACTION)), sequence(DIGIT, optional(FRACTION), EXPONENT)),
);

/** Whole numbers that a double holds. */
const INTEGER = choice(literal("0"), sequence(MINUS, NONZERO, repeat(DIGIT, 0, 15)));

export function quoted(inner: Expression): Expression {
  return sequence(literal('"'), inner, literal('"'));
}

/** `open` ... `close` around what comes between commas, or nothing where `least` is 0. */
export function enclosed(open: string, inner: Expression, close: string, least: 0 | 1 = 0): Expression {
  return sequence(literal(open), space, repeat(sequence(inner, space), least, 1), literal(close));
}

export const comma: Expression = sequence(literal(","), space);

export function member(key: Expression, value: Expression): Expression {
  return sequence(key, literal(":"), space, value);
}

function listOf(item: Expression): Expression {
  return sequence(item, repeat(sequence(comma, item), 0));
}

/** Rules "value", "object", "array", "string", "number", "integer", "boolean", "null", "character" and "space". */
export const JSON_RULES: ReadonlyMap<string, Expression> = new Map([
  ["space", SPACE],
  ["character", CHARACTER],
  ["string", quoted(repeat(rule("character"), 0))],
  ["number", NUMBER],
  ["integer", INTEGER],
  ["boolean", choice(literal("true"), literal("false"))],
  ["null", literal("null")],
  ["object", enclosed("{", listOf(member(rule("string"), rule("value"))), "}")],
  ["array", enclosed("[", listOf(rule("value")), "]")],
  ["value", choice(...["object", "array", "string", "number", "boolean", "null"].map(rule))],
]);

/** Any JSON object. */
export const JSON_OBJECT: Grammar = { root: "object", rules: JSON_RULES };
