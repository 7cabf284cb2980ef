/** Numbers between two bounds, as decimal digits. */
import {
  choice,
  EMPTY,
  type Expression,
  literal,
  NOTHING,
  oneOf,
  optional,
  repeat,
  sequence,
} from "./expression.ts";
import { DIGIT, NONZERO } from "./json.ts";

export interface Bounds {
  readonly least?: bigint;
  readonly most?: bigint;
  /** The bound itself is not within. */
  readonly isAbove?: boolean;
  readonly isBelow?: boolean;
}

/** Digits of what has no bound. */
const MOST_DIGITS = 16n;
const FRACTION = sequence(literal("."), repeat(DIGIT, 1, 6));
/** Few digits, so that reading it never rounds up to the next whole number. */
const FRACTION_NOT_ZERO = sequence(literal("."), repeat(DIGIT, 0, 5), NONZERO);

/** Whole numbers. */
export function integersBetween(bounds: Bounds): Expression {
  return signed(bounds, (from, to, openFrom, openTo) => {
    const [first, last] = [openFrom ? from + 1n : from, openTo ? to - 1n : to];
    return first <= last ? wholeBetween(first, last) : NOTHING;
  });
}

/** Numbers with a fraction of up to six digits or none. */
export function numbersBetween(bounds: Bounds): Expression {
  return signed(bounds, (from, to, openFrom, openTo) => {
    if (from > to) return NOTHING;
    const options: Expression[] = [];
    if (from + 1n < to) options.push(sequence(wholeBetween(from + 1n, to - 1n), optional(FRACTION)));
    if (from < to)
      options.push(sequence(literal(`${from}`), openFrom ? FRACTION_NOT_ZERO : optional(FRACTION)));
    if (!openTo && (from < to || !openFrom)) options.push(literal(`${to}`));
    return choice(...options);
  });
}

type Magnitudes = (from: bigint, to: bigint, openFrom: boolean, openTo: boolean) => Expression;

/** Both sides of zero by what is right of it. */
function signed({ least, most, isAbove = false, isBelow = false }: Bounds, between: Magnitudes): Expression {
  const [low, high] = [least ?? -(10n ** MOST_DIGITS - 1n), most ?? 10n ** MOST_DIGITS - 1n];
  const options: Expression[] = [];
  if (high >= 0n)
    options.push(low >= 0n ? between(low, high, isAbove, isBelow) : between(0n, high, false, isBelow));
  if (low < 0n)
    options.push(
      sequence(
        literal("-"),
        // no "-0": where zero is within, the other side has it
        high < 0n ? between(-high, -low, isBelow, isAbove) : between(0n, -low, true, isAbove),
      ),
    );
  return choice(...options);
}

/** From 0 on. */
function wholeBetween(from: bigint, to: bigint): Expression {
  const [a, b] = [`${from}`, `${to}`];
  if (a.length === b.length) return sameLength(a, b);
  const options = [sameLength(a, "9".repeat(a.length)), sameLength(`1${"0".repeat(b.length - 1)}`, b)];
  if (b.length - a.length > 1) options.push(sequence(NONZERO, repeat(DIGIT, a.length, b.length - 2)));
  return choice(...options);
}

/** Digits from `a` to `b`, as many as they have. */
function sameLength(a: string, b: string): Expression {
  if (a === "") return EMPTY;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (/^0*$/.test(a) && /^9*$/.test(b)) return repeat(DIGIT, a.length, a.length);
  if (a[0] === b[0]) return sequence(literal(a[0]!), sameLength(restA, restB));
  const options = [
    sequence(literal(a[0]!), sameLength(restA, "9".repeat(restA.length))),
    sequence(literal(b[0]!), sameLength("0".repeat(restB.length), restB)),
  ];
  const [first, last] = [a.charCodeAt(0) + 1, b.charCodeAt(0) - 1];
  if (first <= last) options.push(sequence(oneOf([first, last]), repeat(DIGIT, restA.length, restA.length)));
  return choice(...options);
}
