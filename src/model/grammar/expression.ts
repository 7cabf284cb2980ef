/** What a grammar is made of: named rules over literals, classes of characters, sequences, choices and repetitions. */
import { type ByteSet, charactersOf, complement, type Range } from "./code-points.ts";

export type Expression =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "class"; readonly ranges: readonly Range[] }
  /** One byte of these: a part of a character. */
  | { readonly kind: "bytes"; readonly set: ByteSet }
  | { readonly kind: "rule"; readonly name: string }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly options: readonly Expression[] }
  | { readonly kind: "repeat"; readonly part: Expression; readonly min: number; readonly max: number };

export interface Grammar {
  /** Name of the rule that the whole text follows. */
  readonly root: string;
  readonly rules: ReadonlyMap<string, Expression>;
}

export function literal(text: string): Expression {
  return { kind: "literal", text };
}

/** One character of these ranges, or single characters. */
export function oneOf(...members: readonly (Range | string)[]): Expression {
  return { kind: "class", ranges: charactersOf(...members) };
}

/** One character, none of these. */
export function noneOf(...members: readonly (Range | string)[]): Expression {
  return { kind: "class", ranges: complement(charactersOf(...members)) };
}

export function rule(name: string): Expression {
  return { kind: "rule", name };
}

export function sequence(...parts: readonly Expression[]): Expression {
  return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
}

/** One of them; of none: no text at all. */
export function choice(...options: readonly Expression[]): Expression {
  return options.length === 1 ? options[0]! : { kind: "choice", options };
}

export function repeat(part: Expression, min: number, max: number = Number.POSITIVE_INFINITY): Expression {
  return { kind: "repeat", part, min, max };
}

export function optional(part: Expression): Expression {
  return repeat(part, 0, 1);
}

/** What no text follows: a choice that it is in goes without it. */
export const NOTHING: Expression = choice();

/** What the empty text alone follows. */
export const EMPTY: Expression = literal("");
