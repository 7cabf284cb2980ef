/** A grammar made ready for reading bytes: rules of alternatives, each a run of byte sets, calls of rules and counted calls. */
import { MnemeError } from "../../errors.ts";
import { checkLeftRecursion, nullableRules, productiveRules } from "./analysis.ts";
import { type ByteSet, byteSet, type Range, utf8Spellings } from "./code-points.ts";
import type { Expression, Grammar } from "./expression.ts";

export type Element =
  | { readonly kind: "bytes"; readonly set: ByteSet }
  | { readonly kind: "call"; readonly rule: number; readonly min: number; readonly max: number };

export interface Rule {
  /** Of the named rule that it is a part of. */
  readonly name: string;
  readonly alternatives: readonly (readonly Element[])[];
}

export interface Program {
  /** All alternatives one behind the other; undefined where one ends. A call may be made any number of times from min to max. */
  readonly elements: readonly (Element | undefined)[];
  /** For each rule where its alternatives begin. */
  readonly starts: readonly (readonly number[])[];
  readonly root: number;
}

/** Beyond them a grammar is refused; a repetition counts once, however often it repeats. */
const MOST_ELEMENTS = 2 ** 20;
const MOST_DEPTH = 1000;
const MOST_REPEATS = 2 ** 31 - 1;

/** @throws MnemeError FORMAT for a rule that is missing, UNSUPPORTED for one that begins with itself, ARGUMENT where no text follows it, BUDGET where it is too large */
export function programOf(grammar: Grammar): Program {
  const { rules, root } = new Compiler(grammar).compile();
  const nullable = nullableRules(rules);
  checkLeftRecursion(rules, nullable);
  const productive = productiveRules(rules);
  if (!productive.has(root))
    throw new MnemeError(
      "ARGUMENT",
      `grammar: no text follows rule "${grammar.root}"; each of its alternatives calls for itself again or for a character that is not`,
    );
  const elements: (Element | undefined)[] = [];
  const starts = rules.map(({ alternatives }) =>
    alternatives
      .map((alternative) => kept(alternative, nullable, productive))
      .flatMap((alternative) => {
        if (!alternative) return [];
        const start = elements.length;
        // not spread: a text may have more bytes than a call may have arguments
        for (const element of alternative) elements.push(element);
        elements.push(undefined);
        return start;
      }),
  );
  return { elements, starts, root };
}

/** What is left of an alternative without calls that never end; undefined: nothing. */
function kept(
  alternative: readonly Element[],
  nullable: ReadonlySet<number>,
  productive: ReadonlySet<number>,
): Element[] | undefined {
  const out: Element[] = [];
  for (const element of alternative) {
    if (element.kind === "bytes") {
      if (element.set.every((word) => word === 0)) return undefined;
      out.push(element);
    } else if (productive.has(element.rule)) {
      // calls that take nothing count as made
      out.push(nullable.has(element.rule) ? { ...element, min: Math.min(element.min, 0) } : element);
    } else if (element.min > 0) return undefined;
  }
  return out;
}

