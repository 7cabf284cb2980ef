/** A byte-level tokenizer of a token for each byte, and of some words, with one special token that ends texts. */
import type { Tokenizer } from "../../src/model/tokenizer.ts";

export const TINY_EOS = 0;

/** Tokens: the end, 256 bytes, then the words; words may be cut within a character. */
export function tinyTokenizer(
  words: readonly (string | Uint8Array)[],
): Tokenizer & { readonly size: number } {
  const tokens = [
    new Uint8Array(),
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...words.map((word) => (typeof word === "string" ? new TextEncoder().encode(word) : word)),
  ];
  const spelled = tokens.map((bytes, token) =>
    token === TINY_EOS ? "<end>" : Array.from(bytes, (byte) => spelling(byte)).join(""),
  );
  const encode = (text: string): number[] => Array.from(new TextEncoder().encode(text), (byte) => byte + 1);
  return {
    size: tokens.length,
    encode,
    encodeWhole: encode,
    decode: (list) => new TextDecoder().decode(Uint8Array.from(list.flatMap((token) => [...tokens[token]!]))),
    idOf: (token) => (spelled.includes(token) ? spelled.indexOf(token) : undefined),
    tokenOf: (id) => spelled[id],
  };
}

/** The character of GPT-2's table: printable bytes are themselves, the n-th of the others is U+0100 + n. */
function spelling(byte: number): string {
  const isPrintable = (one: number): boolean =>
    (one > 32 && one < 127) || (one > 160 && one < 256 && one !== 173);
  if (isPrintable(byte)) return String.fromCharCode(byte);
  const others = Array.from({ length: byte }, (_, one) => one).filter((one) => !isPrintable(one));
  return String.fromCharCode(256 + others.length);
}
