/**
 * Pre-tokenisation of the bundled model: the pieces that its pattern cuts a text into, by one scan instead of a regular expression.
 * The pattern: '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}{1,4}| ?[^\s\p{L}\p{N}]+|\s+
 */

const UNKNOWN = 0;
const LETTER = 1;
const NUMBER = 2;
const SPACE = 3;
const OTHER = 4;

/** The pattern that `forEachPiece` implements; another one is not ours to scan. */
export const PIECE_PATTERN = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}{1,4}| ?[^\\s\\p{L}\\p{N}]+|\\s+";

const MAX_DIGITS = 4;
const kinds = new Uint8Array(65_536);

function kindOf(text: string, at: number): number {
  const code = text.charCodeAt(at);
  const known = kinds[code]!;
  if (known !== UNKNOWN) return known;
  if (code >= 0xd800 && code < 0xe000) return classify(String.fromCodePoint(text.codePointAt(at)!));
  const kind = classify(text[at]!);
  kinds[code] = kind;
  return kind;
}

function classify(char: string): number {
  if (/\p{L}/u.test(char)) return LETTER;
  if (/\p{N}/u.test(char)) return NUMBER;
  return /\s/u.test(char) ? SPACE : OTHER;
}

/** UTF-16 units of the character at `at`. */
function widthAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < 0xd800 || code > 0xdbff) return 1;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next < 0xe000 ? 2 : 1;
}

/** Calls `visit` with the UTF-16 range of each piece, in order; pieces cover the text. @returns false when visit stopped it */
export function forEachPiece(text: string, visit: (start: number, end: number) => boolean): boolean {
  let at = 0;
  while (at < text.length) {
    const end = pieceEnd(text, at);
    if (!visit(at, end)) return false;
    at = end;
  }
  return true;
}

function pieceEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === 0x27) {
    const contraction = contractionAt(text, start + 1);
    if (contraction > 0) return start + 1 + contraction;
  }
  const body = first === 0x20 && start + 1 < text.length ? start + 1 : start;
  const kind = kindOf(text, body);
  if (kind === SPACE) return runOf(text, start, SPACE, Number.POSITIVE_INFINITY);
  return runOf(text, body, kind, kind === NUMBER ? MAX_DIGITS : Number.POSITIVE_INFINITY);
}

function runOf(text: string, start: number, kind: number, limit: number): number {
  let at = start;
  for (let count = 0; count < limit && at < text.length && kindOf(text, at) === kind; count++)
    at += widthAt(text, at);
  return at;
}

function contractionAt(text: string, at: number): number {
  const two = text.slice(at, at + 2);
  if (two === "ll" || two === "ve" || two === "re") return 2;
  const one = two[0];
  return one === "s" || one === "d" || one === "m" || one === "t" ? 1 : 0;
}
