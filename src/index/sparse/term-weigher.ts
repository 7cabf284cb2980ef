/**
 * Learnt sparse vectors of a small model: BM25's weights of a text's terms times what training found in them, and terms that the text does
 * not have but whose meaning is near. A cousin of uniCOIL and SPLADE (Lin & Ma, A Few Brief Notes on DeepImpact, COIL, and a Conceptual
 * Framework, 2021) without a transformer: a log-linear model of ten features over a static embedder.
 */
import type { Matrix } from "../../linalg/matrix.ts";
import { rowOf } from "../../linalg/matrix.ts";
import { bm25Defaults, inverseDocumentFrequency, lengthNorm, saturation } from "../text/bm25.ts";
import { TermCounter } from "../text/term-counter.ts";
import { nearTerms, unitPart } from "./near-terms.ts";
import type { SparseVector } from "./weights.ts";

/** What a weight hangs on: of a document's own term, of one that it is expanded by, of a query's. */
export const TERM_FEATURES = [
  ...(["repeats", "length", "place", "likeness", "rarity"] as const),
  ...(["expansion", "nearness", "expanded likeness"] as const),
  ...(["asked likeness", "asked rarity"] as const),
] as const;

/** Logarithms of factors, a number for each feature. */
export type TermWeights = Readonly<Float32Array>;

/** Says nothing beyond BM25, and an eighth of it for an expansion. */
export function plainTermWeights(): Float32Array {
  const weights = new Float32Array(TERM_FEATURES.length);
  weights[TERM_FEATURES.indexOf("expansion")] = -2;
  return weights;
}

/** Texts to vectors, of any embedder. */
export interface TextVectors {
  embed(texts: readonly string[]): Promise<Matrix>;
}

/** A term with its weight by BM25 and its features. */
export interface FeaturedTerm {
  readonly base: number;
  readonly features: Float32Array;
}

/** Terms of fewer documents are not expanded, and expand nothing. */
const LEAST_DOCUMENTS = 5;
/** Numbers are brought to about 1. */
const RARITY_UNIT = 8;
const NEARNESS_ORIGIN = 0.7;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

export class TermWeigher {
  readonly #counter = new TermCounter();
  readonly #embedder: TextVectors;
  readonly #documents: number;
  readonly #frequencies: ReadonlyMap<string, number>;
  readonly #averageLength: number;
  readonly #vectors: ReadonlyMap<string, Float32Array>;
  readonly #near: ReadonlyMap<string, readonly { readonly term: string; readonly cosine: number }[]>;

