/** Lists of bytes that are copied to kernel memory a word at a time: a view for each would be most of what a query leaves to the collector. */

export interface ListSource {
  /** Bytes of list `index`. */
  length(index: number): number;
  /** Copies a list to `out` from word `at` on, with up to 3 bytes before and behind it. @returns at which byte of that word it begins */
  copy(index: number, out: Uint32Array, at: number): number;
}

/** Lists that are at hand. */
export function listsOf(lists: readonly Uint8Array[]): ListSource {
  return {
    length: (index) => lists[index]!.byteLength,
    copy(index, out, at) {
      const list = lists[index]!;
      new Uint8Array(out.buffer, out.byteOffset + at * 4, list.byteLength).set(list);
      return 0;
    },
  };
}
