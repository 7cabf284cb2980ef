/**
 * Sparse vectors without a trained model: BM25's weights of a text's terms, and an eighth of them for terms that the text does not have but
 * that a static embedder holds to be near. NOT uniCOIL or SPLADE (Lin & Ma, A Few Brief Notes on DeepImpact, COIL, and a Conceptual
 * Framework, 2021): nothing is learnt from judged queries.
 */
import { type Matrix, rowOf } from "../../linalg/matrix.ts";
import { bm25Defaults, inverseDocumentFrequency, lengthNorm, saturation } from "../text/bm25.ts";
import { TermCounter } from "../text/term-counter.ts";
import { nearTerms, unitPart } from "./near-terms.ts";
import type { SparseVector } from "./weights.ts";

/** Texts to vectors, of any embedder. */
export interface TextVectors {
  embed(texts: readonly string[]): Promise<Matrix>;
}

/** Terms of fewer documents are not expanded, and expand nothing. */
const LEAST_DOCUMENTS = 5;
/** Of what the text's own term weighs. */
const EXPANSION = Math.exp(-2);

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

export class TermWeigher {
  readonly #counter = new TermCounter();
  readonly #documents: number;
  readonly #frequencies: ReadonlyMap<string, number>;
  readonly #averageLength: number;
  readonly #near: ReturnType<typeof nearTerms>;

  private constructor(
    documents: number,
    averageLength: number,
    frequencies: ReadonlyMap<string, number>,
    near: ReturnType<typeof nearTerms>,
  ) {
    this.#documents = documents;
    this.#averageLength = averageLength;
    this.#frequencies = frequencies;
    this.#near = near;
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
    const terms = [...written.keys()].filter((term) => (frequencies.get(term) ?? 0) >= LEAST_DOCUMENTS);
    const found = await embedder.embed(terms.map((term) => written.get(term)!));
    const vectors = new Map(terms.map((term, i) => [term, unitPart(rowOf(found, i))]));
    return new TermWeigher(texts.length, length / (texts.length || 1), frequencies, nearTerms(vectors));
  }

  /** Of a text of the collection, or of another one. */
  document(text: string): SparseVector {
    const { numbers, counts, length } = this.#counter.count(text);
    const norm = lengthNorm(length, this.#averageLength, bm25Defaults.k1, bm25Defaults.b);
    const own = new Map<string, number>();
    for (const number of numbers)
      own.set(this.#counter.term(number), saturation(counts[number]!, norm, bm25Defaults.k1));
    return Object.fromEntries([...this.#expansions(own), ...own]);
  }

  /** Its terms by their rarity in the collection, nothing beside them. */
  query(text: string): SparseVector {
    const { numbers, counts } = this.#counter.count(text);
    const weightOf = (term: string, count: number): number =>
      count * inverseDocumentFrequency(this.#documents, this.#frequencies.get(term) ?? 0);
    const terms = Array.from(numbers, (number) => [this.#counter.term(number), counts[number]!] as const);
    return Object.fromEntries(terms.map(([term, count]) => [term, weightOf(term, count)]));
  }

  /** Of several terms that one is near to, the heaviest counts. */
  #expansions(own: ReadonlyMap<string, number>): Map<string, number> {
    const found = new Map<string, number>();
    for (const [from, weight] of own)
      for (const { term } of this.#near.get(from) ?? [])
        found.set(term, Math.max(found.get(term) ?? 0, EXPANSION * weight));
    return found;
  }
}
