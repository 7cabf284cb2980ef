/** Grammars over tokens: masks are what trying each token gives, on small vocabularies and on mneme-lm's. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { TINY_EOS, tinyTokenizer } from "../../../test/support/tiny-tokenizer.ts";
import { Random } from "../../linalg/random.ts";
import { openTokenizer, type Tokenizer } from "../tokenizer.ts";
import { type Constraint, constraintOf, type Vocabulary } from "./constraint.ts";
import type { Grammar } from "./expression.ts";
import { parseGbnf } from "./gbnf.ts";
import { grammarOfSchema } from "./json-schema.ts";
import { programOf } from "./program.ts";
import { Recogniser, type State } from "./recogniser.ts";
import { tokenBytes } from "./token-bytes.ts";

const isIn = (mask: Uint32Array, token: number): boolean => ((mask[token >> 5]! >>> (token & 31)) & 1) === 1;
const tokensOf = (constraint: Constraint, size: number): number[] => {
  const mask = constraint.allowed();
  return Array.from({ length: size }, (_, token) => token).filter((token) => isIn(mask, token));
};

/** Walks with tokens drawn from the masks, each mask against trying all tokens from the beginning of the text. */
function expectMasks(
  tokenizer: Tokenizer,
  { vocabulary, eos }: Vocabulary,
  grammar: Grammar,
  seed: number,
  steps: number,
): string {
  const random = new Random(seed);
  const constraint = constraintOf(tokenizer, { vocabulary, eos }, grammar);
  const recogniser = new Recogniser(programOf(grammar));
  const bytes = tokenBytes(tokenizer, vocabulary);
  const after = (state: State | undefined, token: number): State | undefined =>
    bytes[token]!.reduce<State | undefined>((at, byte) => at && recogniser.step(at, byte), state);
  let state: State | undefined = recogniser.start;
  const text: number[] = [];
  while (!constraint.done && text.length < steps) {
    const tried = Array.from(bytes.keys()).filter((token) =>
      eos.includes(token) ? state!.ends : bytes[token]!.length > 0 && after(state, token) !== undefined,
    );
    expect(tokensOf(constraint, vocabulary)).toEqual(tried);
    const token = tried[random.integer(tried.length)]!;
    constraint.accept(token);
    if (eos.includes(token)) break;
    text.push(token);
    state = after(state, token);
  }
  return tokenizer.decode(text);
}

const GRAMMARS: readonly Grammar[] = [
  parseGbnf('root ::= ("é日😀" | [^a-z"\\x00-\\x1f]{1,4}) ","? | root-b+\nroot-b ::= "b" | "b,"'),
  grammarOfSchema({
    properties: { name: { type: "string" }, when: { format: "date" }, of: { type: ["integer", "null"] } },
    required: ["of"],
  }),
  grammarOfSchema(true),
];

