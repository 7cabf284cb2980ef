/**
 * What a hit of the cube speaks for, as numbers that weights can be learnt for: how much its labels of each dimension weigh, those that
 * are names in the question, and those that match to the letter, in part or in meaning. Which dimensions are worth much differs from
 * corpus to corpus: of contracts the parties, of abstracts the substances.
 */
import type { Component } from "./components.ts";
import type { CubeHit, CubeReason } from "./search-cube.ts";

const HOW: readonly CubeReason["how"][] = ["exact", "part", "similar"];
/** All, names, other words, and the three ways to match. */
const KINDS = 3 + HOW.length;

/** Numbers of a hit's evidence. */
export function evidenceSize(dimensions: readonly string[]): number {
  return KINDS + dimensions.length;
}

/** Weights that leave the cube's own order as it is. @param weight of all evidence together */
export function plainEvidence(dimensions: readonly string[], weight: number): Float64Array {
  const plain = new Float64Array(evidenceSize(dimensions));
  plain[0] = weight;
  return plain;
}

/** @param best score that counts as 1: that of the question's best hit */
export function evidenceOf(
  { reasons }: Pick<CubeHit, "reasons">,
  components: readonly Component[],
  dimensions: readonly string[],
  best: number,
): Float64Array {
  const evidence = new Float64Array(evidenceSize(dimensions));
  const names = new Set(components.filter(({ isName }) => isName).map(({ text }) => text));
  for (const { component, dimension, how, weight } of reasons) {
    const share = weight / best;
    evidence[0]! += share;
    evidence[names.has(component) ? 1 : 2]! += share;
    evidence[3 + HOW.indexOf(how)]! += share;
    evidence[KINDS + dimensions.indexOf(dimension)]! += share;
  }
  return evidence;
}
