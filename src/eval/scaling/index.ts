/** Studies of what a larger store is worth. */
export { type CodedStoreInput, codedStore, someRows } from "./coded-store.ts";
export { documentCoin } from "./coin.ts";
export { datastoreScaling, type Scaling, type ScalingPoint } from "./datastore.ts";
export type { Interval, LogFit } from "./log-fit.ts";
export { mergedStore, type Shard } from "./merge.ts";
export { METRICS as SCALING_METRICS, type Metric as ScalingMetric } from "./metrics.ts";
export { jaccard, longestSharedRun, type Shingled, shingled } from "./overlap.ts";
export {
  type Datastore,
  depthFor,
  type ScalingOptions,
  type ScalingQuery,
  scalingDefaults,
} from "./plan.ts";
export { readQueryLog } from "./query-log.ts";
export { type FilterOptions, type Found, filterDefaults, type LeftOut, type TextOf } from "./selection.ts";
