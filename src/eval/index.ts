/** Evaluation of retrieval. */
export { type CorpusDocument, readTestSet, type TestSet, type TestSetPaths } from "./beir.ts";
export { type Evaluation, evaluate } from "./evaluate.ts";
export { averagePrecision, type Judgements, ndcg, percentile, recall, reciprocalRank } from "./metrics.ts";
