/** Hashing: symbols and sets compared by what their hashes and alignments tell. */
export * from "./hamming-text/index.ts";
