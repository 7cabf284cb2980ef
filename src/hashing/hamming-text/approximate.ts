/** Hamming distances to within a factor. */
import { MnemeError } from "../../errors.ts";
import { DEAD } from "../../kernels/index.ts";
import { Random } from "../../linalg/random.ts";
import { unitCosts } from "./costs.ts";
import { distancesOf } from "./distances.ts";
import { planHamming } from "./plan.ts";
import { type Alphabet, alphabetOf, checkSymbols, type Symbols } from "./symbols.ts";

export interface ApproximateOptions {
  /** That any distance is too small by more than `error` of it, has at most this chance; default 1 / 1000. */
  readonly failure?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Projections whatever they cost, or, by default, exact distances where those are cheaper. */
  readonly method?: "auto" | "projections";
  readonly signal?: AbortSignal;
}

export interface Approximate {
  /** n - m + 1 of them, never above the distance itself. */
  readonly distances: Uint32Array;
  /** Projections that were made; 0 where the distances are exact. */
  readonly projections: number;
}

/**
 * Distances D' with (1 - error) D <= D' <= D at all alignments, but for a chance of `failure` (after Kopelowitz and Porat, A simple algorithm for
 * approximating the text-to-pattern Hamming distance, 2018). A projection sends symbols to few classes at random: what is equal stays
 * equal, and of the D positions that differ, D x error / 2 are expected to seem equal. It errs by twice that with a chance of at most 1/2; the
 * largest of many is taken.
 * @param error above 0 and below 1
 * @throws MnemeError DTYPE, RANGE, CANCELLED
 */
export function approximateHamming(
  text: Symbols,
  pattern: Symbols,
  error: number,
  options: ApproximateOptions = {},
): Approximate {
  checkSymbols(text, pattern);
  const { failure = 1e-3, seed = 1, method = "auto", signal } = options;
  for (const [name, value] of [
    ["error", error],
    ["failure", failure],
  ] as const)
    if (!(value > 0 && value < 1))
      throw new MnemeError("RANGE", `hamming: ${name} ${value}; a number between 0 and 1 is needed`);
  const alphabet = alphabetOf(text, pattern);
  const exact = { ...(signal ? { signal } : {}) };
  const classes = Math.ceil(2 / error);
  const alignments = text.length - pattern.length + 1;
  const projections = Math.ceil(Math.log2(alignments / failure));
  if (alphabet.size <= classes) return { distances: distancesOf(alphabet, exact), projections: 0 };
  const random = new Random(seed);
  const first = projected(alphabet, classes, random);
  const costs = unitCosts();
  const isExactCheaper =
    planHamming(alphabet, costs).milliseconds <= projections * planHamming(first, costs).milliseconds;
  if (method === "auto" && isExactCheaper) return { distances: distancesOf(alphabet, exact), projections: 0 };
  const distances = distancesOf(first, exact);
  for (let i = 1; i < projections; i++) {
    const more = distancesOf(projected(alphabet, classes, random), exact);
    for (let at = 0; at < alignments; at++) if (more[at]! > distances[at]!) distances[at] = more[at]!;
  }
  return { distances, projections };
}

/** Symbols sent to classes; those that only the text has stay apart from all. */
function projected(alphabet: Alphabet, classes: number, random: Random): Alphabet {
  const to = Uint32Array.from({ length: alphabet.size }, () => random.integer(classes));
  const send = (symbols: Uint32Array): Uint32Array =>
    symbols.map((symbol) => (symbol === DEAD ? DEAD : to[symbol]!));
  return alphabetOf(send(alphabet.text), send(alphabet.pattern));
}
