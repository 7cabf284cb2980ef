/** Kernels of the FM-index: a WebAssembly module of its own. Pointers are byte offsets in the imported memory; callers check every size. */
export { makeTables } from "./enumerate";
export { encodeRows } from "./encode-block";
export { accessInBlock, decodeRows, endsInBlock, rankInBlock } from "./read-block";
export { mergeEnds, mergeSamples, mergeText } from "./merge";
export { countBytes, countMarks, makeRun, markDocument, placeDocument } from "./run";
export { branch, follow, locateStep, narrow, sortMoved } from "./search";
export { makeLengths } from "./run-lengths";
export { sortSuffixes } from "./suffix-array";
export { buildRanks } from "./rank";
export { beginWalk, linkRows, markMerged } from "./walk";
export { beginBuckets, beginOrder, orderPlaced, spreadPlaced } from "./sort-placed";
export { beginDocuments, walkDocuments } from "./walk-documents";
