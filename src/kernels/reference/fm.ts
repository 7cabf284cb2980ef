/** The FM-index's kernels in plain TypeScript, slow and obvious: what the tests hold the kernels against. */

/** Suffixes of documents, held backwards and each followed by an end of its own, sorted: as positions in the joined text. */
export function sortSuffixes(documents: readonly Uint8Array[]): Uint32Array {
  const text: number[] = [];
  for (const [d, document] of documents.entries()) {
    for (let i = document.length - 1; i >= 0; i--) text.push(document[i]! + documents.length);
    text.push(d);
  }
  const order = text.map((_, position) => position);
  let ranks = [...text];
  for (let length = 1; length < 2 * text.length; length *= 2) {
    const key = (p: number): number => (p + length < text.length ? ranks[p + length]! + 1 : 0);
    const compare = (p: number, q: number): number => ranks[p]! - ranks[q]! || key(p) - key(q);
    order.sort(compare);
    const next = new Array<number>(text.length).fill(0);
    for (let i = 1; i < order.length; i++)
      next[order[i]!] = next[order[i - 1]!]! + (compare(order[i - 1]!, order[i]!) < 0 ? 1 : 0);
    ranks = next;
    if (ranks[order.at(-1)!] === text.length - 1) break;
  }
  return Uint32Array.from(order);
}

export interface Rows {
  /** Byte before each suffix; 0 where that is an end. */
  readonly text: Uint8Array;
  /** Rows that hold ends, ascending, and their documents. */
  readonly ends: readonly number[];
  readonly documents: readonly number[];
  /** Rows whose suffix begins at a multiple of the rate in its document, but not at its start, and their samples. */
  readonly marked: readonly number[];
  readonly samples: readonly number[];
}

/** Rows of the transformed text of documents. */
export function transform(documents: readonly Uint8Array[], rate: number): Rows {
  const joined: number[] = [];
  const places: { document: number; offset: number }[] = [];
  const sampleOf = new Map<number, number>();
  for (const [d, document] of documents.entries()) {
    for (let offset = 0; offset <= document.length; offset++) {
      if (offset > 0 && offset % rate === 0 && offset < document.length)
        sampleOf.set(joined.length, sampleOf.size);
      places.push({ document: d, offset });
      joined.push(offset < document.length ? document[document.length - 1 - offset]! : -1);
    }
  }
  const order = [...sortSuffixes(documents)];
  const isEnd = (p: number): boolean => places[p]!.offset === 0;
  const rowsWhere = (test: (p: number) => boolean): number[] =>
    order.flatMap((p, row) => (test(p) ? [row] : []));
  const marked = rowsWhere((p) => sampleOf.has(p));
  const ends = rowsWhere(isEnd);
  return {
    text: Uint8Array.from(order, (p) => (isEnd(p) ? 0 : joined[p - 1]!)),
    ends,
    documents: ends.map((row) => places[order[row]!]!.document),
    marked,
    samples: marked.map((row) => sampleOf.get(order[row]!)!),
  };
}
