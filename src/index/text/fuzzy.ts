/** Typo tolerance: dictionary terms within a Damerau-Levenshtein distance (Damerau 1964, restricted to adjacent transpositions). */

/** Distance allowed for a word: none below 4 letters, 1 below 8, then 2. */
export function allowedEdits(word: string): number {
  return word.length < 4 ? 0 : word.length < 8 ? 1 : 2;
}

/** Longest word, in bytes, whose distance is computed; terms are cut at 64 characters when they are indexed. */
const MAX_BYTES = 256;

const rows = [new Uint8Array(MAX_BYTES + 1), new Uint8Array(MAX_BYTES + 1), new Uint8Array(MAX_BYTES + 1)];

/**
 * Distance between two UTF-8 words (of bytes, which for one-byte letters is the distance of letters), or limit + 1 when it is larger.
 * @param length bytes of `b` that count
 */
export function editDistance(a: Uint8Array, b: Uint8Array, length: number, limit: number): number {
  const beyond = limit + 1;
  if (Math.abs(a.length - length) > limit || a.length > MAX_BYTES || length > MAX_BYTES) return beyond;
  let [older, old, row] = rows as [Uint8Array, Uint8Array, Uint8Array];
  for (let j = 0; j <= length; j++) old[j] = j;
  for (let i = 1; i <= a.length; i++) {
    row[0] = i;
    let best = i;
    // outside this band every cell is larger than the limit
    const first = Math.max(1, i - limit);
    const last = Math.min(length, i + limit);
    if (first > 1) row[first - 1] = beyond;
    for (let j = first; j <= last; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = old[j - 1]! + (same ? 0 : 1);
      if (j < i + limit && old[j]! + 1 < cost) cost = old[j]! + 1;
      if (row[j - 1]! + 1 < cost) cost = row[j - 1]! + 1;
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] && older[j - 2]! + 1 < cost)
        cost = older[j - 2]! + 1;
      row[j] = cost;
      if (cost < best) best = cost;
    }
    if (best > limit) return beyond;
    [older, old, row] = [old, row, older];
  }
  return Math.min(old[length]!, beyond);
}
