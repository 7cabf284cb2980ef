/** Filters as people type them: `year >= 2020 AND (lang = en OR lang in (de, fr)) AND NOT draft = true`, or JSON. */
import { MnemeError } from "../../errors.ts";
import { compileWhere } from "./compile-where.ts";
import type { Condition, Scalar, Where } from "./where.ts";

const TOKEN = /\s*(?:(\(|\)|,|>=|<=|!=|==|=|>|<)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s(),=<>!]+))/y;

interface Token {
  readonly text: string;
  readonly quoted: boolean;
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
    throw new MnemeError("ARGUMENT", `filter: ${JSON.stringify(text)} begins like JSON but is not`, {
      cause,
    });
  }
}

class Parser {
  readonly #text: string;
  readonly #tokens: Token[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  parse(): Where {
    const where = this.#or();
    if (this.#at < this.#tokens.length) throw this.#fail("expected AND, OR or the end");
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
    if (this.#word("not")) return { not: this.#term() };
    if (this.#symbol("(")) {
      const inner = this.#or();
      if (!this.#symbol(")")) throw this.#fail("expected )");
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Where {
    const field = this.#next("a field name").text;
    return { fields: { [field]: this.#condition() } };
  }

  #condition(): Condition {
    if (this.#word("exists")) return { exists: true };
    if (this.#word("in")) return { in: this.#list() };
    if (this.#word("not")) {
      if (this.#word("in")) return { nin: this.#list() };
      throw this.#fail("expected IN after NOT");
    }
    if (this.#word("startswith")) return { startsWith: this.#next("a value").text };
    const operator = this.#next("an operator (=, !=, <, <=, >, >=, in, exists, startswith)").text;
    const value = scalarOf(this.#next("a value"));
    switch (operator) {
      case "=":
      case "==":
        return { eq: value };
      case "!=":
        return { ne: value };
      case ">":
        return { gt: value as string | number };
      case ">=":
        return { gte: value as string | number };
      case "<":
        return { lt: value as string | number };
      case "<=":
        return { lte: value as string | number };
      default:
        throw this.#fail(`unknown operator ${operator}`);
    }
  }

  #list(): Scalar[] {
    if (!this.#symbol("(")) throw this.#fail("expected ( and a list");
    const values = [scalarOf(this.#next("a value"))];
    while (this.#symbol(",")) values.push(scalarOf(this.#next("a value")));
    if (!this.#symbol(")")) throw this.#fail("expected )");
    return values;
  }

  #word(word: string): boolean {
    const token = this.#tokens[this.#at];
    if (!token || token.quoted || token.text.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }

  #symbol(symbol: string): boolean {
    const token = this.#tokens[this.#at];
    if (!token || token.quoted || token.text !== symbol) return false;
    this.#at++;
    return true;
  }

  #next(wanted: string): Token {
    const token = this.#tokens[this.#at++];
    if (!token) throw this.#fail(`expected ${wanted}`);
    return token;
  }

  #fail(why: string): MnemeError {
    const seen = this.#tokens
      .slice(0, this.#at)
      .map(({ text }) => text)
      .join(" ");
    return new MnemeError(
      "ARGUMENT",
      `filter ${JSON.stringify(this.#text)}: ${why} after ${JSON.stringify(seen)}`,
    );
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match)
      throw new MnemeError(
        "ARGUMENT",
        `filter ${JSON.stringify(text)}: cannot read ${JSON.stringify(text.slice(start))}`,
      );
    const quoted = match[2] ?? match[3];
    tokens.push({
      text: quoted === undefined ? (match[1] ?? match[4])! : quoted.replace(/\\(.)/g, "$1"),
      quoted: quoted !== undefined,
    });
  }
  return tokens;
}

/** Numbers, true, false and null are themselves unless quoted. */
function scalarOf({ text, quoted }: Token): Scalar {
  if (quoted) return text;
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
