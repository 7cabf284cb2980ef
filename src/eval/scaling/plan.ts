/** What a study of sizes is asked, and whether it can be done. */
import { MnemeError } from "../../errors.ts";
import type { Judgements } from "../metrics.ts";
import { documentCoin } from "./coin.ts";
import type { FilterOptions, Found, TextOf } from "./selection.ts";

export interface ScalingQuery {
  readonly id: string;
  readonly text: string;
  /** Grades of documents. */
  readonly judged?: Judgements;
  /** Any of them is right. */
  readonly answers?: readonly string[];
}

export interface Datastore {
  /** All of them, with what each holds of the store's bytes. */
  readonly documents: readonly { readonly id: string; readonly bytes: number }[];
  /** The best documents first, fewer than `depth` only where there are no more. */
  retrieve(query: string, depth: number, signal?: AbortSignal): Promise<readonly Found[]>;
  /** Needed for filters and answers. */
  readonly text?: TextOf;
}

export interface ScalingOptions {
  /** Shares of the store, above 0 and at most 1. */
  readonly fractions?: readonly number[];
  readonly seeds?: readonly number[];
  /** Documents that are judged. */
  readonly k?: number;
  /** Documents retrieved a query; default: so many that all fractions find k. */
  readonly depth?: number;
  /** false: documents are taken as they come. */
  readonly filter?: FilterOptions | false;
  /** Answers from the best documents, best first; expected answers are then compared with it. */
  readonly answer?: (question: string, documents: readonly Found[]) => Promise<string>;
  /** Documents that an answer is made from. */
  readonly evidence?: number;
  readonly signal?: AbortSignal;
  readonly onQuery?: (done: number, total: number) => void;
}

export const scalingDefaults = {
  fractions: [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1],
  seeds: [1, 2, 3],
  k: 10,
  evidence: 3,
} as const;

export type Plan = ReturnType<typeof planOf>;

/** @throws MnemeError RANGE, ARGUMENT */
export function planOf(store: Datastore, options: ScalingOptions) {
  const { fractions: given, seeds, k, evidence } = { ...scalingDefaults, ...options };
  const fractions = [...new Set(given)].sort((a, b) => a - b);
  const wrong = fractions.find((p) => !(p > 0 && p <= 1));
  if (wrong !== undefined || fractions.length < 2)
    throw new MnemeError(
      "RANGE",
      `scaling: fractions ${fractions.join(", ")}; expected two or more above 0 and at most 1`,
    );
  if (seeds.length === 0 || new Set(seeds).size < seeds.length || !seeds.every(Number.isInteger))
    throw new MnemeError("RANGE", `scaling: seeds ${seeds.join(", ")}; expected different whole numbers`);
  const total = store.documents.length;
  const depth = options.depth ?? Math.min(total, depthFor(fractions[0]!, k));
  if (!(Number.isInteger(k) && k >= 1 && k <= depth))
    throw new MnemeError(
      "RANGE",
      `scaling: k is ${k} of ${depth} documents retrieved from ${total}; expected a whole number from 1 to that`,
    );
  const sizes = fractions.map((p) => sizeOf(store, p, seeds));
  const empty = sizes.findIndex(({ documents }) => documents === 0);
  if (empty >= 0)
    throw new MnemeError(
      "RANGE",
      `scaling: of ${total} documents none is left at ${fractions[empty]}; leave such small fractions out`,
    );
  const { filter, answer, signal } = options;
  if (!store.text && (filter !== false || answer))
    throw new MnemeError(
      "ARGUMENT",
      "scaling: filters and answers need the store's texts; give `text`, or filter: false",
    );
  return { fractions, seeds, k, depth, evidence, sizes, filter, answer, signal, isWhole: depth >= total };
}

function sizeOf(
  { documents }: Datastore,
  fraction: number,
  seeds: readonly number[],
): { documents: number; bytes: number } {
  let [count, bytes] = [0, 0];
  for (const seed of seeds)
    for (const document of documents) {
      if (documentCoin(document.id, seed) >= fraction) continue;
      count++;
      bytes += document.bytes;
    }
  return { documents: count / seeds.length, bytes: bytes / seeds.length };
}

/** Documents to be retrieved so that of those that a coin keeps k are left, but for one query of a thousand. */
export function depthFor(fraction: number, k: number): number {
  if (fraction >= 1) return k;
  // mean and spread of a binomial: the depth at which the mean stands far enough above k
  const spread = 3.3 * Math.sqrt(1 - fraction);
  const root = (spread + Math.sqrt(spread * spread + 4 * (k + 1))) / 2;
  return Math.ceil((root * root) / fraction);
}

/** Queries that can be judged. @throws MnemeError RANGE, INSUFFICIENT_DATA */
export function judgedOf(queries: readonly ScalingQuery[]): readonly ScalingQuery[] {
  const empty = queries.find(({ text }) => text.trim() === "");
  if (empty)
    throw new MnemeError("RANGE", `scaling: query ${JSON.stringify(empty.id)} is empty; leave it out`);
  const judged = queries.filter(
    ({ judged: grades, answers }) =>
      (answers?.length ?? 0) > 0 || [...(grades?.values() ?? [])].some((grade) => grade > 0),
  );
  if (judged.length === 0)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `scaling: none of ${queries.length} queries has a relevant document or an answer; nothing can be judged`,
    );
  return judged;
}
