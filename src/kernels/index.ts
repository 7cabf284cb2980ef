/** The kernels room: one typed face over the hot loops, its plain twin, the arena, and a pool that forks and joins. */
import { WasmFace } from "./wasm.ts";

export { Arena, Region } from "./arena.ts";
export { type CellContents, type CellFork, type CellHits, type CellSearch, WasmCells } from "./cells.ts";
export type { KernelFace, LevelQuery, OneBitQuery, Panels, Rows, RunScan, TableQuery } from "./face.ts";
export { complexBytes, FFT_LENGTHS, WasmFft } from "./fft.ts";
export { type GraphHits, type GraphSearch, type GraphView, WasmGraph } from "./graph.ts";
export {
  coarseStride,
  fineStride,
  type GraphShape,
  graphWidth,
  MOST_ENTRIES,
  NO_ROW,
} from "./graph-record.ts";
export { HeldLists } from "./held-lists.ts";
export { Inflater } from "./inflater.ts";
export { LazyPool } from "./lazy-pool.ts";
export { type ListSource, listsOf } from "./list-source.ts";
export { DEAD, type FoundPairs, WasmMatches } from "./matches.ts";
export { MaxSim, type PlainTokenRows, type TokenQuery, type TokenRows, tokenWidth } from "./max-sim.ts";
export { MOST_NEAR_BYTES, NearTerms, type NearVisitor } from "./near-terms.ts";
export { panelsOf } from "./panels.ts";
export { type Fork, openPool, type Pool, type PoolOptions } from "./pool.ts";
export {
  type PostingScorer,
  type RowStatistics,
  Saturations,
  WasmPostings,
  type WeightedLists,
} from "./postings.ts";
export {
  attentionRoom,
  BYTE_QUERIES,
  expandedBytes,
  FEW_QUERIES,
  FORMS,
  type Form,
  PAGE_SLOTS,
  Program,
  ROW_WORDS,
  roomsBytes,
  type Stage,
  type StageKind,
  stateBytes,
  TILE_WORDS,
  weighRoom,
  widenedBytes,
} from "./program.ts";
export {
  PostingRanker,
  type RankedRows,
  type RankedSegment,
  RankLimit,
  type RankWish,
} from "./rank-postings.ts";
export { convolve, matchesOf } from "./reference/matches.ts";
export { maxSimI8 as referenceMaxSim } from "./reference/max-sim.ts";
export { ReferencePostings, rankPlainly, type StoredList } from "./reference/postings.ts";
export { reference } from "./reference/reference.ts";
export { ROW_TAIL, type RowPairs, RowScorer, rowSum } from "./row-scorer.ts";
export { type Learn, PieceKind, RunTable, type Split, WordKind } from "./run-table.ts";
export { levelScan, oneBitScan, type RowScan, type Scan, tableScan } from "./scan.ts";
export { WasmFace } from "./wasm.ts";

let face: WasmFace | undefined;

/** The kernels of this thread, compiled on first use. */
export function kernels(): WasmFace {
  face ??= new WasmFace();
  return face;
}
