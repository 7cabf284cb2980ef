/** Types of the cube's verbs. */
import type { CubeReason, Extractor } from "../../index/cube/index.ts";
import type { Where } from "../../index/filter/where.ts";

export type { CubeReason };

/** Dimensions are standard ones by name, or what own extractors fill. */
export type CubeOption = boolean | { readonly dimensions?: readonly (string | Extractor)[] };

/** Labels by dimension: one of a dimension's must be there, in every dimension. */
export type FacetChoice = Readonly<Record<string, string | readonly string[]>>;

export interface FacetQuery {
  /** Counts over the passages that a search for this finds; absent or empty: over all. */
  readonly query?: string;
  /** Passages of the search that count; default 200. */
  readonly k?: number;
  readonly filter?: Where;
  /** A dimension's counts heed the choices in all others, as one expects of "or" within a dimension. */
  readonly facets?: FacetChoice;
  /** Default: all but single words and aliases. */
  readonly dimensions?: readonly string[];
  /** Values of a dimension, at most; default 10. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** A dimension of the cube and its labels, the most frequent first. */
export interface Facet {
  readonly dimension: string;
  readonly values: readonly {
    readonly value: string;
    /** Items with a passage filed under it. */
    readonly count: number;
  }[];
}
