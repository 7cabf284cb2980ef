/** Indexes: by vector, by words, by metadata; and what they share. */
export * from "./cube/index.ts";
export { Columns, columnsKind } from "./filter/columns.ts";
export { parseWhere } from "./filter/parse-where.ts";
export type { Condition, Meta, MetaValue, Scalar, Where } from "./filter/where.ts";
export { type Cursor, emptyHits, type Hits, isAfter, toHits } from "./hits.ts";
export type { RangeOptions } from "./range.ts";
export { RowSet } from "./row-set.ts";
export * from "./segment.ts";
export { TermWeigher, type TextVectors } from "./sparse/term-weigher.ts";
export {
  rowsPerPage,
  type StoredParts,
  type StoredSegmentInfo,
  storeSegment,
  writeParts,
} from "./store-segment.ts";
export { type Bm25Options, bm25Defaults } from "./text/bm25.ts";
export {
  type Cursor as FmCursor,
  type FmBuildOptions,
  FmIndex,
  type LocateOptions as FmLocateOptions,
  type NextBytes as FmNextBytes,
  type Occurrences,
  sizeOfCursor,
} from "./text/fm-index/fm-index.ts";
export { findWithin, locateVariant, type MismatchOptions, type Variant } from "./text/fm-index/mismatches.ts";
export {
  backOff,
  type NGramOptions,
  type NGramProbability,
  nextBytes,
  nextTokens,
  probabilityOf,
  tokenBytes,
} from "./text/fm-index/n-grams.ts";
export {
  type FmIndexOptions,
  type FmOpenOptions,
  type FmProgress,
  fmDefaults,
  fmOpenDefaults,
} from "./text/fm-index/options.ts";
export {
  excess,
  type ScoredNGram,
  type Unigrams,
  type WeightOptions,
  weightDefaults,
} from "./text/n-gram-weights.ts";
export {
  type NGramHit,
  type NGramMatch,
  type NGramRankOptions,
  nGramRankDefaults,
  rankByNGrams,
} from "./text/rank-by-n-grams.ts";
export {
  type FollowingTokens,
  TokenIndex,
  type TokenPlaces,
  type TokenRange,
} from "./text/token-index/token-index.ts";
export { WordsIndex, type WordsOptions } from "./text/words-index.ts";
export { wordsKind } from "./text/words-kind.ts";
export {
  FixedEncoding,
  type FixedEncodingOptions,
  fixedEncodingDefaults,
} from "./tokens/fixed-encoding.ts";
export { MultiVectorIndex, type TokenParts } from "./tokens/multi-vector-index.ts";
export {
  type MultiVectorOptions,
  type MultiVectorSearchOptions,
  multiVectorDefaults,
} from "./tokens/options.ts";
export { restoreTokens, TOKENS_VERSION, tokenParts } from "./tokens/parts.ts";
export {
  checkPruning,
  type Groups,
  groupTokens,
  type Pruning as TokenPruning,
  pruneTokens,
  pruningName,
  seedOfText,
  type TokenRole,
} from "./tokens/prune.ts";
export { TopK } from "./top-k.ts";
export {
  type BigranularHits,
  BigranularIndex,
  type BigranularOptions,
  type BigranularQuery,
  type BigranularSearchOptions,
  bigranularDefaults,
  buildBigranular,
  clusterOrder,
} from "./vector/bigranular.ts";
export { buildCells, CELLS_VERSION, type CellBuildOptions } from "./vector/cells/build.ts";
export {
  type CellCalibration,
  type CellCalibrationOptions,
  calibrateCells,
} from "./vector/cells/calibrate.ts";
export {
  type CellEffort,
  CellIndex,
  type CellIndexOptions,
  type CellSearchOptions,
} from "./vector/cells/cell-index.ts";
export { type FineRows, fineRowsInMemory, fineRowsOf } from "./vector/cells/fine-rows.ts";
export { type CellOptions, cellDefaults } from "./vector/cells/options.ts";
export { buildDiskGraph, type DiskGraphBuildOptions } from "./vector/disk-graph/build.ts";
export { DiskGraph, type OpenDiskGraphOptions } from "./vector/disk-graph/disk-graph.ts";
export {
  DISK_GRAPH_VERSION,
  type DiskGraphOptions,
  diskGraphDefaults,
} from "./vector/disk-graph/options.ts";
export { FlatIndex, type FlatOptions, flatDefaults } from "./vector/flat.ts";
export {
  type Calibrated as CalibratedGraph,
  type Calibration as GraphCalibration,
  type CalibrationOptions as GraphCalibrationOptions,
  calibrate as calibrateGraph,
} from "./vector/graph/calibrate.ts";
export { GraphIndex } from "./vector/graph/graph-index.ts";
export { type GraphOptions, type GraphSearchOptions, graphDefaults } from "./vector/graph/options.ts";
export { GRAPH_VERSION, graphParts, restoreGraph } from "./vector/graph/parts.ts";
export { type Bound, calibrateBound, type SeenQuery } from "./vector/learned-bound.ts";
export type { RowSource, SlowRowSource } from "./vector/row-source.ts";
export type { About, SpannMetric } from "./vector/spann/about.ts";
export {
  type BuildProgress as SpannBuildProgress,
  buildSpann,
  type SpannBuildOptions,
  spannBuildDefaults,
} from "./vector/spann/build.ts";
export {
  type CalibrateOptions as SpannCalibrateOptions,
  type Calibration as SpannCalibration,
  calibrate as calibrateSpann,
  calibrateDefaults as spannCalibrateDefaults,
} from "./vector/spann/calibrate.ts";
export { closureDefaults, type Replication, soarDefaults } from "./vector/spann/closure.ts";
export type { ReadCounts } from "./vector/spann/list-reader.ts";
export type { Pruning } from "./vector/spann/prune.ts";
export type {
  Repaired as SpannRepaired,
  RepairOptions as SpannRepairOptions,
} from "./vector/spann/repair.ts";
export {
  type CleanOptions as SpannCleanOptions,
  SpannIndex,
  type SpannOptions,
  type SpannSearchOptions,
  spannDefaults,
} from "./vector/spann/spann.ts";
export { type VectorCoders, vectorsKind } from "./vector/vectors-kind.ts";
