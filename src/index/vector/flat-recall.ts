/**
 * How many candidates of one-bit codes must be re-scored for a wanted recall. What is lost falls with the candidates per wanted hit as a
 * power of them: fitted by hand to one space of 256 values a vector, 4,000 to 72,000 passages, where fifteen times the hits lose a twentieth of
 * them and a hundred times the hits half a percent.
 */
const TIMES = 15;
const LOST = 0.05;
const POWER = 1.2;
/** Fewer cost nothing less. */
const LEAST = 150;

/** Candidates for the wanted share of the best k; Infinity for all of them. */
export function flatDepth(k: number, recall: number): number {
  return Math.max(LEAST, Math.ceil(k * TIMES * (LOST / (1 - recall)) ** (1 / POWER)));
}

/** Share of the best k that so many candidates are likely to hold. */
export function flatRecall(k: number, depth: number): number {
  return Math.max(0, 1 - LOST * ((k * TIMES) / depth) ** POWER);
}
