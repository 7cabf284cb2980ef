/** Evaluation of retrieval. */

export { type AttentionError, attend, attentionError, type KeptSlots } from "./attention-error.ts";
export { type CorpusDocument, readQueries, readTestSet, type TestSet, type TestSetPaths } from "./beir.ts";
export {
  type BenchmarkExample,
  type ContaminationSummary,
  contaminationDefaults,
  contaminationSvg,
  readBenchmark,
  shareOf,
  summarize,
  VERDICTS,
  type Verdict,
  verdictOf,
  type WindowsFound,
} from "./contamination.ts";
export {
  type CrossValidation,
  type CrossValidationOptions,
  crossValidate,
  crossValidationDefaults,
} from "./cross-validate.ts";
export { type Evaluation, evaluate, evaluateQueries, type QueryEvaluation } from "./evaluate.ts";
export { ExactNearest, exactNearest } from "./exact-nearest.ts";
export { type LearntWeights, learnWeights, type WeightLearning } from "./learn-weights.ts";
export * from "./long-context/index.ts";
export { averagePrecision, type Judgements, ndcg, percentile, recall, reciprocalRank } from "./metrics.ts";
export {
  type Perplexity,
  type PerplexityOptions,
  perplexity,
  perplexityDefaults,
  type TokenScorer,
} from "./perplexity.ts";
export * from "./scaling/index.ts";
export {
  holm,
  pairedRandomisation,
  type RandomisationOptions,
  randomisationDefaults,
} from "./significance.ts";
export { type Bar, type Curve, curves, growth, histogram, type PlotPoint, scatter } from "./svg.ts";
export { type FacetQuery, Facets, type FacetsOptions, facetsDefaults } from "./synth-facets.ts";
export {
  SYNTH_SETTINGS,
  type SynthHead,
  type SynthKv,
  type SynthKvOptions,
  type SynthSetting,
  synthKv,
  synthKvDefaults,
} from "./synth-kv.ts";
export { Manifold, type ManifoldOptions, manifoldDefaults } from "./synth-manifold.ts";
export { SynthPairs, type SynthPairsOptions, synthPairsDefaults } from "./synth-pairs.ts";
