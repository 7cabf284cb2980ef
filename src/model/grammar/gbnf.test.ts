/** Grammars as they are written: what their texts are, and what is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matches } from "../../../test/support/reference-grammar.ts";
import { isMnemeError } from "../../errors.ts";
import {
  choice,
  type Expression,
  type Grammar,
  literal,
  noneOf,
  oneOf,
  repeat,
  rule,
  sequence,
} from "./expression.ts";
import { parseGbnf } from "./gbnf.ts";
import { programOf } from "./program.ts";
import { Recogniser } from "./recogniser.ts";

const recogniserOf = (text: string): Recogniser => new Recogniser(programOf(parseGbnf(text)));

const LIST = String.raw`
# a list as in Markdown
root  ::= item+
item  ::= "- " [^\r\n\x0b\x0c\x85\u2028\u2029]+ "\n"
`;
const CHESS = String.raw`
root    ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")*
move    ::= (pawn | nonpawn | castle) [+#]?
pawn    ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
castle  ::= "O-O" "-O"?
`;
const ARITHMETIC = String.raw`
root ::= (expr "=" ws num "\n")+
expr ::= term ([-+*/] term)*   # no left recursion
term ::= num
  | ( "(" ws
      expr
    ")" ws )
num  ::= [0-9]+ ws
ws   ::= [ \t\n]*
`;

const JSON_ARRAY = String.raw`
root   ::= arr
arr    ::=
  "[\n" ws (
            value
    (",\n" ws value)*
  )? "]"
value  ::= string | number | arr | ("true" | "false" | "null") ws
string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ws

