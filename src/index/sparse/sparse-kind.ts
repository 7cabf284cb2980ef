/**
 * What a segment keeps of learnt sparse vectors: the posting lists of words, with quantised weights where those have frequencies. Nothing
 * where no row has a vector.
 */
import type { Parts, SegmentKind } from "../segment.ts";
import { compareBytes } from "../text/dictionary.ts";
import { wordsKind } from "../text/words-kind.ts";
import { WordsWriter } from "../text/words-writer.ts";
import { type SparseVector, stepsOf } from "./weights.ts";

export const sparseKind: SegmentKind<SparseVector | undefined> = {
  name: "sparse",
  version: 1,
  build,
  merge: (inputs, live) =>
    inputs.some(({ parts }) => parts.size > 0) ? wordsKind.merge(inputs, live) : new Map(),
};

interface List {
  readonly ordinals: number[];
  readonly steps: number[];
}

function build(rows: readonly (SparseVector | undefined)[]): Parts {
  const lists = new Map<string, List>();
  rows.forEach((vector, ordinal) => {
    for (const [token, weight] of Object.entries(vector ?? {})) {
      const steps = stepsOf(weight);
      if (steps === 0) continue;
      const list = lists.get(token) ?? { ordinals: [], steps: [] };
      lists.set(token, list);
      list.ordinals.push(ordinal);
      list.steps.push(steps);
    }
  });
  if (lists.size === 0) return new Map();
  const encoder = new TextEncoder();
  const sorted = [...lists].map(([token, list]) => ({ token: encoder.encode(token), list }));
  sorted.sort((a, b) => compareBytes(a.token, b.token));
  // scores do not depend on how long a row is: all lengths are 0
  const writer = new WordsWriter(new Uint16Array(rows.length));
  for (const { token, list } of sorted) {
    const { ordinals, steps } = list;
    writer.add(token, Uint32Array.from(ordinals), Uint32Array.from(steps), 0, ordinals.length);
  }
  return writer.finish();
}
