/** Pre-tokenisation of the bundled model: the pattern that cuts a text into pieces, and the kinds of characters that it speaks of. */
import { PieceKind } from "../kernels/index.ts";

/** The pattern that the scanner of pieces implements; another one is not ours to scan. */
export const PIECE_PATTERN = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}{1,4}| ?[^\\s\\p{L}\\p{N}]+|\\s+";

export function pieceKindOf(codePoint: number): number {
  const char = String.fromCodePoint(codePoint);
  if (/\p{L}/u.test(char)) return PieceKind.letter;
  if (/\p{N}/u.test(char)) return PieceKind.number;
  return /\s/u.test(char) ? PieceKind.space : PieceKind.other;
}