# blanks, few
ws ::= | " " | "\n" [ \t]{0,20}
`;

describe("texts", () => {
  test.each([
    [LIST, ["- a\n", "- é 日本\n- b\n"], ["", "- \n", "- a", "-a\n"]],
    [
      JSON_ARRAY,
      ['[\n1.5 ,\n"a\\u00e9\\n" ,\n[\n]]', "[\n\n   true]"],
      ["[1]", '[\n"\n"]', "[\n  1]", "[\n1"],
    ],
    [CHESS, ["1. e4 e5\n", "1. e4 e5\n2. Nf3 Nc6\n3. O-O-O exd8=Q+\n"], ["1. e4\n", "1. e9 e5\n"]],
    [ARITHMETIC, ["1+2=3\n", "(1 +2)*3=9 \n1=1\n"], ["1+=3\n", "(1=1\n", "1+2"]],
    [
      'root ::= "a"{2,3} | "b"{2} "c"{0} | "d"{3,} | "e"{,2}',
      ["aa", "aaa", "bb", "ddd", "ddddd", "", "e", "ee"],
      ["a", "aaaa", "b", "bbc", "dd", "eee"],
    ],
    ['root ::= ("a"? "b"*){3,5} "!"', ["!", "ab!", "aaaaa!", "abbbabab!"], ["aaaaaa!", "c!"]],
    ['root ::= a{1000000000} | "x"\na ::= "y"?', ["", "x", "yyy"], ["xy"]],
    ['root ::= "\\u00e9\\U0001F600\\x41\\"\\\\" .', ['é😀A"\\z', 'é😀A"\\\u{10ffff}'], ['é😀A"\\', "é"]],
    ["root ::= [\\]a\\-c^] [^^] [a-]", ["]x-", "^ba", "-a-"], ["bx-", "a^-"]],
  ])("%s", (grammar, good, bad) => {
    const recogniser = recogniserOf(grammar);
    const parsed = parseGbnf(grammar);
    for (const text of good) {
      expect([text, recogniser.walk(text)?.ends]).toEqual([text, true]);
      if (!grammar.includes("1000000000")) expect(matches(parsed, text)).toBe(true);
    }
    for (const text of bad) expect([text, recogniser.walk(text)?.ends ?? false]).toEqual([text, false]);
  });

  test("a recursive rule goes as deep as the text", () => {
    const recogniser = recogniserOf('root ::= "[" root? "]"');
    const depth = 20_000;
    expect(recogniser.walk("[".repeat(depth) + "]".repeat(depth))?.ends).toBe(true);
    expect(recogniser.walk("[".repeat(depth) + "]".repeat(depth - 1))?.ends).toBe(false);
  });

  test("what can never end is not begun", () => {
    const recogniser = recogniserOf('root ::= "a" ("b" loop | "c" []? "d" | "e" [])\nloop ::= "x" loop');
    expect(["ab", "ac", "ae"].map((text) => recogniser.walk(text) !== undefined)).toEqual([
      false,
      true,
      false,
    ]);
    expect(recogniser.walk("acd")?.ends).toBe(true);
  });
});

describe("against trying everything", () => {
  const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("", "a", "ab", "é", "日a").map(literal),
      fc.constantFrom(oneOf("ab"), noneOf("a"), oneOf(["é".charCodeAt(0), 0x10ffff])),
      fc.array(tie("expression"), { minLength: 1, maxLength: 3 }).map((parts) => sequence(...parts)),
      fc.array(tie("expression"), { minLength: 1, maxLength: 3 }).map((parts) => choice(...parts)),
      fc
        .tuple(
          tie("expression"),
          fc.constantFrom<[number, number]>(
            [0, 1],
            [0, Number.POSITIVE_INFINITY],
            [1, Number.POSITIVE_INFINITY],
            [2, 3],
            [0, 2],
            [3, 3],
          ),
        )
        .map(([part, [min, max]]) => repeat(part, min, max)),
      fc.constant(rule("other")),
    ),
  }));
  const text = fc
    .array(fc.constantFrom("a", "b", "é", "日"), { maxLength: 6 })
    .map((chars) => chars.join(""));

  test("the same texts", () =>
    fc.assert(
      fc.property(expression, fc.array(text, { minLength: 1, maxLength: 8 }), (root, texts) => {
        const grammar: Grammar = {
          root: "root",
          rules: new Map([
            ["root", root],
            ["other", choice(literal("b"), sequence(literal("a"), rule("other"), literal("日")))],
          ]),
        };
        const recogniser = new Recogniser(programOf(grammar));
        for (const one of texts) expect(recogniser.walk(one)?.ends ?? false).toBe(matches(grammar, one));
      }),
      { seed: 11, numRuns: 400 },
    ));
});

describe("refused", () => {
  test.each([
    ['root ::= "a', /line 1, column 10: a literal without its closing quote/],
    ['root ::= "a"\nb = "c"', /line 2, column 3: expected "::="/],
    ['root ::= "a"\n\n  ::= "c"', /line 3, column 3: expected the name of a rule/],
    ["root ::= b\n\nc ::= [a-b]", /line 1, column 10: rule "b" is not defined/],
    ['root ::= "a"\nroot ::= "b"', /line 2, column 1: rule "root" is defined twice/],
    ['a ::= "a"', /no rule "root"/],
    ["", /no rule "root"/],
    ["root ::= [b-a]", /line 1, column 11: a range whose end comes before its start/],
    ["root ::= [ab", /line 1, column 10: "\[" without "\]"/],
    ['root ::= ("a" | "b"', /line 1, column 10: "\(" without "\)"/],
    ['root ::= "a")', /line 1, column 13: "\)" without "\("/],
    ['root ::= "\\q"', /line 1, column 11: unknown escape \\q/],
    ['root ::= "\\x4"', /\\x with other than 2 hexadecimal digits/],
    ['root ::= "\\ud800"', /no character/],
    ['root ::= "a"{3,2}', /most is below its least/],
    ['root ::= "a"{}', /expected \{m\}/],
    ['root ::= "a"{99999999999}', /column 13: a repetition of 2\^31 times or more/],
    ["root ::= * a", /column 10: expected a literal/],
    ["root ::= <[12]>", /tokens in a grammar are not supported/],
    ["root ::= root", /rule "root" begins with itself \(root > root\)/],
    ['root ::= e\ne ::= w t "+" | "1"\nt ::= e\nw ::= " "*', /rule "e" begins with itself \(e > t > e\)/],
    ['root ::= ("" root)* "a"', /rule "root" begins with itself/],
    ['root ::= "a" root', /no text follows rule "root"/],
    ["root ::= []", /no text follows/],
  ])("%s", (grammar, message) => {
    expect(() => programOf(parseGbnf(grammar))).toThrow(message);
  });

  const refusal = (grammar: string, text = ""): string | undefined => {
    try {
      recogniserOf(grammar).walk(text);
      return undefined;
    } catch (error) {
      return isMnemeError(error) ? error.code : String(error);
    }
  };

  test("hostile grammars end in an error that names them, or in nothing bad", () => {
    const many = (count: number, line: (i: number) => string): string =>
      Array.from({ length: count }, (_, i) => line(i)).join("\n");
    expect(refusal(`root ::= ${"(".repeat(10_000)}"a"${")".repeat(10_000)}`)).toBe("FORMAT");
    expect(refusal(`root ::= r0\n${many(10_000, (i) => `r${i} ::= r${i + 1}`)}\nr10000 ::= "a"`)).toBe(
      undefined,
    );
    expect(refusal(`root ::= r0\n${many(10_000, (i) => `r${i} ::= r${(i + 1) % 10_000} | "a"`)}`)).toBe(
      "UNSUPPORTED",
    );
    expect(refusal('root ::= ((("a"{0,2000000000}){0,2000000000}){2000000000})', "a".repeat(50))).toBe(
      undefined,
    );
    // each letter doubles the readings
    expect(refusal('root ::= "a" root "x" | "a" root "y" | "b"', "a".repeat(40))).toBe("BUDGET");
    expect(refusal(`root ::= "${"a".repeat(2 ** 20)}b"`)).toBe("BUDGET");
    expect(refusal(`root ::= ${'"a"?'.repeat(3000)}`, "a".repeat(20))).toBe(undefined);
  });
});
