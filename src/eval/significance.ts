/** Whether one system beats another on the same queries, or by chance. */
import { MnemeError } from "../errors.ts";
import { Random } from "../linalg/random.ts";

export interface RandomisationOptions {
  /** Random exchanges; default 10,000. */
  readonly rounds?: number;
  readonly seed?: number;
}

export const randomisationDefaults = { rounds: 10_000, seed: 1 } as const;

/**
 * Paired randomisation test, two-sided (Smucker et al., A Comparison of Statistical Significance Tests for Information Retrieval
 * Evaluation, 2007): were the labels of each pair exchanged at random, how often would the means differ as much as they do?
 * @param a scores by query, and `b` of the same queries @returns p, at least 1 / (rounds + 1)
 * @throws MnemeError DIMENSION for lists of different lengths
 */
export function pairedRandomisation(
  a: readonly number[],
  b: readonly number[],
  { rounds = randomisationDefaults.rounds, seed = randomisationDefaults.seed }: RandomisationOptions = {},
): number {
  if (a.length !== b.length)
    throw new MnemeError(
      "DIMENSION",
      `paired randomisation: ${a.length} scores against ${b.length}; give one of each for each query`,
    );
  // pairs that are alike stay alike: only the others need be drawn
  const differences = a.map((score, i) => score - b[i]!).filter((difference) => difference !== 0);
  const seen = Math.abs(differences.reduce((sum, difference) => sum + difference, 0)) - 1e-12;
  const random = new Random(seed);
  let asLarge = 1;
  for (let round = 0; round < rounds; round++) {
    let sum = 0;
    for (const difference of differences) sum += random.integer(2) === 0 ? difference : -difference;
    if (Math.abs(sum) >= seen) asLarge++;
  }
  return asLarge / (rounds + 1);
}

/** Holm's correction of several tests at once (A Simple Sequentially Rejective Multiple Test Procedure, 1979). @returns adjusted p, in their order */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((i, j) => ps[i]! - ps[j]!);
  const adjusted = new Array<number>(ps.length);
  let largest = 0;
  order.forEach((i, place) => {
    largest = Math.max(largest, Math.min(1, (ps.length - place) * ps[i]!));
    adjusted[i] = largest;
  });
  return adjusted;
}
