/** The faces of tuning: a query log, and what came of it. */
import type { TunedRecall } from "./recall-plan.ts";

/** A query and what its searcher found good. */
export interface JudgedQuery {
  readonly query: string;
  /** Item id -> grade; above 0 is good, more is better. */
  readonly relevant: Readonly<Record<string, number>>;
}

export interface TuneResult {
  readonly queries: number;
  /** Mean nDCG@10 of the defaults. */
  readonly untuned: number;
  /** Mean nDCG@10 of queries by weights that were chosen without them (five folds). */
  readonly crossValidated: number;
  /** Chance of such a difference if tuning did nothing (paired randomisation). */
  readonly p: number;
  /** What searches use from now on; absent: the defaults, because no choice beat them on queries that it had not seen. */
  readonly tuned?: TunedRecall;
  readonly notes: readonly string[];
}
