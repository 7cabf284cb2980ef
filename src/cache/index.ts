/** The parts of KV-cache policies: scores, budgets, choices, merging, and the bits of what is kept. */

export { acrossAll } from "./allocators/across-all.ts";
export { type AcrossHeadsOptions, acrossHeads } from "./allocators/across-heads.ts";
export { type PyramidOptions, pyramid } from "./allocators/pyramid.ts";
export { maskOfGates, staticMask } from "./allocators/static-mask.ts";
export { uniform } from "./allocators/uniform.ts";
export type { EncodedRows, HeadRows, RowEncoder } from "./encoders/encoder.ts";
export { int8PerToken } from "./encoders/int8-per-token.ts";
export { perChannel } from "./encoders/per-channel.ts";
export { type GroupOptions, perToken } from "./encoders/per-token.ts";
export { type Rotary, type RotatedNormalOptions, rotatedNormal } from "./encoders/rotated-normal.ts";
export { type AdjacentRunsOptions, adjacentRuns } from "./mergers/adjacent-runs.ts";
export { type BipartiteOptions, bipartite } from "./mergers/bipartite.ts";
export { type ClassCentreOptions, classCentre } from "./mergers/class-centre.ts";
export { type NearestSurvivorOptions, nearestSurvivor } from "./mergers/nearest-survivor.ts";
export { noMerging } from "./mergers/none.ts";
export {
  type Allocator,
  type Guard,
  type HeadContext,
  type HeadShape,
  type KvSegment,
  type Merger,
  type Needs,
  type QueryStatistics,
  type Scorer,
  type Selector,
  slotsOf,
  type WindowWeights,
} from "./parts.ts";
export { type PlainHeadOptions, plainHead } from "./plain-head.ts";
export { isLayerScorer, type LayerScorer, shareAcrossLayer } from "./scorers/across-layer.ts";
export { type ExpectedAttentionOptions, expectedAttention } from "./scorers/expected-attention.ts";
export { type GlobalLocalOptions, globalLocal } from "./scorers/global-local.ts";
export { keyNorm } from "./scorers/key-norm.ts";
export { tova } from "./scorers/tova.ts";
export { weightSum } from "./scorers/weight-sum.ts";
export { type WindowAttentionOptions, windowAttention } from "./scorers/window-attention.ts";
export { type PageTopKOptions, pageTopK } from "./selectors/page-top-k.ts";
export { type QuantileSplitOptions, quantileSplit } from "./selectors/quantile-split.ts";
export { sinkRecent } from "./selectors/sink-recent.ts";
export { threshold } from "./selectors/threshold.ts";
export { topK } from "./selectors/top-k.ts";
