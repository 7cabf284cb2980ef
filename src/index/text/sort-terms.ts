/** Multikey quicksort of byte strings (Bentley & Sedgewick, Fast Algorithms for Sorting and Searching Strings, 1997): no byte is compared twice. */

/** Smaller runs are sorted by insertion. */
const SMALL = 8;

/** Byte strings back to back: string n lies in [starts[n], starts[n + 1]). */
export interface ByteStrings {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
}

/** Sorts numbers of different strings by their bytes, in place. */
export function sortStrings(order: Uint32Array, strings: ByteStrings): void {
  sort(order, 0, order.length, 0, strings);
}

function sort(order: Uint32Array, first: number, last: number, depth: number, strings: ByteStrings): void {
  let from = first;
  let to = last;
  for (let at = depth; to - from > SMALL; at++) {
    const pivot = keyAt(order[(from + to) >> 1]!, at, strings);
    let below = from;
    let above = to;
    for (let i = from; i < above; ) {
      const key = keyAt(order[i]!, at, strings);
      if (key < pivot) swap(order, below++, i++);
      else if (key > pivot) swap(order, i, --above);
      else i++;
    }
    sort(order, from, below, at, strings);
    sort(order, above, to, at, strings);
    from = below;
    to = above;
  }
  insert(order, from, to, strings);
}

/** Byte of a string at `depth`, + 1; 0 past its end. */
function keyAt(string: number, depth: number, { bytes, starts }: ByteStrings): number {
  const at = starts[string]! + depth;
  return at < starts[string + 1]! ? bytes[at]! + 1 : 0;
}

function swap(order: Uint32Array, a: number, b: number): void {
  const held = order[a]!;
  order[a] = order[b]!;
  order[b] = held;
}

function insert(order: Uint32Array, from: number, to: number, strings: ByteStrings): void {
  for (let i = from + 1; i < to; i++) {
    const string = order[i]!;
    let at = i;
    for (; at > from && isBefore(string, order[at - 1]!, strings); at--) order[at] = order[at - 1]!;
    order[at] = string;
  }
}

function isBefore(a: number, b: number, strings: ByteStrings): boolean {
  for (let depth = 0; ; depth++) {
    const x = keyAt(a, depth, strings);
    const y = keyAt(b, depth, strings);
    if (x !== y) return x < y;
    if (x === 0) return false;
  }
}
