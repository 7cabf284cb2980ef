/** The bytes that each token of a vocabulary stands for, by its spelling: byte-level BPE, or pieces with "▁" for a blank and `<0xNN>` for a byte. */
import type { Tokenizer } from "../tokenizer.ts";

const BYTE_PIECE = /^<0x([0-9A-F]{2})>$/;
/** So many pieces for bytes are no words that only look like them. */
const MOST_STRAYS = 128;
const NONE = new Uint8Array();
const encoder = new TextEncoder();

/** The characters that byte-level BPE writes for bytes: printable ones for themselves, others from U+0100 on (Radford et al., Language Models are Unsupervised Multitask Learners, 2019). */
const byteOfCharacter = new Map<string, number>();
for (let byte = 0, other = 0x100; byte < 256; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  byteOfCharacter.set(String.fromCharCode(printable ? byte : other++), byte);
}

/** @returns for each token its bytes; empty for special tokens and for numbers without a token */
export function tokenBytes(tokenizer: Tokenizer, vocabulary: number): Uint8Array[] {
  const spellings = Array.from({ length: vocabulary }, (_, token) => tokenizer.tokenOf(token));
  const pieces = spellings.filter((spelling) => spelling !== undefined && BYTE_PIECE.test(spelling));
  const bytesOf = pieces.length >= MOST_STRAYS ? piece : byteLevel;
  return spellings.map((spelling, token) =>
    spelling === undefined || isSpecial(tokenizer, token) ? NONE : bytesOf(spelling),
  );
}

function byteLevel(spelling: string): Uint8Array {
  const bytes = Array.from(spelling, (char) => byteOfCharacter.get(char));
  // an added token is spelled as it is
  return bytes.includes(undefined) ? encoder.encode(spelling) : Uint8Array.from(bytes as number[]);
}

function piece(spelling: string): Uint8Array {
  const byte = BYTE_PIECE.exec(spelling)?.[1];
  return byte === undefined
    ? encoder.encode(spelling.replaceAll("▁", " "))
    : Uint8Array.of(Number.parseInt(byte, 16));
}

/** Two of it, since decoding may take a blank off the start of a text. */
function isSpecial(tokenizer: Tokenizer, token: number): boolean {
  return tokenizer.decode([token, token]) === "";
}
