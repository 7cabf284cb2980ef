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
  /** The shortlist: numbers of terms, what the passages say of each however rare it is, and their weights by estimates. */
  #numbers = new Uint32Array(0);
  #shares = new Float64Array(0);
  #weights = new Float64Array(0);
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
    const count = this.#shortlist(this.#addUp(passages), SHORTLIST * terms);
    const weighed: WeighedTerm[] = [];
    for (let i = 0; i < count; i++) {
      const term = this.#counter.term(this.#numbers[i]!);
      weighed.push({ term, weight: this.#shares[i]! * this.#statistics.idf(term) });
    }
    weighed.sort(byStrength);
    weighed.length = Math.min(weighed.length, terms);
    const total = weighed.reduce((sum, { weight }) => sum + weight, 0);
    const shares = new Map<string, number>();
    for (const { term, weight } of weighed) shares.set(term, weight / total);
    return shares;
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

  /**
   * Puts the terms of the largest weights by estimates on the shortlist, strongest first; equal ones by name. Clears the sums.
   * @returns how many they are
   */
  #shortlist(met: number, most: number): number {
    if (this.#numbers.length < most) this.#makeRoom(most);
    const [numbers, shares, weights] = [this.#numbers, this.#shares, this.#weights];
    const { greatestIdf } = this.#statistics;
    let count = 0;
    for (let i = 0; i < met; i++) {
      const number = this.#met[i]!;
      const sum = this.#sums[number]!;
      this.#sums[number] = 0;
      const least = count < most ? 0 : weights[count - 1]!;
      // most terms of the weaker passages: looking up how rare they are would cost more than the rest
      if (sum * greatestIdf < least) continue;
      const weight = sum * this.#idfOf(number);
      if (weight < least) continue;
      let at = count;
      while (at > 0 && this.#isStronger(weight, number, at - 1)) at--;
      if (at === most) continue;
      if (count < most) count++;
      for (let from = count - 1; from > at; from--) {
        numbers[from] = numbers[from - 1]!;
        shares[from] = shares[from - 1]!;
        weights[from] = weights[from - 1]!;
      }
      numbers[at] = number;
      shares[at] = sum;
      weights[at] = weight;
    }
    return count;
  }

  /** Whether a term comes before the one at a place of the shortlist. */
  #isStronger(weight: number, number: number, place: number): boolean {
    const other = this.#weights[place]!;
    if (weight !== other) return weight > other;
    return this.#counter.term(number) < this.#counter.term(this.#numbers[place]!);
  }

  #makeRoom(most: number): void {
    this.#numbers = new Uint32Array(most);
    this.#shares = new Float64Array(most);
    this.#weights = new Float64Array(most);
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

/** Strongest first; equal ones by name. */
function byStrength(a: WeighedTerm, b: WeighedTerm): number {
  return b.weight - a.weight || (a.term < b.term ? -1 : 1);
}
