/**
 * Relevance feedback: the words that the best passages share say more of what is asked than the question does. A relevance model
 * (Lavrenko & Croft, Relevance-Based Language Models, SIGIR 2001) over few passages, mixed with the query as RM3 does (Abdul-Jaleel et
 * al., UMass at TREC 2004). Differs from RM3 in the weight of a term in a passage: its BM25 instead of its probability.
 */
import { bm25Defaults, lengthNorm, saturation } from "./bm25.ts";
import { TermCounter } from "./term-counter.ts";

export interface FeedbackPassage {
  readonly text: string;
  /** How much it counts; the shares of all passages add up to 1. */
  readonly share: number;
}

/** What is asked of the words index. */
export interface TermStatistics {
  /** Grows when any of the others may have changed. */
  readonly version: number;
  /** Inverse document frequency. */
  idf(term: string): number;
  /** An estimate of it that costs less, and may be far off: of a term that the sample lacks it is the greatest there is. */
  sampledIdf(term: string): number;
  /** No term's `sampledIdf` is larger. */
  readonly greatestIdf: number;
  readonly averageLength: number;
}

export interface FeedbackOptions {
  /** Terms that are kept. */
  readonly terms?: number;
}

export const feedbackDefaults = { terms: 20 } as const;

/** Terms chosen by estimates for each that is kept when their true rarity is known: what a small sample misjudges has room to come back. */
const SHORTLIST = 2;

/** Relevance models over one words index; remembers the terms that it met. */
export class FeedbackModel {
  readonly #statistics: TermStatistics;
  readonly #counter = new TermCounter();
  /** What the passages say of each term, by its number; zeros between calls. */
  #sums = new Float64Array(0);
  /** By number; NaN where it was not asked for in this version of the statistics. */
  #idf = new Float64Array(0);
  /** Numbers of the terms of the passages under work. */
  #met = new Uint32Array(0);
  #version = -1;

  constructor(statistics: TermStatistics) {
    this.#statistics = statistics;
  }

  /** Rough. */
  get bytes(): number {
    return this.#counter.bytes + this.#sums.byteLength + this.#idf.byteLength + this.#met.byteLength;
  }

  /** The strongest terms; their weights add up to 1. */
  terms(
    passages: readonly FeedbackPassage[],
    { terms = feedbackDefaults.terms }: FeedbackOptions = {},
  ): Map<string, number> {
    const { version } = this.#statistics;
    if (this.#counter.trim() || version !== this.#version) this.#idf.fill(Number.NaN);
    this.#version = version;
    const shortlist = this.#strongest(this.#addUp(passages), SHORTLIST * terms);
    const weighed = shortlist.map(({ term, sum }) => ({ term, weight: sum * this.#statistics.idf(term) }));
    const best = weighed.sort(byStrength).slice(0, terms);
    const total = best.reduce((sum, { weight }) => sum + weight, 0);
    return new Map(best.map(({ term, weight }) => [term, weight / total]));
  }

  /** Adds the passages' terms to the sums. @returns how many they are, met in the order of the passages */
  #addUp(passages: readonly FeedbackPassage[]): number {
    const { k1, b } = bm25Defaults;
    const { averageLength } = this.#statistics;
    let met = 0;
    for (const { text, share } of passages) {
      if (share === 0) continue;
      const { numbers, counts, length } = this.#counter.count(text);
      this.#grow(counts.length);
      const norm = lengthNorm(length, averageLength, k1, b);
      for (let i = 0; i < numbers.length; i++) {
        const number = numbers[i]!;
        if (!this.#counter.isTopical(number)) continue;
        if (this.#sums[number] === 0) this.#met[met++] = number;
        this.#sums[number]! += share * saturation(counts[number]!, norm, k1);
      }
    }
    return met;
  }

  #grow(length: number): void {
    const known = this.#sums.length;
    if (length <= known) return;
    this.#sums = resized(this.#sums, length);
    this.#idf = resized(this.#idf, length).fill(Number.NaN, known);
    const met = new Uint32Array(length);
    met.set(this.#met);
    this.#met = met;
  }

  /** The terms of the largest weights by estimates, strongest first; equal ones by name. Clears the sums. */
  #strongest(met: number, terms: number): EstimatedTerm[] {
    const { greatestIdf } = this.#statistics;
    const best: EstimatedTerm[] = [];
    for (let i = 0; i < met; i++) {
      const number = this.#met[i]!;
      const sum = this.#sums[number]!;
      this.#sums[number] = 0;
      const least = best.length < terms ? 0 : best.at(-1)!.weight;
      // most terms of the weaker passages: looking up how rare they are would cost more than the rest
      if (sum * greatestIdf < least) continue;
      const weight = sum * this.#idfOf(number);
      if (weight < least) continue;
      const one = { term: this.#counter.term(number), sum, weight };
      let at = best.length;
      while (at > 0 && byStrength(one, best[at - 1]!) < 0) at--;
      best.splice(at, 0, one);
      if (best.length > terms) best.pop();
    }
    return best;
  }

  #idfOf(number: number): number {
    const known = this.#idf[number]!;
    if (!Number.isNaN(known)) return known;
    const idf = this.#statistics.sampledIdf(this.#counter.term(number));
    this.#idf[number] = idf;
    return idf;
  }
}

function resized(values: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}

interface WeighedTerm {
  readonly term: string;
  readonly weight: number;
}

interface EstimatedTerm extends WeighedTerm {
  /** What the passages say of it, however rare it is. */
  readonly sum: number;
}

/** Strongest first; equal ones by name. */
function byStrength(a: WeighedTerm, b: WeighedTerm): number {
  return b.weight - a.weight || (a.term < b.term ? -1 : 1);
}
