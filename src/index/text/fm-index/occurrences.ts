/** Where a pattern occurs. */

/** Occurrences, ascending by document and by offset. Parallel arrays. */
export interface Occurrences {
  readonly documents: Uint32Array;
  /** Byte of the document with which the occurrence begins. */
  readonly offsets: Uint32Array;
}

/** In place, by document and then by offset. */
export function sortOccurrences({ documents, offsets }: Occurrences): Occurrences {
  const keys = new Float64Array(documents.length);
  for (let i = 0; i < keys.length; i++) keys[i] = documents[i]! * 2 ** 32 + offsets[i]!;
  keys.sort();
  for (let i = 0; i < keys.length; i++) {
    documents[i] = Math.floor(keys[i]! / 2 ** 32);
    offsets[i] = keys[i]! % 2 ** 32;
  }
  return { documents, offsets };
}
