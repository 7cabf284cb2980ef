/**
 * What a hit of the cube speaks for, as numbers that weights can be learnt for: how much its labels of each dimension weigh, those that
 * are names in the question, and those that match to the letter, in part or in meaning. Which dimensions are worth much differs from
 * corpus to corpus: of contracts the parties, of abstracts the substances.
 */
import type { Component } from "./components.ts";
import { type CubeHit, type CubeReason, cubeSearchDefaults, rarityOf } from "./search-cube.ts";

const HOW: readonly CubeReason["how"][] = ["exact", "part", "similar"];
/**
 * What evidence is told apart by, whatever the dimensions: all of it, that of names and of other words, of the three ways to match, what is
 * covered (each component with what it weighs at most, however often the hit says it), names that are, and the most telling component.
 */
export const EVIDENCE_KINDS = [
  "all",
  "names",
  "other words",
  "exact",
  "part",
  "similar",
  "covered",
  "covered names",
  "telling",
] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

const WEIGHED = 3 + HOW.length;
const KINDS = EVIDENCE_KINDS.length;

/** What the numbers of a question's hits are measured by. */
export interface EvidenceScale {
  /** Weight that counts as 1: of a label that one row alone has. A share of the question's best hit would make much of the little that is found where nothing telling is. */
  readonly rarest: number;
  /** Weight of each component in the hit where it weighs most. */
  readonly most: ReadonlyMap<string, number>;
  /** The component that weighs most of all. */
  readonly telling: string | undefined;
  /** Components that are names in the question. */
  readonly names: ReadonlySet<string>;
}

/** @param hits all that the question has @param rows rows of the cube @param rarity as in the search */
export function evidenceScale(
  hits: readonly Pick<CubeHit, "reasons">[],
  components: readonly Component[],
  rows: number,
  rarity: number = cubeSearchDefaults.rarity,
): EvidenceScale {
  const most = new Map<string, number>();
  for (const { reasons } of hits)
    for (const { component, weight } of reasons)
      most.set(component, Math.max(most.get(component) ?? 0, weight));
  const [telling] = [...most].reduce<readonly [string | undefined, number]>(
    (best, one) => (one[1] > best[1] ? one : best),
    [undefined, 0],
  );
  const names = new Set(components.filter(({ isName }) => isName).map(({ text }) => text));
  return { rarest: rarityOf(1, rows, rarity), most, telling, names };
}

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

/** In the order of `EVIDENCE_KINDS`, then each dimension. */
export function evidenceOf(
  { reasons }: Pick<CubeHit, "reasons">,
  dimensions: readonly string[],
  { rarest, most, telling, names }: EvidenceScale,
): Float64Array {
  const evidence = new Float64Array(evidenceSize(dimensions));
  for (const { component, dimension, how, weight } of reasons) {
    const share = weight / rarest;
    const full = most.get(component)! / rarest;
    const isName = names.has(component);
    evidence[0]! += share;
    evidence[isName ? 1 : 2]! += share;
    evidence[3 + HOW.indexOf(how)]! += share;
    evidence[WEIGHED]! += full;
    if (isName) evidence[WEIGHED + 1]! += full;
    if (component === telling) evidence[WEIGHED + 2]! += share;
    evidence[KINDS + dimensions.indexOf(dimension)]! += share;
  }
  return evidence;
}
