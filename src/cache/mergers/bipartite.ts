/**
 * Inside short chunks every other slot is matched with its most similar partner, and matched slots become their centroid, pass by pass until
 * the budget is met (Hu et al., Efficient Long-Context LLM Inference via KV Cache Clustering, 2025; matching as in Bolya et al., Token
 * Merging, 2022). Differs from the paper: edges of all chunks are ranked together, so that chunks with more redundancy give more.
 */
import { MnemeError } from "../../errors.ts";
import { checkSegment, checkWhole } from "../checks.ts";
import type { Guard, KvSegment, Merger } from "../parts.ts";
import { cosines } from "./cosine.ts";
import { countOf, weightedFold, withoutCounts } from "./weighted-fold.ts";

export interface BipartiteOptions {
  /** Slots of a chunk, even; default 64. */
  readonly chunk?: number;
  /** Slots that are never merged; default 4 and 32. */
  readonly guard?: Guard;
  /** false: no counts. Default true: halves the error. */
  readonly bias?: boolean;
}

export const bipartiteDefaults = { chunk: 64, guard: { sinks: 4, recent: 32 }, bias: true } as const;

/** Of `keep` only the number counts. @throws MnemeError RANGE naming the option; fold: BUDGET, DIMENSION, NOT_FINITE */
export function bipartite(options: BipartiteOptions = {}): Merger {
  const { chunk, guard, bias } = { ...bipartiteDefaults, ...options };
  checkWhole("bipartite", "chunk", chunk, 2);
  checkWhole("bipartite", "guard.sinks", guard.sinks, 0);
  checkWhole("bipartite", "guard.recent", guard.recent, 0);
  if (chunk % 2 !== 0) throw new MnemeError("RANGE", `bipartite: chunk is ${chunk}; expected an even number`);
  return {
    fold(segment, keep) {
      checkSegment("bipartite", segment);
      let left = segment;
      while (left.positions.length > keep.length) left = onePass(left, keep.length, chunk, guard);
      return bias ? left : withoutCounts(left);
    },
  };
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly alike: number;
}

/** Removes what is too much, half of the slots beside the guard at most. */
function onePass(segment: KvSegment, budget: number, chunk: number, { sinks, recent }: Guard): KvSegment {
  const slots = segment.positions.length;
  const edges: Edge[] = [];
  const cosine = cosines(segment.keys, segment.dim, -1);
  for (let from = sinks; from < slots - recent; from += chunk)
    edges.push(...matches(from, Math.min(from + chunk, slots - recent), cosine));
  if (edges.length === 0)
    throw new MnemeError(
      "BUDGET",
      `bipartite: ${budget} slots are too few: the guard of ${sinks} + ${recent} leaves no two to merge`,
    );
  edges.sort((a, b) => b.alike - a.alike || a.from - b.from);
  const into = new Int32Array(slots);
  const gone = new Map(edges.slice(0, slots - budget).map(({ from, to }) => [from, to]));
  const centres = Int32Array.from(Array.from(into.keys()).filter((slot) => !gone.has(slot)));
  centres.forEach((slot, place) => {
    into[slot] = place;
  });
  for (const [from, to] of gone) into[from] = into[to]!;
  return weightedFold(segment, { centres, into, weights: into.map((_, slot) => countOf(segment, slot)) });
}

/** Of each slot of even rank its most similar one of odd rank. */
function matches(from: number, to: number, cosine: (a: number, b: number) => number): Edge[] {
  const edges: Edge[] = [];
  if (to - from < 2) return edges;
  for (let a = from; a < to; a += 2) {
    let best = { from: a, to: from + 1, alike: Number.NEGATIVE_INFINITY };
    for (let b = from + 1; b < to; b += 2) {
      const alike = cosine(a, b);
      if (alike > best.alike) best = { from: a, to: b, alike };
    }
    edges.push(best);
  }
  return edges;
}
