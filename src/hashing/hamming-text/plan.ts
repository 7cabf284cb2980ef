/**
 * How distances are counted. Symbols that meet often go through transforms, two at a time, the others by their pairs of positions (Abrahamson,
 * Generalized string matching, 1987); short patterns are compared as they are. Where the border lies, and how long transforms are, follows from what
 * each costs here.
 */
import { FFT_LENGTHS } from "../../kernels/index.ts";
import type { UnitCosts } from "./costs.ts";
import type { Alphabet } from "./symbols.ts";

/** Alignments counted at once, at least. */
const CHUNK = 1 << 20;

export type HammingMethod = "auto" | "compare" | "pairs" | "transform";

export interface HammingPlan {
  readonly method: "compare" | "count";
  /** Symbols that go through transforms: the first ones. The others are counted by pairs. */
  readonly transformed: number;
  /** Values of a transform; 0 where there is none. */
  readonly length: number;
  /** What it should take. */
  readonly milliseconds: number;
}

/** The cheapest plan, or the cheapest by one method. */
export function planHamming(
  alphabet: Alphabet,
  costs: UnitCosts,
  method: HammingMethod = "auto",
): HammingPlan {
  const { size, text, pattern, inText, inPattern } = alphabet;
  const alignments = text.length - pattern.length + 1;
  const width = size < 0xff ? 1 : size < 0xffff ? 2 : 4;
  const compare = alignments * pattern.length * costs.compare[width];
  const plans: HammingPlan[] = [];
  if (method === "auto" || method === "compare")
    plans.push({ method: "compare", transformed: 0, length: 0, milliseconds: compare / 1e6 });
  if (method === "compare") return plans[0]!;
  const pairs = inText.map((count, symbol) => count * inPattern[symbol]! * costs.pair);
  let rest = pairs.reduce((sum, cost) => sum + cost, 0);
  const { length, each, once } = transformCosts(text.length, pattern.length, costs);
  const least = method === "transform" ? size : 0;
  const most = method === "pairs" ? 0 : size;
  for (let transformed = 0; transformed <= most; transformed++) {
    if (transformed > 0) rest -= pairs[transformed - 1]!;
    if (transformed < least) continue;
    const byTransforms = transformed === 0 ? 0 : once + Math.ceil(transformed / 2) * each;
    const byPairs = transformed === size ? 0 : rest + text.length * costs.symbol;
    const milliseconds = (byTransforms + byPairs) / 1e6;
    plans.push({ method: "count", transformed, length: transformed === 0 ? 0 : length, milliseconds });
  }
  return plans.reduce((best, plan) => (plan.milliseconds < best.milliseconds ? plan : best));
}

/** Alignments counted at once, by a plan whose transforms are so long. */
export function chunkOf(length: number): number {
  return Math.max(CHUNK, 4 * length);
}

/**
 * The best length of transforms, what two symbols cost with it, and what comes once: going back. Longer transforms waste less on what wraps around, but
 * the pattern has one of its own in each chunk, however few windows of the text there are beside it.
 */
function transformCosts(
  text: number,
  pattern: number,
  costs: UnitCosts,
): { length: number; each: number; once: number } {
  let best = { length: 0, each: Infinity, once: Infinity };
  const shortest = 2 ** Math.ceil(Math.log2(Math.max(FFT_LENGTHS.least, 2 * pattern)));
  for (let length = shortest; length <= Math.min(FFT_LENGTHS.most, shortest * 8); length *= 2) {
    const windows = Math.ceil((text - pattern + 1) / (length - pattern + 1));
    const chunks = Math.ceil((text - pattern + 1) / chunkOf(length));
    const one = length * (Math.log2(length) * costs.transform + costs.indicate);
    const each = (windows + chunks) * one;
    if (each < best.each) best = { length, each, once: windows * one };
  }
  return best;
}
