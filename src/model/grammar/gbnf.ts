/**
 * Grammars written in GBNF, the notation of llama.cpp (its grammars/README.md): `name ::= "literal" [a-z^] other ( a | b )* c{2,5} # comment`.
 * The rule "root" is the whole text. Not read: tokens by number or name.
 */
import { MnemeError } from "../../errors.ts";
import { ALL_CHARACTERS, type Range } from "./code-points.ts";
import {
  choice,
  EMPTY,
  type Expression,
  type Grammar,
  literal,
  noneOf,
  oneOf,
  repeat,
  rule,
  sequence,
} from "./expression.ts";

/** Groups in groups at most. */
const MOST_DEPTH = 200;
const NAME = /\w[\w-]*/y;
const NUMBER = /\d+/y;
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** @throws MnemeError FORMAT with line and column, UNSUPPORTED for what is not read */
export function parseGbnf(text: string): Grammar {
  const parser = new Parser(text);
  return { root: "root", rules: parser.rules() };
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** Names that were called, and where first. */
  readonly #called = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  rules(): Map<string, Expression> {
    const rules = new Map<string, Expression>();
    for (this.#skip(true); this.#at < this.#text.length; this.#skip(true)) {
      const start = this.#at;
      const name = this.#match(NAME) ?? this.#fail("expected the name of a rule");
      this.#skip(false);
      if (!this.#take("::=")) this.#fail('expected "::="');
      if (rules.has(name)) this.#fail(`rule "${name}" is defined twice`, start);
      this.#skip(true);
      rules.set(name, this.#choice());
    }
    for (const [name, at] of this.#called)
      if (!rules.has(name)) this.#fail(`rule "${name}" is not defined`, at);
    if (!rules.has("root")) this.#fail('no rule "root"; it is the one that the whole text follows');
    return rules;
  }

  #choice(): Expression {
    const options: Expression[] = [];
    do {
      this.#skip(true);
      options.push(this.#sequence());
    } while (this.#take("|"));
    return choice(...options);
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (!this.#atEnd()) parts.push(this.#counted(this.#part()));
    return parts.length === 0 ? EMPTY : sequence(...parts);
  }

  /** Of an alternative: before "|", ")", and outside of groups before a line that does not go on with "|". */
  #atEnd(): boolean {
    this.#skip(this.#depth > 0);
    if (this.#depth === 0 && this.#isLineEnd()) {
      const line = this.#at;
      this.#skip(true);
      if (this.#text[this.#at] !== "|") this.#at = line;
      return true;
    }
    return this.#at >= this.#text.length || "|)".includes(this.#text[this.#at]!)
      ? this.#endsSoundly()
      : false;
  }

  #endsSoundly(): true {
    if (this.#depth === 0 && this.#text[this.#at] === ")") this.#fail('")" without "("');
    return true;
  }

  #part(): Expression {
    const start = this.#at;
    if (this.#take('"')) return this.#literal(start);
    if (this.#take("[")) return this.#class(start);
    if (this.#take(".")) return { kind: "class", ranges: ALL_CHARACTERS };
    if (this.#take("(")) return this.#group(start);
    if (this.#text[this.#at] === "<")
      throw new MnemeError(
        "UNSUPPORTED",
        `${this.#place(start)}: tokens in a grammar are not supported; write their text`,
      );
    const name =
      this.#match(NAME) ?? this.#fail("expected a literal, a class, a group or the name of a rule");
    if (!this.#called.has(name)) this.#called.set(name, start);
    return rule(name);
  }

  #group(start: number): Expression {
    if (++this.#depth > MOST_DEPTH) this.#fail(`more than ${MOST_DEPTH} groups in each other`, start);
    const inner = this.#choice();
    if (!this.#take(")")) this.#fail('"(" without ")"', start);
    this.#depth--;
    return inner;
  }

  #literal(start: number): Expression {
    let text = "";
    while (!this.#take('"')) {
      if (this.#at >= this.#text.length || this.#isLineEnd())
        this.#fail("a literal without its closing quote", start);
      text += String.fromCodePoint(this.#character());
    }
    return literal(text);
  }

  #class(start: number): Expression {
    const negated = this.#take("^");
    const ranges: Range[] = [];
    while (!this.#take("]")) {
      if (this.#at >= this.#text.length || this.#isLineEnd()) this.#fail('"[" without "]"', start);
      const from = this.#at;
      const first = this.#character();
      const isRange = this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]";
      if (isRange) this.#at++;
      const last = isRange ? this.#character() : first;
      if (last < first) this.#fail("a range whose end comes before its start", from);
      ranges.push([first, last]);
    }
    return negated ? noneOf(...ranges) : oneOf(...ranges);
  }

  /** One character of a literal or a class, as it is or escaped. */
  #character(): number {
    const start = this.#at;
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return this.#fail("unfinished");
    this.#at += code > 0xffff ? 2 : 1;
    const found = code === 0x5c ? this.#escape(start) : code;
    if (found > 0x10ffff || (found >= 0xd800 && found <= 0xdfff)) this.#fail("no character", start);
    return found;
  }

  #escape(start: number): number {
    const char = this.#text[this.#at++] ?? "";
    const digits = HEX_DIGITS[char];
    if (digits !== undefined) {
      const hex = this.#text.slice(this.#at, this.#at + digits);
      if (hex.length < digits || !/^[0-9a-f]+$/i.test(hex))
        this.#fail(`\\${char} with other than ${digits} hexadecimal digits behind it`, start);
      this.#at += digits;
      return Number.parseInt(hex, 16);
    }
    if (!'nrt\\"[]-^'.includes(char) || char === "") this.#fail(`unknown escape \\${char}`, start);
    return (ESCAPES[char] ?? char).charCodeAt(0);
  }

  /** The part with the signs behind it that say how often. */
  #counted(part: Expression): Expression {
    for (let out = part; ; ) {
      this.#skip(this.#depth > 0);
      if (this.#take("*")) out = repeat(out, 0);
      else if (this.#take("+")) out = repeat(out, 1);
      else if (this.#take("?")) out = repeat(out, 0, 1);
      else if (this.#text[this.#at] === "{") out = repeat(out, ...this.#counts());
      else return out;
    }
  }

  #counts(): [min: number, max: number] {
    const start = this.#at++;
    const number = (): number | undefined => {
      this.#skip(false);
      const digits = this.#match(NUMBER);
      this.#skip(false);
      return digits === undefined ? undefined : Number(digits);
    };
    const min = number();
    const hasComma = this.#take(",");
    const max = hasComma ? number() : min;
    if (!this.#take("}") || (min === undefined && max === undefined))
      this.#fail("expected {m}, {m,}, {,n} or {m,n}", start);
    const counts: [number, number] = [min ?? 0, max ?? Number.POSITIVE_INFINITY];
    if (counts[0] > counts[1]) this.#fail("a repetition whose most is below its least", start);
    if (Math.max(counts[0], max ?? 0) >= 2 ** 31) this.#fail("a repetition of 2^31 times or more", start);
    return counts;
  }

  /** Blanks and comments, and ends of lines where they mean nothing. */
  #skip(lines: boolean): void {
    for (;;) {
      if (this.#text[this.#at] === "#") while (this.#at < this.#text.length && !this.#isLineEnd()) this.#at++;
      const char = this.#text[this.#at];
      if (char !== " " && char !== "\t" && !(lines && (char === "\n" || char === "\r"))) return;
      this.#at++;
    }
  }

  #isLineEnd(): boolean {
    return this.#text[this.#at] === "\n" || this.#text[this.#at] === "\r";
  }

  #take(sign: string): boolean {
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #place(at: number): string {
    const lines = this.#text.slice(0, at).split("\n");
    return `grammar, line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
  }

  #fail(what: string, at: number = this.#at): never {
    throw new MnemeError("FORMAT", `${this.#place(at)}: ${what}`);
  }
}
