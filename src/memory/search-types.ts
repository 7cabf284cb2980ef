/** What a search asks for, and what it finds. */
import type { Meta, Where } from "../index/filter/where.ts";
import type { SparseVector } from "../index/sparse/weights.ts";
import type { CubeReason, FacetChoice } from "./cube/types.ts";
import type { Provenance } from "./provenance.ts";
import type { RecallOptions } from "./recall-plan.ts";

export interface SearchQuery extends RecallOptions {
  /** How many hits; default 10. */
  readonly k?: number;
  readonly filter?: Where;
  /** Only passages filed under these labels of the cube: in each dimension one of them. */
  readonly facets?: FacetChoice;
  /** Whether a hybrid search looks the parts of the question up in the cube, where the library has one; default true. */
  readonly cube?: boolean;
  /** "hybrid" (default), "words", "meaning"; "generative": by n-grams of the library that its language model writes about the query, slow. */
  readonly retriever?: "hybrid" | "words" | "meaning" | "generative";
  /** Whether a hybrid search mixes in what "generative" finds; default false. */
  readonly generative?: boolean;
  /** Least `score` of a hit; default: none. */
  readonly minScore?: number;
  /**
   * Wanted share of the best passages by meaning, 0.5 to 1: more is slower. 1: every vector is scored as it is kept on disk. Default: about
   * 0.95 of the best ten, and the result says what to expect.
   */
  readonly recall?: number;
  /** `next` of an earlier result of the same query; `k`, `minScore` and `snippet` may be others. */
  readonly cursor?: string;
  /** One hit an item (default) or every passage. */
  readonly group?: "item" | "passage";
  /** Length of a snippet in characters; default 240; 0: none. */
  readonly snippet?: number;
  readonly vector?: Float32Array;
  /** Learnt sparse vector of the query, of a hybrid search: found beside words by `sparse` of the items. */
  readonly sparse?: SparseVector;
  readonly signal?: AbortSignal;
}

export interface Reason {
  readonly by: "words" | "sparse" | "meaning" | "generative" | "facets" | "cube";
  /** Rank within that retriever, from 1. */
  readonly rank: number;
  /** Of "meaning" the cosine with the question as it was asked; of words after feedback with the terms that it added. */
  readonly score: number;
  /** Matched terms, n-grams or facet values. */
  readonly terms?: readonly string[];
  /** Of the cube: parts of the question, and the labels by which the passage is filed under them. */
  readonly labels?: readonly CubeReason[];
}

export interface Place {
  /** UTF-16 offsets of the passage in the item's text. */
  readonly start: number;
  readonly end: number;
  /** 1-based. */
  readonly line: number;
  /** Headings above the passage, outermost first. */
  readonly headings: readonly string[];
  /** 1-based page for paged formats. */
  readonly page?: number;
}

export interface Hit {
  readonly id: string;
  readonly passage: number;
  /**
   * Never rises down the list. Of a hybrid search 0 to 1 and comparable between searches: for the best hit how well it matches the question, the
   * mean of its cosine and of its BM25 over that of an average passage with every word of the question; for the others their share of the
   * best one's rank score times that. Of "meaning": the cosine. Of "words", and where the query has operators: BM25, which compares within one
   * search alone; so do the sums of `fusion` "linear" and "rrf", and what "generative" says.
   */
  readonly score: number;
  readonly title: string;
  readonly snippet: string;
  /** UTF-16 ranges in `snippet` to highlight. */
  readonly highlights: readonly (readonly [number, number])[];
  readonly place: Place;
  readonly meta: Meta;
  readonly provenance: Provenance;
  readonly reasons: readonly Reason[];
}

/** Iterable over its hits. */
export interface SearchResult extends Iterable<Hit> {
  readonly hits: readonly Hit[];
  /** Cursor for the next page; absent at the end. */
  readonly next?: string;
  readonly ms: number;
  /** Share of the k best passages by meaning that such a search finds, as measured when the indexes were built; absent where only words were searched. */
  readonly recall?: number;
  /** What the library could not use, e.g. a query without known words. */
  readonly notes: readonly string[];
}
