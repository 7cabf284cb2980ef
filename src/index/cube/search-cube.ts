/** Ranking in a cube: what each row covers of a question's components, and by which labels. */
import { MnemeError } from "../../errors.ts";
import type { RowSet } from "../row-set.ts";
import type { Component } from "./components.ts";
import { labelKey } from "./label.ts";
import type { LabelVectors, SimilarLabel } from "./label-vectors.ts";
import type { CubeView } from "./view.ts";

/** Why a row was found: a component of the question, and the label that it has of it. */
export interface CubeReason {
  readonly component: string;
  readonly dimension: string;
  readonly label: string;
  /** "part": the label is some of the component's words. */
  readonly how: "exact" | "part" | "similar";
  /** 1 of an exact one; of a part the root of its share of the words. */
  readonly cosine: number;
  /** What it adds to the row's score. */
  readonly weight: number;
}

export const cubeSearchDefaults = {
  /** As BM25 squares what it knows of a term's rarity: once for the question and once for the document. */
  rarity: 2,
  /** So many occurrences in a row are worth half of what any number is. */
  saturation: 2,
} as const;

export interface CubeHit {
  readonly row: number;
  readonly score: number;
  /** Components that it covers. */
  readonly covered: number;
  readonly reasons: readonly CubeReason[];
}

export interface CubeAnswer {
  readonly hits: readonly CubeHit[];
  /** Components that no label matches. */
  readonly unmatched: readonly string[];
}

export interface CubeSearch {
  /** From 1. */
  readonly k: number;
  readonly filter?: RowSet;
  /** Labels by meaning, for components that are no label to the letter. */
  readonly vectors?: LabelVectors;
  /**
   * "count": by the number of components that a row covers, as the paper has it, then by weight. "weight": by the weights of the labels alone, so
   * that a rare label counts more than a common one. Default "weight".
   */
  readonly rank?: "count" | "weight";
  /** Power of a label's rarity in its weight; default 2. */
  readonly rarity?: number;
  /** Occurrences in a row that are worth half of what any number is; default 2. */
  readonly saturation?: number;
  readonly signal?: AbortSignal;
}

interface Match extends SimilarLabel {
  readonly how: CubeReason["how"];
}

/** Letters of a part, at least. */
const LEAST_PART = 3;

/** The best label of each component in a row. */
interface Covered {
  readonly weights: number[];
  readonly matches: (Match | undefined)[];
}

/**
 * Rows that have labels of the components, best first: every hit says by which. A component counts once, by its best label: rarity of the label x
 * how much of the document is about it x how near the label is.
 * @throws MnemeError RANGE, ARGUMENT (a dimension that there is not), CANCELLED
 */
export async function searchCube(
  cube: CubeView,
  components: readonly Component[],
  search: CubeSearch,
): Promise<CubeAnswer> {
  const { k, filter, rank = "weight" } = search;
  const { rarity: power, saturation } = { ...cubeSearchDefaults, ...search };
  if (!Number.isInteger(k) || k < 1)
    throw new MnemeError("RANGE", `cube: k must be a whole number from 1, got ${k}`);
  const matches = await matchesOf(cube, components, search);
  const covered = new Map<number, Covered>();
  matches.forEach((ofIt, c) => {
    const counts = countsOf(cube, ofIt);
    for (const match of ofIt) {
      const share = Math.max(1, counts.get(match.key)!) / cube.size;
      const rarity = Math.log(1 + 1 / share) ** power;
      cube.each(match.dimension, match.key, (row, times) => {
        if (filter && !filter.has(row)) return;
        const weight = ((rarity * times) / (times + saturation)) * match.cosine;
        let row_ = covered.get(row);
        if (!row_) {
          row_ = {
            weights: new Array<number>(components.length).fill(0),
            matches: new Array(components.length),
          };
          covered.set(row, row_);
        }
        if (weight <= row_.weights[c]!) return;
        row_.weights[c] = weight;
        // of one label in several dimensions the first names it: words come behind names
        if (row_.matches[c]?.key !== match.key) row_.matches[c] = match;
      });
    }
  });
  const hits = [...covered].map(([row, { weights, matches: by }]) => {
    const weight = weights.reduce((sum, one) => sum + one, 0);
    const count = by.filter(Boolean).length;
    return { row, weight, weights, count, by };
  });
  hits.sort((a, b) => (rank === "count" ? b.count - a.count : 0) || b.weight - a.weight || a.row - b.row);
  return {
    hits: hits.slice(0, k).map(({ row, weight, weights, count, by }) => ({
      row,
      score: weight,
      covered: count,
      reasons: by.flatMap((match, c) => (match ? [reasonOf(cube, components[c]!, match, weights[c]!)] : [])),
    })),
    unmatched: components.filter((_, c) => matches[c]!.length === 0).map(({ text }) => text),
  };
}

/** Labels that are a component or some of its words, side by side: "breast cancer" of "breast cancer development". */
function labelsIn(cube: CubeView, { text, dimensions, parts = [] }: Component): Match[] {
  const words = labelKey(text).split(" ");
  const found: Match[] = [];
  for (let from = 0; from < words.length; from++)
    for (let size = 1; size <= words.length - from; size++) {
      const key = words.slice(from, from + size).join(" ");
      const isWhole = size === words.length;
      if (key === "" || (!isWhole && key.length < LEAST_PART)) continue;
      for (const dimension of isWhole ? dimensions : parts)
        if (cube.count(dimension, key) > 0)
          found.push({
            dimension,
            key,
            how: isWhole ? "exact" : "part",
            cosine: Math.sqrt(size / words.length),
          });
    }
  return found;
}

/** Rows of each label, in the dimension that has most: what few rows are filed under in one and many in another is not rare. */
function countsOf(cube: CubeView, matches: readonly Match[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { dimension, key } of matches)
    counts.set(key, Math.max(counts.get(key) ?? 0, cube.count(dimension, key)));
  return counts;
}

function reasonOf(
  cube: CubeView,
  { text }: Component,
  { dimension, key, how, cosine }: Match,
  weight: number,
): CubeReason {
  return { component: text, dimension, label: cube.labelOf(dimension, key)!, how, cosine, weight };
}

/** Exact labels and those of some of a component's words, where there are some; else similar ones. */
async function matchesOf(
  cube: CubeView,
  components: readonly Component[],
  { vectors, signal }: CubeSearch,
): Promise<Match[][]> {
  const exact = components.map((component) => labelsIn(cube, component));
  if (!vectors) return exact;
  const open = components.filter((_, c) => exact[c]!.length === 0);
  const similar = await vectors.similar(open, signal);
  return components.map((component, c) => {
    if (exact[c]!.length > 0) return exact[c]!;
    return similar[open.indexOf(component)]!.map((one) => ({ ...one, how: "similar" as const }));
  });
}
