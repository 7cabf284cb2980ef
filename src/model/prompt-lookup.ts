/**
 * Drafts by looking back: where the last tokens stood before, what followed them there may follow again (Saxena, Prompt Lookup Decoding, 2023).
 * For answers that quote what they were given.
 */

/** Tokens of a match, the longest tried first. */
const LONGEST = 4;
const SHORTEST = 2;

/** @returns up to `most` tokens that followed the latest earlier place of the last ones; none where there is no such place */
export function draftOf(tokens: readonly number[], most: number): number[] {
  for (let size = Math.min(LONGEST, tokens.length - 1); size >= SHORTEST; size--) {
    const start = tokens.length - size;
    for (let at = start - 1; at >= 0; at--) {
      if (!matches(tokens, at, start, size)) continue;
      return tokens.slice(at + size, at + size + most);
    }
  }
  return [];
}

function matches(tokens: readonly number[], at: number, start: number, size: number): boolean {
  for (let i = size - 1; i >= 0; i--) if (tokens[at + i] !== tokens[start + i]) return false;
  return true;
}
