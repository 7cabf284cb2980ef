/** Training: recipes that produce codecs, adapters and other learned parts. Needs the optional peer `@jax-js/jax`. */
export { crossEntropyOfOwn, signThrough, unitRows } from "./contrastive.ts";
export { type Jax, loadJax, type Tensor, take, type Weights } from "./jax.ts";
export { type RbeTrainOptions, rbeTrainDefaults, trainRbe } from "./rbe.ts";
export type { RbePairs } from "./rbe-batches.ts";
export { rateAt, type Schedule } from "./schedule.ts";
export { type Batch, type Trained, type TrainOptions, train, trainDefaults } from "./train.ts";