class Compiler {
  readonly #grammar: Grammar;
  readonly #numbers = new Map<string, number>();
  readonly #rules: { name: string; alternatives: Element[][] }[] = [];
  /** Classes by their ranges. */
  readonly #classes = new Map<string, Element>();
  readonly #bytes: (Element | undefined)[] = [];
  #elements = 0;
  #name = "";

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
    for (const name of grammar.rules.keys()) this.#numbers.set(name, this.#rule(name));
  }

  compile(): { readonly rules: readonly Rule[]; readonly root: number } {
    const root = this.#numberOf(this.#grammar.root);
    for (const [name, expression] of this.#grammar.rules) {
      this.#name = name;
      this.#rules[this.#numbers.get(name)!]!.alternatives = this.#alternatives(expression, 0);
    }
    return { rules: this.#rules, root };
  }

  #rule(name: string, alternatives: Element[][] = []): number {
    return this.#rules.push({ name, alternatives }) - 1;
  }

  #numberOf(name: string): number {
    const number = this.#numbers.get(name);
    if (number !== undefined) return number;
    throw new MnemeError("FORMAT", `grammar: rule "${name}" is called but not defined`);
  }

  #alternatives(expression: Expression, depth: number): Element[][] {
    if (depth > MOST_DEPTH)
      throw new MnemeError("BUDGET", `grammar: rule "${this.#name}" is nested deeper than ${MOST_DEPTH}`);
    return expression.kind === "choice"
      ? expression.options.flatMap((option) => this.#alternatives(option, depth + 1))
      : [this.#elementsOf(expression, depth)];
  }

  #elementsOf(expression: Expression, depth: number): Element[] {
    switch (expression.kind) {
      case "literal":
        return Array.from(new TextEncoder().encode(expression.text), (byte) => this.#byte(byte));
      case "class":
        return [this.#class(expression.ranges)];
      case "bytes":
        return [this.#counted({ kind: "bytes", set: expression.set })];
      case "rule":
        return [call(this.#numberOf(expression.name), 1, 1)];
      case "sequence":
        return expression.parts.flatMap((part) => this.#elementsOf(part, depth + 1));
      case "choice":
        return [this.#part(expression, 1, 1, depth)];
      case "repeat":
        return this.#repeat(expression, depth);
      default:
        return expression satisfies never;
    }
  }

  #repeat({ part, min, max }: Expression & { kind: "repeat" }, depth: number): Element[] {
    if (max === 0) return [];
    const sound = Number.isInteger(min) && min >= 0 && max >= min;
    if (!sound || min > MOST_REPEATS || (max > MOST_REPEATS && max !== Number.POSITIVE_INFINITY))
      throw new MnemeError(
        "RANGE",
        `grammar: rule "${this.#name}" repeats from ${min} to ${max} times; expected whole numbers from 0 to ${MOST_REPEATS}`,
      );
    return [this.#part(part, min, max, depth)];
  }

  /** A call of a rule, or of a rule made for the part. */
  #part(part: Expression, min: number, max: number, depth: number): Element {
    if (part.kind === "rule") return call(this.#numberOf(part.name), min, max);
    const alternatives = this.#alternatives(part, depth + 1);
    const only =
      alternatives.length === 1 && alternatives[0]!.length === 1 ? alternatives[0]![0]! : undefined;
    if (only?.kind === "call" && only.min === 1 && only.max === 1) return call(only.rule, min, max);
    return this.#counted(call(this.#rule(this.#name, alternatives), min, max), alternatives.length);
  }

  #class(ranges: readonly Range[]): Element {
    const key = ranges.join(";");
    const known = this.#classes.get(key);
    if (known) return this.#counted(known);
    const spellings = utf8Spellings(ranges);
    const element = this.#spelled(spellings);
    this.#classes.set(key, element);
    return this.#counted(element, spellings.length);
  }

  /** The byte set itself where one byte is all; else a call of a rule made for it. */
  #spelled(spellings: readonly (readonly ByteSet[])[]): Element {
    const [first = []] = spellings;
    if (spellings.length === 0) return { kind: "bytes", set: byteSet([]) };
    if (spellings.length === 1 && first.length === 1) return { kind: "bytes", set: first[0]! };
    const alternatives = spellings.map((sets) => sets.map((set): Element => ({ kind: "bytes", set })));
    return call(this.#rule(this.#name, alternatives), 1, 1);
  }

  #byte(byte: number): Element {
    this.#bytes[byte] ??= { kind: "bytes", set: byteSet([[byte, byte]]) };
    return this.#counted(this.#bytes[byte]);
  }

  #counted(element: Element, more = 0): Element {
    this.#elements += 1 + more;
    if (this.#elements > MOST_ELEMENTS)
      throw new MnemeError(
        "BUDGET",
        `grammar: more than ${MOST_ELEMENTS} characters and groups; make it smaller`,
      );
    return element;
  }
}

function call(rule: number, min: number, max: number): Element {
  return { kind: "call", rule, min, max };
}
