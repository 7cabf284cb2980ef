/** Trains what a TermWeigher makes of its features, by judged queries of any collections: a few numbers, so that they carry over to others. */
import { MnemeError } from "../errors.ts";
import {
  type FeaturedTerm,
  plainTermWeights,
  type TermWeigher,
  weightOf,
} from "../index/sparse/term-weigher.ts";
import { TopK } from "../index/top-k.ts";
import { Adam } from "./adam.ts";

export interface TermTrainingSet {
  readonly weigher: TermWeigher;
  readonly texts: readonly string[];
  /** Queries, and the places of the texts that answer each. */
  readonly queries: readonly { readonly text: string; readonly relevant: readonly number[] }[];
}

export interface TermTrainOptions {
  readonly steps?: number;
  readonly rate?: number;
  /** How much weights are pulled back to BM25's. */
  readonly decay?: number;
  /** Best texts by BM25 with plain expansions that a query's relevant ones compete with. */
  readonly candidates?: number;
}

export const termTrainDefaults = { steps: 60, rate: 0.05, decay: 0.05, candidates: 50 } as const;

/** A term that a query and a text share: its weights multiply, their features add up. */
interface Candidate {
  readonly shared: readonly FeaturedTerm[];
  readonly relevant: boolean;
}

/** Of scores by BM25, so that softmax sees a difference of a few points. */
const FIRST_SCALE = Math.log(0.3);

/**
 * Every collection counts alike. Softmax over each query's candidates, the relevant ones wanted.
 * @throws MnemeError INSUFFICIENT_DATA where no query has a relevant text among its candidates
 */
export async function trainTermWeights(
  sets: readonly TermTrainingSet[],
  options: TermTrainOptions = {},
): Promise<Float32Array> {
  const { steps, rate, decay, candidates } = { ...termTrainDefaults, ...options };
  const all = await Promise.all(sets.map((set) => candidatesOf(set, candidates)));
  if (!all.some(({ length }) => length > 0))
    throw new MnemeError("INSUFFICIENT_DATA", "train term weights: no query has a relevant text");
  const start = plainTermWeights();
  const weights = { terms: start.slice(), scale: Float32Array.of(FIRST_SCALE) };
  const adam = new Adam(weights, { rate, steps, decay: 0, warmup: 0 });
  for (let step = 0; step < steps; step++) {
    const gradients = { terms: new Float32Array(start.length), scale: new Float32Array(1) };
    for (const queries of all)
      for (const query of queries) addGradient(query, weights, 1 / (queries.length * all.length), gradients);
    for (let i = 0; i < start.length; i++) gradients.terms[i]! += decay * (weights.terms[i]! - start[i]!);
    adam.step(gradients, step);
  }
  return weights.terms;
}

interface Trained {
  readonly terms: Float32Array;
  readonly scale: Float32Array;
}

function addGradient(
  query: readonly Candidate[],
  { terms, scale }: Trained,
  share: number,
  to: Trained,
): void {
  const factor = Math.exp(scale[0]!);
  const parts = query.map(({ shared }) => shared.map((one) => factor * weightOf(one, terms)));
  const scores = parts.map((part) => part.reduce((sum, value) => sum + value, 0));
  const most = Math.max(...scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
  const wanted = 1 / query.filter(({ relevant }) => relevant).length;
  for (const [c, { shared, relevant }] of query.entries()) {
    const pull = share * (Math.exp(scores[c]! - most) / total - (relevant ? wanted : 0));
    to.scale[0]! += pull * scores[c]!;
    for (const [s, { features }] of shared.entries()) {
      const own = pull * parts[c]![s]!;
      for (let i = 0; i < features.length; i++) to.terms[i]! += own * features[i]!;
    }
  }
}

/** Each query with its best texts by plain weights and those that are relevant. */
async function candidatesOf(set: TermTrainingSet, count: number): Promise<Candidate[][]> {
  const { weigher, texts, queries } = set;
  const documents = await weigher.documentTerms(texts);
  const postings = new Map<string, number[]>();
  for (const [d, terms] of documents.entries())
    for (const term of terms.keys()) {
      const list = postings.get(term) ?? [];
      postings.set(term, list);
      list.push(d);
    }
  const plain = plainTermWeights();
  const all: Candidate[][] = [];
  for (const { text, relevant } of queries) {
    const asked = await weigher.queryTerms(text);
    const scores = new Map<number, number>();
    for (const [term, { base }] of asked)
      for (const d of postings.get(term) ?? [])
        scores.set(d, (scores.get(d) ?? 0) + base * weightOf(documents[d]!.get(term)!, plain));
    const best = new TopK(count);
    for (const [d, score] of scores) best.push(score, d);
    const wanted = new Set(relevant);
    if (wanted.size === 0) continue;
    const chosen = new Set([...best.drain().rows, ...wanted]);
    all.push(
      Array.from(chosen, (d) => ({ shared: sharedOf(asked, documents[d]!), relevant: wanted.has(d) })),
    );
  }
  return all;
}

function sharedOf(
  asked: ReadonlyMap<string, FeaturedTerm>,
  document: ReadonlyMap<string, FeaturedTerm>,
): FeaturedTerm[] {
  const shared: FeaturedTerm[] = [];
  for (const [term, one] of asked) {
    const other = document.get(term);
    if (!other) continue;
    const features = one.features.map((value, i) => value + other.features[i]!);
    shared.push({ base: one.base * other.base, features });
  }
  return shared;
}