describe("masks are what trying each token gives", () => {
  const tiny = tinyTokenizer([
    "ab",
    'b"',
    "b,",
    "é日",
    new TextEncoder().encode("日😀").slice(0, 5),
    Uint8Array.of(0xa5, 0x2c),
    '{"',
    '"of":',
    "null}",
    "12",
    "12",
    "2024-",
  ]);

  test.each(GRAMMARS.map((grammar, i) => [i, grammar] as const))(
    "on a tiny vocabulary, grammar %i",
    (_, grammar) => {
      for (let seed = 0; seed < 30; seed++)
        expectMasks(tiny, { vocabulary: tiny.size + 5, eos: [TINY_EOS] }, grammar, seed, 40);
    },
  );

  const folder = fileURLToPath(new URL("../../../../shared/models/mneme-lm", import.meta.url));
  test.skipIf(!existsSync(join(folder, "tokenizer.json")))("on mneme-lm's", async () => {
    const file = join(folder, "tokenizer.json");
    const tokenizer = await openTokenizer(readFileSync(file, "utf8"), {}, 0, file);
    for (const grammar of GRAMMARS)
      for (let seed = 0; seed < 2; seed++)
        expectMasks(tokenizer, { vocabulary: 16_384, eos: [1] }, grammar, seed, 12);
    const table = tokenBytes(tokenizer, 16_384);
    const text = 'Größe "日本" 😀\n\tend';
    const spelled = tokenizer.encode(text).flatMap((token) => [...table[token]!]);
    expect(new TextDecoder().decode(Uint8Array.from(spelled))).toBe(text);
    expect([0, 1, 2, 3, 4, 5].map((token) => table[token]!.length)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("pieces with ▁ and bytes", async () => {
  const shown = ["<unk>", "<s>", "</s>", "<0x0A>", "<0xC3>", "<0xA9>", "▁", "▁yes", "yes", "no", "[TOOL]"];
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const pieces = [...shown, ...bytes.filter((piece) => piece !== "<0x21>" && !shown.includes(piece))];
  const vocabulary = pieces.length;
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const special = [0, 1, 2].map((id) => ({
    id,
    content: pieces[id],
    special: true,
    normalized: false,
    single_word: false,
    lstrip: false,
    rstrip: false,
  }));
  const json = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    added_tokens: [...special, { ...special[0], id: 10, content: "[TOOL]", special: false }],
    model: { type: "BPE", vocab, merges: [], byte_fallback: true, unk_token: "<unk>" },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
  };
  const tokenizer = await openTokenizer(JSON.stringify(json), {}, 1, "tokenizer.json");

  test("are read as what they stand for", () => {
    const texts = tokenBytes(tokenizer, vocabulary + 1).map((bytes) => Buffer.from(bytes).toString("latin1"));
    expect(texts.slice(0, 13)).toEqual([
      "",
      "",
      "",
      "\n",
      "\xc3",
      "\xa9",
      " ",
      " yes",
      "yes",
      "no",
      "[TOOL]",
      "\0",
      "\x01",
    ]);
    expect(texts.slice(-2)).toEqual(["\xff", ""]);
  });

  test("a character of two bytes takes two tokens", () => {
    const constraint = constraintOf(
      tokenizer,
      { vocabulary, eos: [2] },
      parseGbnf('root ::= [é] " "? "yes"?'),
    );
    expect(tokensOf(constraint, 11)).toEqual([4]);
    constraint.accept(4);
    expect(tokensOf(constraint, 11)).toEqual([5]);
    constraint.accept(5);
    expect(tokensOf(constraint, 11)).toEqual([2, 6, 7, 8]);
    constraint.accept(7);
    expect([constraint.done, tokensOf(constraint, 11)]).toEqual([true, [2]]);
    constraint.accept(2);
    expect([constraint.done, tokensOf(constraint, 11)]).toEqual([true, [2]]);
  });

  test("a grammar that this vocabulary cannot write", () => {
    const constraint = constraintOf(tokenizer, { vocabulary, eos: [2] }, parseGbnf('root ::= "yes" "!"'));
    constraint.accept(8);
    expect(() => constraint.allowed()).toThrow(/no token of this model's vocabulary goes on from here/);
    expect(() => constraint.accept(2)).toThrow(/token 2 may not come here/);
    expect(() => constraint.accept(9)).toThrow(/token 9 may not come here/);
  });
});

test("a grammar with too many readings of every text is given up", () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const words = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => a + b + c)));
  const tokenizer = tinyTokenizer(words);
  const rules = letters.map((char) => `"${char}" root "${char}" | "${char}" root "-"`).join(" | ");
  const constraint = constraintOf(
    tokenizer,
    { vocabulary: tokenizer.size, eos: [TINY_EOS] },
    parseGbnf(`root ::= "!" | ${rules}`),
  );
  for (const token of tokenizer.encode("letters")) constraint.accept(token);
  expect(() => constraint.allowed()).toThrow(/can be read in too many ways/);
});

test("a token that ends texts is no part of them, whatever its spelling", () => {
  const tokenizer = tinyTokenizer(["end"]);
  const vocabulary = tokenizer.size;
  const last = vocabulary - 1;
  const grammar = parseGbnf('root ::= "end" "end"?');
  const plain = constraintOf(tokenizer, { vocabulary, eos: [TINY_EOS] }, grammar);
  expect(isIn(plain.allowed(), last)).toBe(true);
  const other = constraintOf(tokenizer, { vocabulary, eos: [last] }, grammar);
  expect(isIn(other.allowed(), last)).toBe(false);
  for (const token of tokenizer.encode("end")) other.accept(token);
  expect([isIn(other.allowed(), last), isIn(other.allowed(), TINY_EOS)]).toEqual([true, false]);
});

test("what was found is given up when it is large, and found again", () => {
  const tokenizer = tinyTokenizer([]);
  const vocabulary = { vocabulary: 2 ** 20, eos: [TINY_EOS] };
  const constraint = constraintOf(tokenizer, vocabulary, parseGbnf("root ::= [a-y]{300} [z]"));
  const [a, z] = tokenizer.encode("az") as [number, number];
  for (let i = 0; i < 300; i++) {
    const mask = constraint.allowed();
    expect([isIn(mask, a), isIn(mask, z)]).toEqual([true, false]);
    constraint.accept(a);
  }
  expect([isIn(constraint.allowed(), a), isIn(constraint.allowed(), z)]).toEqual([false, true]);
  constraint.accept(z);
  expect(constraint.done).toBe(true);
});
