/** Text-to-pattern Hamming distances: exact, within k mismatches, and to within a factor. */
export { type Approximate, type ApproximateOptions, approximateHamming } from "./approximate.ts";
export { type UnitCosts, unitCosts } from "./costs.ts";
export { explainHamming, type HammingOptions, hammingDistances } from "./distances.ts";
export type { HammingMethod, HammingPlan } from "./plan.ts";
export { LONGEST_PATTERN, type Symbols } from "./symbols.ts";
export { hammingWithin, type Within, type WithinOptions } from "./within.ts";
