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
  readonly how: "exact" | "similar";
  /** 1 of an exact one. */
  readonly cosine: number;
}

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
  readonly signal?: AbortSignal;
}

interface Match extends SimilarLabel {
  readonly how: CubeReason["how"];
}

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
  if (!Number.isInteger(k) || k < 1)
    throw new MnemeError("RANGE", `cube: k must be a whole number from 1, got ${k}`);
  const matches = await matchesOf(cube, components, search);
  const covered = new Map<number, Covered>();
  matches.forEach((ofIt, c) => {
    for (const match of ofIt) {
      const rarity = Math.log(1 + cube.size / Math.max(1, cube.count(match.dimension, match.key)));
      cube.each(match.dimension, match.key, (row, times) => {
        if (filter && !filter.has(row)) return;
        const weight = ((rarity * times) / (times + 1)) * match.cosine;
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
        row_.matches[c] = match;
      });
    }
  });
  const hits = [...covered].map(([row, { weights, matches: by }]) => {
    const weight = weights.reduce((sum, one) => sum + one, 0);
    const count = by.filter(Boolean).length;
    return { row, weight, count, by };
  });
  hits.sort((a, b) => (rank === "count" ? b.count - a.count : 0) || b.weight - a.weight || a.row - b.row);
  return {
    hits: hits.slice(0, k).map(({ row, weight, count, by }) => ({
      row,
      score: weight,
      covered: count,
      reasons: by.flatMap((match, c) => (match ? [reasonOf(cube, components[c]!, match)] : [])),
    })),
    unmatched: components.filter((_, c) => matches[c]!.length === 0).map(({ text }) => text),
  };
}

function reasonOf(cube: CubeView, { text }: Component, { dimension, key, how, cosine }: Match): CubeReason {
  return { component: text, dimension, label: cube.labelOf(dimension, key)!, how, cosine };
}

/** Exact labels where there are some; else similar ones. */
async function matchesOf(
  cube: CubeView,
  components: readonly Component[],
  { vectors, signal }: CubeSearch,
): Promise<Match[][]> {
  const exact = components.map(({ text, dimensions }) => {
    const key = labelKey(text);
    return dimensions.flatMap((dimension): Match[] =>
      key !== "" && cube.count(dimension, key) > 0 ? [{ dimension, key, how: "exact", cosine: 1 }] : [],
    );
  });
  if (!vectors) return exact;
  const open = components.filter((_, c) => exact[c]!.length === 0);
  const similar = await vectors.similar(open, signal);
  return components.map((component, c) => {
    if (exact[c]!.length > 0) return exact[c]!;
    return similar[open.indexOf(component)]!.map((one) => ({ ...one, how: "similar" as const }));
  });
}
