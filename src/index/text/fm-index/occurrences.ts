/** Where a pattern occurs. */

/** Occurrences, ascending by document and by offset. Parallel arrays. */
export interface Occurrences {
  readonly documents: Uint32Array;
  /** Byte of the document with which the occurrence begins. */
  readonly offsets: Uint32Array;
}

/** In place, by document and then by offset. */
export function sortOccurrences({ documents, offsets }: Occurrences): Occurrences {
  const keys = Float64Array.from(documents, (document, i) => document * 2 ** 32 + offsets[i]!).sort();
  for (const [i, key] of keys.entries()) {
    documents[i] = Math.floor(key / 2 ** 32);
    offsets[i] = key % 2 ** 32;
  }
  return { documents, offsets };
}
