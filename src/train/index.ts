/** Training: recipes that produce codecs, adapters and other learned parts. Needs the optional peer `@jax-js/jax`. */
export { Adapter, type AdapterArrays, type AdapterShape, restoreAdapter } from "./adapter.ts";
export { type Bidr, type BidrOptions, type BidrStage, bidrDefaults, trainBidr } from "./bidr.ts";
export { type Candidates, candidatesOf } from "./candidates.ts";
export { crossEntropyOfOwn, signThrough, unitRows } from "./contrastive.ts";
export { type CrispOptions, crispDefaults, type TextBatch, trainCrisp } from "./crisp.ts";
export { type DistillOptions, distillDefaults, distillQueries } from "./distill.ts";
export type { Dual, PairData } from "./dual.ts";
export { type Jax, loadJax, type Tensor, type TrainDevice, take, type Weights } from "./jax.ts";
export type { Quantised } from "./quantised.ts";
export { type RbeTrainOptions, rbeTrainDefaults, trainRbe } from "./rbe.ts";
export type { RbePairs } from "./rbe-batches.ts";
export { type SettledTrainOptions, settledTrainDefaults, trainSettledRbe } from "./rbe-settled.ts";
export {
  BATCH_ORDERS,
  type BatchOrder,
  type LocalityBatch,
  LocalityBatches,
  type LocalityOptions,
  localityDefaults,
  relevanceMask,
} from "./sampling.ts";
export { rateAt, type Schedule } from "./schedule.ts";
export {
  type QuestionPassage,
  type SubstringTrainOptions,
  substringTrainDefaults,
  trainSubstrings,
} from "./substrings.ts";
export { type Batch, type Trained, type TrainOptions, train, trainDefaults } from "./train.ts";
