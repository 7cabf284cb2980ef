/** Ranking in a cube: what each row covers of a question's components, and by which labels. */
import { MnemeError } from "../../errors.ts";
import type { RowSet } from "../row-set.ts";
import type { Component } from "./components.ts";
import { Coverage } from "./coverage.ts";
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
  readonly filter?: RowSet | undefined;
  /** Labels by meaning, for components that are no label to the letter. */
  readonly vectors?: LabelVectors | undefined;
  /**
   * "count": by the number of components that a row covers, as the paper has it, then by weight. "weight": by the weights of the labels alone, so
   * that a rare label counts more than a common one. Default "weight".
   */
  readonly rank?: "count" | "weight";
  /** Power of a label's rarity in its weight; default 2. */
  readonly rarity?: number;
  /** Occurrences in a row that are worth half of what any number is; default 2. */
  readonly saturation?: number;
  readonly signal?: AbortSignal | undefined;
}

interface Match extends SimilarLabel {
  readonly how: CubeReason["how"];
}

/** Letters of a part, at least. */
const LEAST_PART = 3;

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
  const { rarity: power = cubeSearchDefaults.rarity, saturation = cubeSearchDefaults.saturation } = search;
  if (!Number.isInteger(k) || k < 1)
    throw new MnemeError("RANGE", `cube: k must be a whole number from 1, got ${k}`);
  const matches = await matchesOf(cube, components, search);
  const coverage = new Coverage(components.length);
  matches.forEach((ofIt, c) => {
    const counts = countsOf(cube, ofIt);
    ofIt.forEach(({ dimension, key, cosine }, label) => {
      const most = rarityOf(counts.get(key)!, cube.size, power) * cosine;
      // of one label in several dimensions the first names it: words come behind names
      const isSame = (other: number): boolean => ofIt[other]!.key === key;
      cube.each(dimension, key, (row, times) => {
        if (filter && !filter.has(row)) return;
        coverage.take(row, c, (most * times) / (times + saturation), label, isSame);
      });
    });
  });
  return {
    hits: hitsOf(cube, components, matches, coverage, k, rank),
    unmatched: components.filter((_, c) => matches[c]!.length === 0).map(({ text }) => text),
  };
}

function hitsOf(
  cube: CubeView,
  components: readonly Component[],
  matches: readonly (readonly Match[])[],
  coverage: Coverage,
  k: number,
  rank: "count" | "weight",
): CubeHit[] {
  const { rows } = coverage;
  const [scores, counts] = [coverage.scores(), coverage.counts()];
  const first = rank === "count" ? counts : scores;
  // only rows that can be among the first k are put in order
  const least = k < rows.length ? first.slice().sort()[rows.length - k]! : 0;
  const order = Uint32Array.from(rows.keys())
    .filter((place) => first[place]! >= least)
    .sort((a, b) => first[b]! - first[a]! || scores[b]! - scores[a]! || rows[a]! - rows[b]!);
  return Array.from(order.subarray(0, k), (place) => ({
    row: rows[place]!,
    score: scores[place]!,
    covered: counts[place]!,
    reasons: components.flatMap((component, c) => {
      const match = matches[c]![coverage.label(place, c)];
      return match ? [reasonOf(cube, component, match, coverage.weight(place, c))] : [];
    }),
  }));
}

/** Weight of a label that so many of all rows have. */
export function rarityOf(count: number, rows: number, power: number = cubeSearchDefaults.rarity): number {
  return Math.log(1 + rows / Math.max(1, count)) ** power;
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
    return similar[open.indexOf(component)]!.map(({ dimension, key, cosine }) => ({
      dimension,
      key,
      cosine,
      how: "similar" as const,
    }));
  });
}
