/**
 * What the cube says of a passage beside words and meaning: as a share of its best passage, or by the kinds and dimensions of its evidence,
 * weighed as a query log has taught. Which dimensions are worth much differs from library to library.
 */
import { EVIDENCE_KINDS, type EvidenceKind, evidenceOf, evidenceSize } from "../../index/cube/index.ts";
import { fuse } from "../fuse.ts";
import type { CubeFound } from "./ask-cube.ts";

/** Weights of what is known of a passage. A dimension that is not there weighs nothing of its own. */
export interface CubeWeights {
  /** Of the score by words and meaning. */
  readonly fused: number;
  /** Of the cube's score as a share of its best passage. */
  readonly share: number;
  readonly kinds: Readonly<Record<EvidenceKind, number>>;
  readonly dimensions: Readonly<Record<string, number>>;
}

/** The score by words and meaning, and the share. */
const SCORES = 2;

export const cubeFeatureCount = (dimensions: readonly string[]): number => SCORES + evidenceSize(dimensions);

/** A row of numbers for each passage, in the order of `weightsVector`. @param fused scores by words and meaning */
export function cubeFeatures(
  fused: ArrayLike<number>,
  rows: ArrayLike<number>,
  { hits, best, dimensions, scale }: CubeFound,
): Float64Array {
  const size = cubeFeatureCount(dimensions);
  const features = new Float64Array(rows.length * size);
  const by = scale();
  for (let i = 0; i < rows.length; i++) {
    features[i * size] = fused[i]!;
    const hit = hits.get(rows[i]!);
    if (!hit) continue;
    features[i * size + 1] = hit.score / best;
    features.set(evidenceOf(hit, dimensions, by), i * size + SCORES);
  }
  return features;
}

export function weightsVector(weights: CubeWeights, dimensions: readonly string[]): Float64Array {
  return Float64Array.of(
    weights.fused,
    weights.share,
    ...EVIDENCE_KINDS.map((kind) => weights.kinds[kind]),
    ...dimensions.map((name) => weights.dimensions[name] ?? 0),
  );
}

/** The inverse of `weightsVector`. */
export function weightsOf(vector: ArrayLike<number>, dimensions: readonly string[]): CubeWeights {
  const named = <K extends string>(names: readonly K[], from: number): Record<K, number> =>
    Object.fromEntries(names.map((name, i) => [name, vector[from + i]!])) as Record<K, number>;
  return {
    fused: vector[0]!,
    share: vector[1]!,
    kinds: named(EVIDENCE_KINDS, SCORES),
    dimensions: named(dimensions, SCORES + EVIDENCE_KINDS.length),
  };
}

/** Sums of features by weights, a passage each. */
export function weighed(features: Float64Array, weights: Float64Array): Float64Array {
  const scores = new Float64Array(features.length / weights.length);
  for (let i = 0, at = 0; i < scores.length; i++)
    for (let f = 0; f < weights.length; f++) scores[i]! += features[at++]! * weights[f]!;
  return scores;
}

/** Scores with what the cube says. @param weights what was learnt, or what the cube's share weighs beside the scores, which count 1 */
export function withCube(
  scores: Float64Array,
  rows: Uint32Array,
  found: CubeFound,
  weights: number | CubeWeights,
): Float64Array {
  if (typeof weights !== "number")
    return weighed(cubeFeatures(scores, rows, found), weightsVector(weights, found.dimensions));
  const { hits, best } = found;
  const ofCube = Float64Array.from(rows, (row) => (hits.get(row)?.score ?? 0) / best);
  const lists = [
    { scores, weight: 1 / (1 + weights) },
    { scores: ofCube, weight: weights / (1 + weights) },
  ];
  return fuse(lists, "linear");
}
