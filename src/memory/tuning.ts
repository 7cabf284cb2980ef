/** The faces of tuning: a query log, and what came of it. */
import type { TunedRecall } from "./recall-plan.ts";
import type { WorkOptions } from "./types.ts";

/** A query and what its searcher found good. */
export interface JudgedQuery {
  readonly query: string;
  /** Item id -> grade; above 0 is good, more is better. */
  readonly relevant: Readonly<Record<string, number>>;
}

/**
 * "fusion": weights of words, meaning, feedback and the cube; what labels were worth beside other weights is forgotten. "cube": of the kinds
 * and dimensions of the cube's labels.
 */
export const TUNE_PARTS = ["fusion", "cube"] as const;
export type TunePart = (typeof TUNE_PARTS)[number];

export interface TuneOptions extends WorkOptions {
  /** What is chosen; default: all. "cube" alone leaves the rest as it is and asks every query but once. */
  readonly parts?: readonly TunePart[];
}

/** Mean nDCG@10 with and without learning. */
export interface LearningGain {
  readonly untuned: number;
  /** Of queries by weights that were found without them (five folds). */
  readonly crossValidated: number;
  /** Chance of such a difference if learning did nothing (paired randomisation). */
  readonly p: number;
}

export interface TuneResult extends LearningGain {
  readonly queries: number;
  /** What the weights of the cube's labels add to the others, where the library has a cube; queries of which it says nothing are left out. */
  readonly cube?: LearningGain & { readonly queries: number };
  /** What searches use from now on; absent: the defaults, because no choice beat them on queries that it had not seen. */
  readonly tuned?: TunedRecall;
  readonly notes: readonly string[];
}
