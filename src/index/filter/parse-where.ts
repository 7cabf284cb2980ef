/** Filters as people type them: `year >= 2020 AND (lang = en OR lang in (de, fr)) AND NOT draft = true`, or JSON. */
import { MnemeError } from "../../errors.ts";
import { compileWhere, MAX_WHERE_DEPTH, shown } from "./compile-where.ts";
import type { Condition, Scalar, Where } from "./where.ts";

/** A symbol, the beginning of a quoted text, or a bare word. */
const TOKEN = /\s*(?:([(),]|>=|<=|!=|==|=|>|<)|(["'])|([^\s(),=<>!]+))/y;
/** Operators between a field and one value, and their names in a Where. */
const COMPARISONS = new Map([
  ["=", "eq"],
  ["==", "eq"],
  ["!=", "ne"],
  [">", "gt"],
  [">=", "gte"],
  ["<", "lt"],
  ["<=", "lte"],
] as const satisfies [string, keyof Condition][]);
/** Tokens before a fault that its message repeats. */
const SHOWN_TOKENS = 8;
const OPERATORS = "=, !=, <, <=, >, >=, in, not in, exists, startswith";

interface Token {
  readonly text: string;
  readonly kind: "symbol" | "quoted" | "word";
}

/** @throws MnemeError ARGUMENT showing where it stopped understanding. */
export function parseWhere(text: string): Where {
  const where = text.trim().startsWith("{") ? fromJson(text) : new Parser(text).parse();
  compileWhere(where);
  return where;
}

function fromJson(text: string): Where {
  try {
    return JSON.parse(text) as Where;
  } catch (cause) {
    throw new MnemeError("ARGUMENT", `filter ${shown(text)}: begins like JSON but is not`, { cause });
  }
}

class Parser {
  readonly #text: string;
  readonly #tokens: Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  parse(): Where {
    const where = this.#or();
    if (this.#at < this.#tokens.length) throw this.#fail("AND, OR or the end");
    return where;
  }

  #or(): Where {
    const parts = [this.#and()];
    while (this.#word("or")) parts.push(this.#and());
    return parts.length === 1 ? parts[0]! : { or: parts };
  }

  #and(): Where {
    const parts = [this.#term()];
    while (this.#word("and")) parts.push(this.#term());
    return parts.length === 1 ? parts[0]! : { and: parts };
  }

  #term(): Where {
    if (++this.#depth > MAX_WHERE_DEPTH) throw this.#fail(`at most ${MAX_WHERE_DEPTH} filters in each other`);
    const term = this.#nested() ?? this.#comparison();
    this.#depth--;
    return term;
  }

  #nested(): Where | undefined {
    if (this.#word("not")) return { not: this.#term() };
    if (!this.#symbol("(")) return undefined;
    const inner = this.#or();
    this.#expect(")");
    return inner;
  }

  #comparison(): Where {
    const field = this.#operand("a field name").text;
    return { fields: { [field]: this.#condition() } };
  }

  #condition(): Condition {
    if (this.#word("exists")) return { exists: true };
    if (this.#word("in")) return { in: this.#list() };
    if (this.#word("not")) {
      if (this.#word("in")) return { nin: this.#list() };
      throw this.#fail("IN after NOT");
    }
    if (this.#word("startswith")) return { startsWith: this.#operand("a text").text };
    const token = this.#tokens[this.#at];
    const operator = token?.kind === "symbol" ? COMPARISONS.get(token.text as "=") : undefined;
    if (!operator) throw this.#fail(`an operator (${OPERATORS})`);
    this.#at++;
    return { [operator]: scalarOf(this.#operand("a value")) };
  }

  #list(): Scalar[] {
    this.#expect("(");
    const values = [scalarOf(this.#operand("a value"))];
    while (this.#symbol(",")) values.push(scalarOf(this.#operand("a value")));
    this.#expect(")");
    return values;
  }

  #word(word: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "word" || token.text.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }

  #symbol(symbol: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "symbol" || token.text !== symbol) return false;
    this.#at++;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#symbol(symbol)) throw this.#fail(symbol);
  }

  /** A field or a value: a word or a quoted text. */
  #operand(wanted: string): Token {
    const token = this.#tokens[this.#at];
    if (token?.kind === "symbol") throw this.#fail(wanted, "; a value that is a sign goes in quotes");
    if (!token) throw this.#fail(wanted);
    this.#at++;
    return token;
  }

  #fail(wanted: string, advice = ""): MnemeError {
    const seen = this.#tokens
      .slice(Math.max(0, this.#at - SHOWN_TOKENS), this.#at)
      .map(({ text }) => text)
      .join(" ");
    const got = this.#tokens[this.#at];
    const place = this.#at === 0 ? "at the start" : `after ${shown(seen)}`;
    return refusal(
      this.#text,
      `expected ${wanted} ${place}, got ${got ? shown(got.text) : "the end"}${advice}`,
    );
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  for (let at = 0; at < end; ) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw refusal(text, `cannot read ${shown(text.slice(at))}`);
    const [whole, symbol, quote, word] = match;
    at += whole.length;
    if (quote) {
      const close = closingQuote(text, at, quote);
      if (close < 0) throw refusal(text, `the quote before ${shown(text.slice(at))} is never closed`);
      tokens.push({ text: text.slice(at, close).replace(/\\([\s\S])/g, "$1"), kind: "quoted" });
      at = close + 1;
    } else tokens.push(symbol ? { text: symbol, kind: "symbol" } : { text: word!, kind: "word" });
  }
  return tokens;
}

/** The next quote that no backslash stands before; -1 when there is none. No pattern: it would need a stack as long as the text. */
function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

/** Numbers, true, false and null are themselves unless quoted. */
function scalarOf({ text, kind }: Token): Scalar {
  if (kind === "quoted") return text;
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

function refusal(text: string, why: string): MnemeError {
  return new MnemeError("ARGUMENT", `filter ${shown(text)}: ${why}`);
}
