/**
 * Batches of neighbours (locality-centric sampling: Xiao et al., Progressively Optimized Bi-Granular Document Representation, 2022). A query
 * leads to a hard negative among its candidates, and that to other queries it is a candidate of; batches are runs of this walk, so that
 * the other documents of a batch are near ones, not random ones.
 */
import { MnemeError } from "../errors.ts";
import { Random } from "../linalg/random.ts";

/** walk: the last one found goes on (depth first). snowball: the first (breadth first). random: no neighbours at all, the baseline. */
export const BATCH_ORDERS = ["walk", "snowball", "random"] as const;
export type BatchOrder = (typeof BATCH_ORDERS)[number];

/** Ranks, from 0, from the first on and before the last. */
export type RankRange = readonly [from: number, to: number];

export interface LocalityOptions {
  /** Of each query its relevant documents; the first is trained on, a query without one is skipped. */
  readonly positives: readonly (readonly number[])[];
  /** Of each query the documents that a search found, best first. */
  readonly candidates: readonly Uint32Array[];
  /** Queries of a batch. */
  readonly batch: number;
  readonly order?: BatchOrder;
  /** Ranks of candidates that are hard negatives. */
  readonly negatives?: RankRange;
  /** Ranks at which a document leads back to the queries that found it. */
  readonly links?: RankRange;
  readonly seed?: number;
}

export interface LocalityBatch {
  readonly queries: Uint32Array;
  /** Document of each. */
  readonly positives: Uint32Array;
  /** And a hard negative of each, all different where there are enough. */
  readonly negatives: Uint32Array;
}

export const localityDefaults = { order: "walk", negatives: [0, 200], links: [200, 400], seed: 1 } as const;

/**
 * Batches without end: all queries once, in an order that hangs on the seed, then anew. The last queries of a round that do not fill a
 * batch are left for the next.
 */
export class LocalityBatches {
  /** Queries without a positive document. */
  readonly skipped: number;
  readonly #options: Required<LocalityOptions>;
  readonly #random: Random;
  readonly #usable: readonly number[];
  /** Queries that a document leads to. */
  readonly #linked: ReadonlyMap<number, readonly number[]>;
  /** Documents of the batch under way. */
  readonly #used = new Set<number>();
  #round: Iterator<Step, undefined> | undefined;

  /** @throws MnemeError RANGE, INSUFFICIENT_DATA where fewer queries than a batch have a positive document */
  constructor(options: LocalityOptions) {
    this.#options = { ...localityDefaults, ...options };
    const { positives, candidates, batch, seed, links, negatives } = this.#options;
    if (!Number.isInteger(batch) || batch < 1 || candidates.length !== positives.length)
      throw new MnemeError(
        "RANGE",
        `batches: batch ${batch}, ${positives.length} queries with positives, ${candidates.length} with candidates; expected a whole number and equal counts`,
      );
    for (const [name, [from, to]] of Object.entries({ negatives, links }))
      if (!(from >= 0 && to > from))
        throw new MnemeError(
          "RANGE",
          `batches: ${name} from rank ${from} to ${to}; expected a range of ranks`,
        );
    this.#usable = [...positives.keys()].filter((query) => positives[query]!.length > 0);
    this.skipped = positives.length - this.#usable.length;
    if (this.#usable.length < batch)
      throw new MnemeError(
        "INSUFFICIENT_DATA",
        `batches: ${this.#usable.length} of ${positives.length} queries have a relevant document, a batch takes ${batch}`,
      );
    this.#random = new Random(seed);
    this.#linked = linksOf(candidates, this.#usable, links);
  }

  next(): LocalityBatch {
    const { batch } = this.#options;
    this.#used.clear();
    const steps: Step[] = [];
    while (steps.length < batch) {
      this.#round ??= this.#walk();
      const { value, done } = this.#round.next();
      if (done) this.#round = undefined;
      else {
        steps.push(value);
        this.#used.add(value.positive).add(value.negative);
      }
    }
    return {
      queries: Uint32Array.from(steps, ({ query }) => query),
      positives: Uint32Array.from(steps, ({ positive }) => positive),
      negatives: Uint32Array.from(steps, ({ negative }) => negative),
    };
  }

  /** All queries once. Where the pending ones run dry, a query that was not visited begins anew. */
  *#walk(): Generator<Step, undefined> {
    const { order } = this.#options;
    const starts = this.#random.shuffle([...this.#usable]);
    const visited = new Set<number>();
    const pending: number[] = [];
    let first = 0;
    for (const start of starts) {
      if (visited.has(start)) continue;
      pending.push(start);
      while (first < pending.length) {
        const query = order === "snowball" ? pending[first++]! : pending.pop()!;
        if (visited.has(query)) continue;
        visited.add(query);
        const step = this.#step(query);
        yield step;
        if (order === "random") continue;
        for (const next of this.#linked.get(step.negative) ?? []) if (!visited.has(next)) pending.push(next);
      }
      pending.length = 0;
      first = 0;
    }
    return undefined;
  }

  #step(query: number): Step {
    const { positives, candidates, negatives } = this.#options;
    const own = positives[query]!;
    const hard = candidates[query]!.subarray(negatives[0], negatives[1]);
    const allowed = [...hard].filter((document) => !own.includes(document));
    const fresh = allowed.filter((document) => !this.#used.has(document));
    const from = fresh.length > 0 ? fresh : allowed;
    // without candidates another query's document must do
    const negative = from.length > 0 ? from[this.#random.integer(from.length)]! : this.#other(new Set(own));
    return { query, positive: own[0]!, negative };
  }

  #other(own: ReadonlySet<number>): number {
    for (let i = 0; i < 100; i++) {
      const query = this.#usable[this.#random.integer(this.#usable.length)]!;
      const document = this.#options.positives[query]![0]!;
      if (!own.has(document)) return document;
    }
    return this.#options.positives[this.#usable[0]!]![0]!;
  }
}

interface Step {
  readonly query: number;
  readonly positive: number;
  readonly negative: number;
}

function linksOf(
  candidates: readonly Uint32Array[],
  usable: readonly number[],
  [from, to]: RankRange,
): Map<number, number[]> {
  const linked = new Map<number, number[]>();
  for (const query of usable)
    for (const document of candidates[query]!.subarray(from, to)) {
      const queries = linked.get(document);
      if (queries) queries.push(query);
      else linked.set(document, [query]);
    }
  return linked;
}

/**
 * What must not count in a contrastive loss: columns of a batch (its positives, then its negatives) that are relevant to a row's query, its
 * own aside. @returns rows x columns, 0 or `-1e4`
 */
export function relevanceMask(
  { queries, positives: own, negatives }: LocalityBatch,
  positives: readonly (readonly number[])[],
): Float32Array {
  const rows = queries.length;
  const columns = [...own, ...negatives];
  const mask = new Float32Array(rows * columns.length);
  for (let r = 0; r < rows; r++) {
    const relevant = positives[queries[r]!]!;
    columns.forEach((document, c) => {
      if (c !== r && relevant.includes(document)) mask[r * columns.length + c] = -1e4;
    });
  }
  return mask;
}
