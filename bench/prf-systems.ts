/** The ways to search that are compared: places of interpolation around feedback, with the paper's feedback and with Mneme's. */
import type { SearchQuery } from "../src/memory/types.ts";

/** Rocchio over 5 and the average of 3 passages as in the paper: words are never expanded, each round searches again. */
const ROCCHIO = { vectors: "rocchio", passages: 5, words: "none", again: true } as const;
const AVERAGE = { vectors: "average", passages: 3, words: "none", again: true } as const;

export const SYSTEMS = {
  BM25: { retriever: "words" },
  "BM25 + RM3": { retriever: "words", feedback: {} },
  dense: { retriever: "meaning" },
  hybrid: { feedback: false },
  "hybrid, RRF": { feedback: false, fusion: { form: "rrf" } },
  "none, average": { interpolate: "none", feedback: AVERAGE },
  "before, average": { interpolate: "before", feedback: AVERAGE },
  "after, average": { interpolate: "after", feedback: AVERAGE },
  "both, average": { interpolate: "both", feedback: AVERAGE },
  "none, Rocchio": { interpolate: "none", feedback: ROCCHIO },
  "before, Rocchio": { interpolate: "before", feedback: ROCCHIO },
  "after, Rocchio": { interpolate: "after", feedback: ROCCHIO },
  "both, Rocchio": { interpolate: "both", feedback: ROCCHIO },
  "both, Rocchio, RRF": { interpolate: "both", feedback: ROCCHIO, fusion: { form: "rrf" } },
  "both, Rocchio, min-max": { interpolate: "both", feedback: ROCCHIO, fusion: { form: "min-max" } },
  none: { interpolate: "none" },
  before: { interpolate: "before" },
  after: { interpolate: "after" },
  both: {},
  "both, RRF": { fusion: { form: "rrf" } },
  "both, again": { feedback: { again: true } },
  "both, guard 0.05": { feedback: { guard: 0.05 } },
  "both, guard 0.1": { feedback: { guard: 0.1 } },
} as const satisfies Record<string, SearchQuery>;

/** With sparse vectors in the place of words: the six combinations beside those of BM25. Documents are one passage each. */
const INSTEAD = { sparse: 1 } as const;
export const SPARSE_SYSTEMS = {
  "sparse alone": { feedback: false, fusion: { ...INSTEAD, last: 0 } },
  "sparse and dense": { feedback: false, fusion: INSTEAD },
  "sparse, none": { interpolate: "none", fusion: INSTEAD },
  "sparse, before": { interpolate: "before", fusion: INSTEAD },
  "sparse, after": { interpolate: "after", fusion: INSTEAD },
  "sparse, both": { interpolate: "both", fusion: INSTEAD },
  "sparse, before, Rocchio": { interpolate: "before", feedback: ROCCHIO, fusion: INSTEAD },
  "sparse, after, Rocchio": { interpolate: "after", feedback: ROCCHIO, fusion: INSTEAD },
  "sparse, both, Rocchio": { interpolate: "both", feedback: ROCCHIO, fusion: INSTEAD },
  "BM25 and sparse, no feedback": { feedback: false },
  "BM25 and sparse, both": {},
} as const satisfies Record<string, SearchQuery>;

export type SystemName = keyof typeof SYSTEMS;

/** Systems whose weights are tuned by cross-validation, for a fair comparison. */
export const TUNED: readonly SystemName[] = ["hybrid", "after", "both, Rocchio", "both"];

/** Weights of meaning that are tried. */
const FIRST = [0.1, 0.2, 0.3, 0.5];
const LAST = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5];

export function grid(name: SystemName): SearchQuery[] {
  const query: SearchQuery = SYSTEMS[name];
  const firsts = name.startsWith("both") ? FIRST : [0.3];
  return firsts.flatMap((first) =>
    LAST.map((last) => ({ ...query, fusion: { ...query.fusion, first, last } })),
  );
}
