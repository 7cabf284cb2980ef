/** Eviction composed of its parts: a scorer says what slots are worth, an allocator how many each head gets, a selector which, a merger what becomes of the others. */
import { MnemeError } from "../errors.ts";
import { PAGE_SLOTS } from "../kernels/index.ts";
import { pageBytes } from "./page-codec.ts";
import type { Allocator, Guard, HeadContext, Merger, Needs, Scorer, Selector } from "./parts.ts";
import type { GovernedCache } from "./policy.ts";
import { isLayerScorer, shareAcrossLayer } from "./scorers/across-layer.ts";

/** What may stay: slots of a head on average, a share of those there are, or bytes of the whole cache. */
export type CacheBudget =
  | { readonly slots: number }
  | { readonly share: number }
  | { readonly bytes: number };

export interface Eviction {
  readonly scorer: Scorer;
  readonly allocator: Allocator;
  readonly selector: Selector;
  /** Default: what is dropped is gone. */
  readonly merger?: Merger;
  readonly guard: Guard;
  readonly budget: CacheBudget;
}

/** @throws MnemeError RANGE naming the part of the budget, BUDGET where the guard alone is more than it */
export function checkEviction({ budget, guard }: Pick<Eviction, "budget" | "guard">, name: string): void {
  const [[what, value] = ["nothing", 0]] = Object.entries(budget);
  const most = what === "share" ? 1 : Number.MAX_SAFE_INTEGER;
  if (!(value > 0 && value <= most))
    throw new MnemeError(
      "RANGE",
      `${name}: a budget of ${value} ${what}; expected more than 0${most === 1 ? " and at most 1" : ""}`,
    );
  if ("slots" in budget && budget.slots < guard.sinks + guard.recent)
    throw new MnemeError(
      "BUDGET",
      `${name}: ${budget.slots} slots cannot hold ${guard.sinks} sinks and ${guard.recent} recent ones`,
    );
}

/** Evicts once. @returns slots dropped, over all heads */
export function evict(
  cache: GovernedCache,
  { scorer, allocator, selector, merger, guard, budget }: Eviction,
): number {
  const heads = cache.heads();
  const perHead = slotsWithin(budget, cache, heads);
  if (heads.every(({ slots }) => slots <= perHead)) return 0;
  const scores = heads.map((head) => {
    const out = new Float32Array(head.slots);
    scorer.score(head, out);
    return out;
  });
  if (isLayerScorer(scorer))
    for (let layer = 0; layer < cache.layers; layer++)
      shareAcrossLayer(scores.slice(layer * cache.kvHeads, (layer + 1) * cache.kvHeads));
  const counts = allocator.split(scores, perHead, { layers: cache.layers, kvHeads: cache.kvHeads, guard });
  let dropped = 0;
  heads.forEach(({ layer, kvHead, slots, segment }, i) => {
    if (counts[i]! >= slots) return;
    const kept = selector.pick(scores[i]!, counts[i]!, guard);
    dropped += slots - kept.length;
    if (merger) cache.replace(layer, kvHead, merger.fold(segment(), kept, scores[i]!));
    else cache.keep(layer, kvHead, kept);
  });
  return dropped;
}

/** The needs of several parts together. */
export function needsOf(...all: readonly Needs[]): Needs {
  const window = Math.max(0, ...all.map(({ windowQueries = 0 }) => windowQueries));
  return {
    ...(window > 0 ? { windowQueries: window } : {}),
    ...(all.some(({ weightSums }) => weightSums) ? { weightSums: true } : {}),
    ...(all.some(({ queryStatistics }) => queryStatistics) ? { queryStatistics: true } : {}),
  };
}

/** Slots of a head on average. */
function slotsWithin(budget: CacheBudget, cache: GovernedCache, heads: readonly HeadContext[]): number {
  if ("slots" in budget) return budget.slots;
  if ("share" in budget) {
    const all = heads.reduce((sum, { slots }) => sum + slots, 0);
    return Math.floor((all * budget.share) / heads.length);
  }
  const { keys, values } = pageBytes(cache.codec, heads[0]!.dim);
  // positions of what stays are bytes too
  return Math.floor(budget.bytes / heads.length / ((keys + values) / PAGE_SLOTS + 4));
}