  private constructor(
    embedder: TextVectors,
    documents: number,
    averageLength: number,
    frequencies: ReadonlyMap<string, number>,
    vectors: ReadonlyMap<string, Float32Array>,
  ) {
    this.#embedder = embedder;
    this.#documents = documents;
    this.#averageLength = averageLength;
    this.#frequencies = frequencies;
    this.#vectors = vectors;
    this.#near = nearTerms(
      new Map([...vectors].filter(([term]) => frequencies.get(term)! >= LEAST_DOCUMENTS)),
    );
  }

  /** Counts the terms of a collection and finds those that are near each other. */
  static async over(texts: readonly string[], embedder: TextVectors): Promise<TermWeigher> {
    const counter = new TermCounter();
    const frequencies = new Map<string, number>();
    let length = 0;
    for (const text of texts) {
      const counted = counter.count(text);
      length += counted.length;
      for (const number of counted.numbers) {
        const term = counter.term(number);
        frequencies.set(term, (frequencies.get(term) ?? 0) + 1);
      }
    }
    const written = new Map<string, string>();
    for (const word of new Set(texts.flatMap(wordsOf))) {
      const { numbers } = counter.count(word);
      const term = numbers.length === 1 ? counter.term(numbers[0]!) : undefined;
      if (term !== undefined && !written.has(term)) written.set(term, word);
    }
    const terms = [...written.keys()].filter((term) => frequencies.has(term));
    const { rows, ...found } = await embedder.embed(terms.map((term) => written.get(term)!));
    const vectors = new Map(terms.map((term, i) => [term, unitPart(rowOf({ rows, ...found }, i))]));
    return new TermWeigher(embedder, texts.length, length / (texts.length || 1), frequencies, vectors);
  }

  /** Terms of each document, its own and those that it is expanded by. */
  async documentTerms(texts: readonly string[]): Promise<Map<string, FeaturedTerm>[]> {
    const found = await this.#embedder.embed(texts);
    return texts.map((text, i) => this.#termsOf(text, unitPart(rowOf(found, i))));
  }

  async queryTerms(text: string): Promise<Map<string, FeaturedTerm>> {
    const vector = unitPart(rowOf(await this.#embedder.embed([text]), 0));
    const { numbers, counts } = this.#counter.count(text);
    const terms = new Map<string, FeaturedTerm>();
    for (const number of numbers) {
      const term = this.#counter.term(number);
      const idf = this.#idf(term);
      const features = featuresOf({
        "asked likeness": this.#cosine(term, vector),
        "asked rarity": idf / RARITY_UNIT,
      });
      terms.set(term, { base: counts[number]! * idf, features });
    }
    return terms;
  }

  async documents(texts: readonly string[], weights: TermWeights): Promise<SparseVector[]> {
    return (await this.documentTerms(texts)).map((terms) => weighed(terms, weights));
  }

  async query(text: string, weights: TermWeights): Promise<SparseVector> {
    return weighed(await this.queryTerms(text), weights);
  }

  #termsOf(text: string, vector: Float32Array): Map<string, FeaturedTerm> {
    const { numbers, counts, length } = this.#counter.count(text);
    const norm = lengthNorm(length, this.#averageLength, bm25Defaults.k1, bm25Defaults.b);
    const own = new Map<string, FeaturedTerm>();
    for (const [place, number] of numbers.entries()) {
      const term = this.#counter.term(number);
      const features = featuresOf({
        repeats: Math.log(1 + counts[number]!),
        length: Math.log(length / this.#averageLength),
        place: place / numbers.length,
        likeness: this.#cosine(term, vector),
        rarity: this.#idf(term) / RARITY_UNIT,
      });
      own.set(term, { base: saturation(counts[number]!, norm, bm25Defaults.k1), features });
    }
    const all = new Map(own);
    for (const [from, { base, features }] of own) this.#expand(from, base, features, vector, all);
    return all;
  }

  /** Of several terms that one is near to, the heaviest counts. */
  #expand(
    from: string,
    base: number,
    features: Float32Array,
    vector: Float32Array,
    all: Map<string, FeaturedTerm>,
  ): void {
    for (const { term, cosine } of this.#near.get(from) ?? []) {
      const known = all.get(term);
      if (known && (known.features[EXPANSION] === 0 || known.base >= base)) continue;
      const expanded = features.slice();
      expanded[EXPANSION] = 1;
      expanded[EXPANSION + 1] = cosine - NEARNESS_ORIGIN;
      expanded[EXPANSION + 2] = this.#cosine(term, vector);
      all.set(term, { base, features: expanded });
    }
  }

  #idf(term: string): number {
    return inverseDocumentFrequency(this.#documents, this.#frequencies.get(term) ?? 0);
  }

  #cosine(term: string, vector: Float32Array): number {
    const own = this.#vectors.get(term);
    return own ? own.reduce((sum, value, i) => sum + value * vector[i]!, 0) : 0;
  }
}

const EXPANSION = TERM_FEATURES.indexOf("expansion");

function featuresOf(named: Partial<Record<(typeof TERM_FEATURES)[number], number>>): Float32Array {
  return Float32Array.from(TERM_FEATURES, (name) => named[name] ?? 0);
}

/** What a term weighs: its weight by BM25 times the exponential of what its features say. */
export function weightOf({ base, features }: FeaturedTerm, weights: TermWeights): number {
  let sum = 0;
  for (let i = 0; i < features.length; i++) sum += features[i]! * weights[i]!;
  return base * Math.exp(sum);
}

const weighed = (terms: ReadonlyMap<string, FeaturedTerm>, weights: TermWeights): SparseVector =>
  Object.fromEntries(Array.from(terms, ([term, one]) => [term, weightOf(one, weights)]));
