/** All kernels of one WebAssembly module. Pointers are byte offsets in the imported memory; callers check every size. */
export { dotF32, fwhtF32, l2F32, matmulF32, matmulTransposedF32, normalizeF32, sumBytes } from "./float";
export { dequantI8, dequantU4, distancesI8, dotF32I8, dotF32U4, dotI8, gatherSumI8, l2I8 } from "./integer";
export { binaryDot4, finishOneBit, hamming } from "./binary";
export { selectAbove } from "./select";
export {
  accumulatePostings,
  boundPostings,
  collectSums,
  completePostings,
  keepScores,
  kthScore,
  openPostings,
  restrictRows,
} from "./postings";
export { scanLevels, scanOneBit, scanTables } from "./scan";
export { halfDistancesF32, nearestF32, sumTablesF32 } from "./nearest";
export { classify, foldAscii, scanPieces, scanWords } from "./runs";
export { encodeI8, encodeOneBit, findNotFinite, scaleColumnsF32 } from "./encode";
export { mergePairs } from "./merge";
export { maxSimI8 } from "./max-sim";
export { linearBytes } from "./linear-bytes";
export { linearB16, linearI8, linearU4, widenActivations } from "./linear";
export { dotsOfEight, sumsOfEight } from "./products";
export { runProgram } from "./program";
export { placeQ4, placeQ8 } from "./place";
export { encodePage, gatherSlots, putRows, readPages } from "./segment";
export { encodeGraphRows } from "./graph-codes";
export { scoreGraphRows, searchGraph } from "./graph";
export { bridgeGraphRows, insertGraphRows, linkGraphRows } from "./graph-build";
export { forwardFft, inverseFft, multiplySpectra, twiddleBytes } from "./fft";
export { addRounded, countPairs, indicateSymbols, matchBytes, matchHalves, matchWords, mismatchesAt, scanMismatches } from "./mismatch";
export { scoreCellRows, searchCellSlots, searchCells } from "./graph-cells";
