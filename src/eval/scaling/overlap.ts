/**
 * What two texts share, by words: the Jaccard coefficient of their shingles (Broder, On the resemblance and containment of documents,
 * 1997), exact instead of by MinHash because only the few documents that reach the top of a list are ever compared; and the longest run
 * of words that stands in both.
 */

/** Words of a shingle. */
const SHINGLE_WORDS = 13;

/** Words of a text as numbers, and its shingles: what overlaps are computed from. */
export interface Shingled {
  /** Hash of each word, in order. */
  readonly words: Uint32Array;
  /** Hashes of all runs of `SHINGLE_WORDS` words; empty for shorter texts. */
  readonly shingles: ReadonlySet<number>;
}

/** Case, punctuation and spaces do not count. */
export function shingled(text: string): Shingled {
  const words = Uint32Array.from(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [], hashOf);
  const shingles = new Set<number>();
  for (let from = 0; from + SHINGLE_WORDS <= words.length; from++) {
    let hash = 0x811c9dc5;
    let other = 0;
    for (let i = from; i < from + SHINGLE_WORDS; i++) {
      hash = Math.imul(hash ^ words[i]!, 0x01000193);
      other = Math.imul((other << 5) ^ (other >>> 27) ^ words[i]!, 0xcc9e2d51);
    }
    // 53 bits: equal hashes of different shingles are not to be expected
    shingles.add((hash >>> 0) * 2 ** 21 + (other >>> 11));
  }
  return { words, shingles };
}

function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Share of all shingles of both texts that both have; 0 where neither has one. */
export function jaccard(a: Shingled, b: Shingled): number {
  const [few, many] = a.shingles.size < b.shingles.size ? [a.shingles, b.shingles] : [b.shingles, a.shingles];
  let shared = 0;
  for (const shingle of few) if (many.has(shingle)) shared++;
  const all = few.size + many.size - shared;
  return all === 0 ? 0 : shared / all;
}

/** Whether the coefficient is above `limit`; most pairs are seen to be below it after a few shingles. */
export function isAlike(a: Shingled, b: Shingled, limit: number): boolean {
  const [few, many] = a.shingles.size < b.shingles.size ? [a.shingles, b.shingles] : [b.shingles, a.shingles];
  const needed = (limit * (few.size + many.size)) / (1 + limit);
  let possible = few.size;
  for (const shingle of few) if (!many.has(shingle) && --possible <= needed) return false;
  return possible > needed;
}

/** Words of the longest run that stands in both texts. Time of the product of their lengths. */
export function longestSharedRun({ words: a }: Shingled, { words: b }: Shingled): number {
  let before = new Uint32Array(b.length + 1);
  let now = new Uint32Array(b.length + 1);
  let longest = 0;
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++) {
      const run = a[i] === b[j] ? before[j]! + 1 : 0;
      now[j + 1] = run;
      if (run > longest) longest = run;
    }
    [before, now] = [now, before];
  }
  return longest;
}
