/**
 * Documents ranked by the n-grams of a question that they hold (Bevilacqua and others, Autoregressive Search Engines, 2022, "intersective"
 * scoring): the more of them, the rarer and the more different, the better. First by rare n-grams alone, which the index locates; then
 * the best documents are read and all their n-grams and single tokens counted.
 */
import {
  type ScoredNGram,
  type Unigrams,
  type WeighedNGram,
  type WeightOptions,
  weighNGrams,
  weighUnigrams,
} from "./n-gram-weights.ts";
import type { TokenIndex } from "./token-index/token-index.ts";

export interface NGramRankOptions extends WeightOptions {
  /** Documents wanted; default 100. */
  readonly k?: number;
  /** How much of an n-gram's weight hangs on tokens that no other n-gram of the document had; default 0.8. */
  readonly beta?: number;
  /** An n-gram that occurs more often is not located; it counts in documents found by others. Default 300; 1500 finds the same. */
  readonly rare?: number;
  /** Documents that are read; default 200, or k where that is more. */
  readonly read?: number;
  /** Only documents for which this is true. */
  readonly allowed?: (document: number) => boolean;
}

export const nGramRankDefaults = { k: 100, beta: 0.8, rare: 300, read: 200 } as const;

/** An n-gram of a document that counted. */
export interface NGramMatch {
  readonly tokens: readonly number[];
  /** Token of the document with which it begins. */
  readonly at: number;
  /** What it added to the score. */
  readonly score: number;
}

export interface NGramHit {
  readonly document: number;
  readonly score: number;
  /** Heaviest first. */
  readonly matches: readonly NGramMatch[];
}

/** What of a document is accounted for. */
class Coverage {
  score = 0;
  readonly matches: NGramMatch[] = [];
  readonly #covered = new Set<number>();
  readonly #types = new Set<number>();
  #last: WeighedNGram | undefined;

  /** Counts an n-gram at a place, unless it did at another or another covers some of it. */
  take(nGram: WeighedNGram, at: number, beta: number): void {
    const { tokens, weight } = nGram;
    if (this.#last === nGram) return;
    for (let i = 0; i < tokens.length; i++) if (this.#covered.has(at + i)) return;
    this.#last = nGram;
    const fresh = new Set(tokens.filter((token) => !this.#types.has(token)));
    const score = weight * (1 - beta + (beta * fresh.size) / tokens.length);
    for (const token of fresh) this.#types.add(token);
    for (let i = 0; i < tokens.length; i++) this.#covered.add(at + i);
    this.score += score;
    this.matches.push({ tokens, at, score });
  }

  /** Adds tokens that no n-gram had, each once. */
  takeUnigrams(document: Uint32Array, weights: ReadonlyMap<number, number>): void {
    for (const token of document) {
      if (this.#types.has(token)) continue;
      this.#types.add(token);
      this.score += weights.get(token) ?? 0;
    }
  }
}

/**
 * @returns at most k documents, best first; equal ones by their numbers. None where no n-gram weighs anything.
 * @throws nothing of its own; bad options are the caller's to check
 */
export function rankByNGrams(
  index: TokenIndex,
  nGrams: readonly ScoredNGram[],
  unigrams: Unigrams,
  options: NGramRankOptions = {},
): NGramHit[] {
  const { k, beta, rare, read } = { ...nGramRankDefaults, ...options };
  const weighed = weighNGrams(index, nGrams, options);
  const first = new Map<number, Coverage>();
  for (const nGram of weighed) {
    if (nGram.range.high - nGram.range.low > rare) continue;
    const { documents, offsets } = index.locate(nGram.range, nGram.tokens.length);
    for (const [i, document] of documents.entries()) {
      if (options.allowed && !options.allowed(document)) continue;
      const coverage = first.get(document) ?? new Coverage();
      first.set(document, coverage);
      coverage.take(nGram, offsets[i]!, beta);
    }
  }
  const best = [...first].sort(([a, x], [b, y]) => y.score - x.score || a - b).slice(0, Math.max(k, read));
  const trie = new NGramTrie(weighed);
  const weights = weighUnigrams(index, unigrams, options);
  const hits = best.map(([document]) => fullScore(document, index.tokensOf(document), trie, weights, beta));
  return hits.sort((a, b) => b.score - a.score || a.document - b.document).slice(0, k);
}

function fullScore(
  document: number,
  tokens: Uint32Array,
  trie: NGramTrie,
  unigrams: ReadonlyMap<number, number>,
  beta: number,
): NGramHit {
  const found = trie.matches(tokens);
  found.sort((a, b) => a.place - b.place || a.at - b.at);
  const coverage = new Coverage();
  for (const { nGram, at } of found) coverage.take(nGram, at, beta);
  coverage.takeUnigrams(tokens, unigrams);
  return { document, score: coverage.score, matches: coverage.matches };
}

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  nGram?: WeighedNGram;
  /** Of the n-gram among all, by weight. */
  place: number;
}

/** Finds all n-grams in a text at once. */
class NGramTrie {
  readonly #root: TrieNode = { next: new Map(), place: -1 };

  constructor(nGrams: readonly WeighedNGram[]) {
    for (const [place, nGram] of nGrams.entries()) {
      let node = this.#root;
      for (const token of nGram.tokens) {
        const next: TrieNode = node.next.get(token) ?? { next: new Map(), place: -1 };
        node.next.set(token, next);
        node = next;
      }
      node.nGram = nGram;
      node.place = place;
    }
  }

  matches(
    tokens: Uint32Array,
  ): { readonly nGram: WeighedNGram; readonly place: number; readonly at: number }[] {
    const found: { nGram: WeighedNGram; place: number; at: number }[] = [];
    for (let at = 0; at < tokens.length; at++) {
      let node = this.#root.next.get(tokens[at]!);
      for (let i = at + 1; node; i++) {
        if (node.nGram) found.push({ nGram: node.nGram, place: node.place, at });
        node = i < tokens.length ? node.next.get(tokens[i]!) : undefined;
      }
    }
    return found;
  }
}
