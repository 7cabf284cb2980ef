/**
 * Strings of JSON that match a regular expression (the `pattern` keyword, ECMA-262): literals, classes, groups, alternatives,
 * repetitions, and anchors at the ends. Not read: looking around, references back, borders of words, properties of characters.
 */
import { charactersOf, complement, intersection, type Range } from "./code-points.ts";
import { choice, EMPTY, type Expression, literal, NOTHING, repeat, rule, sequence } from "./expression.ts";
import { unsupported, wrong } from "./schema.ts";

const NEEDS_ESCAPE: readonly Range[] = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];

const CLASSES: Readonly<Record<string, readonly Range[]>> = {
  d: charactersOf([0x30, 0x39]),
  w: charactersOf([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a], "_"),
  s: charactersOf("\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff", [0x2000, 0x200a]),
};
const NOT_LINE_ENDS = complement(charactersOf("\n\r\u2028\u2029"));
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", v: "\v", f: "\f", "0": "\0" };
const COUNTS = /\{(\d+)(?:(,)(\d*))?\}/y;
const MOST_DEPTH = 100;

/** What stands between the quotes. @throws MnemeError ARGUMENT for what is no expression, UNSUPPORTED for what is not read */
export function patternExpression(pattern: unknown, path: string): Expression {
  if (typeof pattern !== "string") throw wrong(path, "pattern must be text");
  const why = refusal(pattern, "u") && refusal(pattern, "");
  if (why !== undefined)
    throw wrong(path, `pattern ${JSON.stringify(pattern)} is no regular expression: ${why}`);
  return new PatternParser(pattern, path).whole();
}

/** Why the platform does not read an expression: of whole characters, or as many write them, with signs escaped that need not be. */
function refusal(pattern: string, flags: "u" | ""): string | undefined {
  try {
    new RegExp(pattern, flags);
    return undefined;
  } catch (cause) {
    return (cause as Error).message;
  }
}

class PatternParser {
  readonly #text: string;
  readonly #path: string;
  #at = 0;
  #depth = 0;

  constructor(text: string, path: string) {
    this.#text = text;
    this.#path = path;
  }

  /** Alternatives, each with its own anchors; where there is none, any characters. */
  whole(): Expression {
    const any = repeat(rule("character"), 0);
    const options: Expression[] = [];
    do {
      const before = this.#take("^") ? EMPTY : any;
      const inner = this.#sequence();
      const after = this.#take("$") ? EMPTY : any;
      if (this.#at < this.#text.length && this.#text[this.#at] !== "|") this.#refuse("an anchor within");
      options.push(sequence(before, inner, after));
    } while (this.#take("|"));
    return choice(...options);
  }

  #choice(): Expression {
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    return choice(...options);
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#text.length && !"|)$".includes(this.#text[this.#at]!))
      parts.push(this.#counted(this.#part()));
    return sequence(...parts);
  }

  #part(): Expression {
    if (this.#take("(")) return this.#group();
    if (this.#take("[")) return characters(this.#class());
    if (this.#take(".")) return characters(NOT_LINE_ENDS);
    if ("^*+?{".includes(this.#text[this.#at]!)) this.#refuse(`"${this.#text[this.#at]}" here`);
    return characters(this.#character());
  }

  #group(): Expression {
    if (this.#take("?") && !this.#take(":")) this.#refuse("a group with ? that is not (?:");
    if (++this.#depth > MOST_DEPTH) this.#refuse(`more than ${MOST_DEPTH} groups in each other`);
    const inner = this.#choice();
    if (!this.#take(")")) this.#refuse("an anchor within");
    this.#depth--;
    return inner;
  }

  #class(): readonly Range[] {
    const negated = this.#take("^");
    const out: Range[] = [];
    while (!this.#take("]")) {
      const first = this.#character();
      const isRange = this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]";
      if (isRange) this.#at++;
      const last = isRange ? this.#character() : first;
      if (isRange && (size(first) !== 1 || size(last) !== 1)) this.#refuse("a range of classes");
      out.push(...(isRange ? [[first[0]![0], last[0]![0]] as const] : first));
    }
    return negated ? complement(out) : out;
  }

  /** A character, or the characters of an escape such as \d. */
  #character(): readonly Range[] {
    const code = this.#text.codePointAt(this.#at)!;
    this.#at += code > 0xffff ? 2 : 1;
    return code === 0x5c ? this.#escape() : [[code, code]];
  }

  #escape(): readonly Range[] {
    const char = this.#text[this.#at++]!;
    const set = CLASSES[char.toLowerCase()];
    if (set) return char === char.toLowerCase() ? set : complement(set);
    if (Object.hasOwn(CONTROLS, char) && !(char === "0" && /\d/.test(this.#text[this.#at] ?? "")))
      return charactersOf(CONTROLS[char]!);
    const hex = /^(?:x([0-9a-f]{2})|u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\})/i.exec(
      this.#text.slice(this.#at - 1),
    );
    if (hex) {
      this.#at += hex[0].length - 1;
      const code = Number.parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
      const whole = hex[2] === undefined ? code : this.#joined(code);
      return [[whole, whole]];
    }
    if (/[\w]/.test(char)) this.#refuse(`\\${char}`);
    return charactersOf(char);
  }

  /** The character of a pair whose second half is escaped behind the first. */
  #joined(first: number): number {
    const second = /^\\u(d[c-f][0-9a-f]{2})/i.exec(this.#text.slice(this.#at, this.#at + 6));
    if (first < 0xd800 || first > 0xdbff || !second) return first;
    this.#at += 6;
    return String.fromCharCode(first, Number.parseInt(second[1]!, 16)).codePointAt(0)!;
  }

  /** A "?" behind the sign asks for few: the same strings. */
  #counted(part: Expression): Expression {
    const counts = this.#counts();
    if (!counts) return part;
    this.#take("?");
    return repeat(part, ...counts);
  }

  #counts(): [number, number] | undefined {
    if (this.#take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#take("?")) return [0, 1];
    COUNTS.lastIndex = this.#at;
    const found = COUNTS.exec(this.#text);
    if (!found) return undefined;
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : Number(found[3] || Number.POSITIVE_INFINITY);
    return [min, max];
  }

  #take(sign: string): boolean {
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #refuse(what: string): never {
    throw unsupported(
      this.#path,
      `pattern ${JSON.stringify(this.#text)} has ${what}, which is not supported`,
    );
  }
}

/** One of the characters as a string of JSON spells it: escaped where it must be. */
function characters(set: readonly Range[]): Expression {
  const plain = intersection(set, complement(NEEDS_ESCAPE));
  const escaped = intersection(set, NEEDS_ESCAPE).flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, i) =>
      literal(JSON.stringify(String.fromCharCode(first + i)).slice(1, -1)),
    ),
  );
  return plain.length === 0 && escaped.length === 0
    ? NOTHING
    : choice(...(plain.length > 0 ? [{ kind: "class", ranges: plain } as const] : []), ...escaped);
}

function size(set: readonly Range[]): number {
  return set.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}
