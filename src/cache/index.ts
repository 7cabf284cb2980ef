/** The cache room: pages that caches share, parts of policies (scores, budgets, choices, merging, bits), and recipes of them. */

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
export { type CacheBudget, type Eviction, evict, needsOf } from "./evict.ts";
export { type AdjacentRunsOptions, adjacentRuns } from "./mergers/adjacent-runs.ts";
export { type BipartiteOptions, bipartite } from "./mergers/bipartite.ts";
export { type ClassCentreOptions, classCentre } from "./mergers/class-centre.ts";
export { type NearestSurvivorOptions, nearestSurvivor } from "./mergers/nearest-survivor.ts";
export { noMerging } from "./mergers/none.ts";
export { CACHE_CODECS, type CacheCodec, PAGE_CODECS, type PageCodec, pageBytes } from "./page-codec.ts";
export { type CacheOptions, type CacheShape, PagedCache } from "./paged-cache.ts";
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
export type { CachePolicy, GovernedCache } from "./policy.ts";
export { POLICY_FORMS, policyOf } from "./policy-of.ts";
export { bytesOfAll, type FoundPrefix, type PrefixEntry, PrefixStore } from "./prefix-store.ts";
export { groupedTokens, type PrefixGroup, prefixGroups } from "./prefix-tree.ts";
export { type DuoOptions, duo, duoDefaults } from "./recipes/duo.ts";
export { full } from "./recipes/full.ts";
export { type HeavyHitterOptions, heavyHitters } from "./recipes/heavy-hitters.ts";
export { type QuantiseOptions, quantise, quantiseDefaults } from "./recipes/quantise.ts";
export { type SnapKvOptions, snapKv } from "./recipes/snap-kv.ts";
export { together } from "./recipes/together.ts";
export { type TovaOptions, tova as tovaPolicy } from "./recipes/tova.ts";
export { slidingWindow, type WindowOptions, windowDefaults } from "./recipes/window.ts";
export { type CacheOrigin, openCache, type SavedCache, saveCache } from "./saved-cache.ts";
export { type SavedCacheEntry, SavedCaches, savedCachesDefaults } from "./saved-caches.ts";
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
