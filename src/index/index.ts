/** Indexes: by vector, by words, by metadata; and what they share. */
export { Columns, columnsKind } from "./filter/columns.ts";
export { parseWhere } from "./filter/parse-where.ts";
export type { Condition, Meta, MetaValue, Scalar, Where } from "./filter/where.ts";
export { type Cursor, emptyHits, type Hits, isAfter, toHits } from "./hits.ts";
export { RowSet } from "./row-set.ts";
export * from "./segment.ts";
export { type Bm25Options, bm25Defaults } from "./text/bm25.ts";
export { WordsIndex, type WordsOptions } from "./text/words-index.ts";
export { wordsKind } from "./text/words-kind.ts";
export { TopK } from "./top-k.ts";
export { FlatIndex, type FlatOptions, flatDefaults } from "./vector/flat.ts";
export { type Calibration, type CalibrationOptions, calibrate } from "./vector/graph/calibrate.ts";
export { GraphIndex } from "./vector/graph/graph-index.ts";
export { type GraphOptions, type GraphSearchOptions, graphDefaults } from "./vector/graph/options.ts";
export { GRAPH_VERSION, graphParts, restoreGraph } from "./vector/graph/parts.ts";
export { type VectorCoders, vectorsKind } from "./vector/vectors-kind.ts";
