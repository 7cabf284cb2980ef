/**
 * Conditional logit (McFadden, Conditional Logit Analysis of Qualitative Choice Behavior, 1973; as a way to rank: Cao et al., Learning to Rank, 2007):
 * weights of features by which the chosen of each set of alternatives are likely, near some prior weights. The loss is convex: Newton's
 * steps find its one minimum. f64.
 */
import { MnemeError } from "../errors.ts";
import { solvePositive } from "./solve.ts";

/** Alternatives of one choice. */
export interface Choice {
  /** Features: alternatives x features, row-major. */
  readonly features: Float64Array;
  /** Numbers of the alternatives that were right, one or more. */
  readonly chosen: readonly number[];
}

export interface ConditionalLogitOptions {
  /** Weights that the data must speak against; default 0. */
  readonly prior?: Float64Array;
  /** How strongly the weights are held at the prior, a choice of the data counting 1 / choices. Above 0. */
  readonly ridge?: number;
  readonly steps?: number;
}

export const conditionalLogitDefaults = { ridge: 0.003, steps: 30 } as const;

/** Steps of a smaller share of the weights are the end. */
const SMALL = 1e-7;
/** Halvings of a step that does not lower the loss. */
const MOST_HALVINGS = 20;

/** @param size features of an alternative. @returns weights, one a feature @throws MnemeError RANGE for a ridge that is not above 0, ARGUMENT for choices of another shape or without a right one */
export function conditionalLogit(
  choices: readonly Choice[],
  size: number,
  options: ConditionalLogitOptions = {},
): Float64Array {
  const { ridge, steps } = { ...conditionalLogitDefaults, ...options };
  const prior = options.prior ?? new Float64Array(size);
  check(choices, size, ridge, prior);
  const weights = prior.slice();
  if (choices.length === 0) return weights;
  const problem = { choices, size, ridge, prior };
  let { loss, gradient, hessian } = slopes(problem, weights);
  for (let step = 0; step < steps; step++) {
    solvePositive(hessian, gradient);
    const moved = gradient;
    let factor = 1;
    let next = lossAt(problem, plus(weights, moved, -factor));
    for (let i = 0; i < MOST_HALVINGS && !(next <= loss); i++) {
      factor /= 2;
      next = lossAt(problem, plus(weights, moved, -factor));
    }
    if (!(next <= loss)) break;
    weights.set(plus(weights, moved, -factor));
    if (factor * Math.hypot(...moved) <= SMALL * (1 + Math.hypot(...weights))) break;
    ({ loss, gradient, hessian } = slopes(problem, weights));
  }
  return weights;
}

/** Sum of the features by their weights, of one alternative. */
export function logitScore(features: Float64Array, alternative: number, weights: Float64Array): number {
  let score = 0;
  const at = alternative * weights.length;
  for (let f = 0; f < weights.length; f++) score += features[at + f]! * weights[f]!;
  return score;
}

interface Problem {
  readonly choices: readonly Choice[];
  readonly size: number;
  readonly ridge: number;
  readonly prior: Float64Array;
}

const plus = (a: Float64Array, b: Float64Array, factor: number): Float64Array =>
  a.map((value, i) => value + factor * b[i]!);

/** Probabilities of the alternatives of a choice, and minus the mean logarithm of those of the chosen ones. */
function chances(
  { features, chosen }: Choice,
  weights: Float64Array,
): { chance: Float64Array; loss: number } {
  const chance = new Float64Array(features.length / weights.length);
  for (let a = 0; a < chance.length; a++) chance[a] = logitScore(features, a, weights);
  const most = chance.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY);
  const right = chosen.reduce((sum, a) => sum + chance[a]!, 0) / chosen.length;
  let sum = 0;
  for (let a = 0; a < chance.length; a++) {
    chance[a] = Math.exp(chance[a]! - most);
    sum += chance[a]!;
  }
  for (let a = 0; a < chance.length; a++) chance[a]! /= sum;
  return { chance, loss: most + Math.log(sum) - right };
}

function lossAt({ choices, ridge, prior }: Problem, weights: Float64Array): number {
  const held = weights.reduce((sum, weight, f) => sum + (weight - prior[f]!) ** 2, 0);
  const lost = choices.reduce((sum, choice) => sum + chances(choice, weights).loss, 0);
  return lost / choices.length + (ridge / 2) * held;
}

function slopes(
  problem: Problem,
  weights: Float64Array,
): { loss: number; gradient: Float64Array; hessian: Float64Array } {
  const { choices, size, ridge, prior } = problem;
  const gradient = plus(weights, prior, -1).map((away) => ridge * away);
  const hessian = new Float64Array(size * size);
  for (let f = 0; f < size; f++) hessian[f * size + f] = ridge;
  for (const choice of choices)
    addSlopes(choice, chances(choice, weights).chance, 1 / choices.length, gradient, hessian);
  for (let f = 0; f < size; f++) for (let g = 0; g < f; g++) hessian[f * size + g] = hessian[g * size + f]!;
  return { loss: lossAt(problem, weights), gradient, hessian };
}

/** Mean and covariance of the features under the chances: what the loss of one choice adds. The upper half of the covariance. */
function addSlopes(
  { features, chosen }: Choice,
  chance: Float64Array,
  share: number,
  gradient: Float64Array,
  hessian: Float64Array,
): void {
  const size = gradient.length;
  const mean = new Float64Array(size);
  for (let a = 0; a < chance.length; a++) {
    const weight = share * chance[a]!;
    if (weight === 0) continue;
    for (let f = 0, at = a * size; f < size; f++) {
      const value = weight * features[at + f]!;
      if (value === 0) continue;
      mean[f]! += value;
      for (let g = f; g < size; g++) hessian[f * size + g]! += value * features[at + g]!;
    }
  }
  for (let f = 0; f < size; f++) {
    gradient[f]! += mean[f]!;
    for (const a of chosen) gradient[f]! -= (share / chosen.length) * features[a * size + f]!;
    for (let g = f; g < size; g++) hessian[f * size + g]! -= (mean[f]! * mean[g]!) / share;
  }
}

function check(choices: readonly Choice[], size: number, ridge: number, prior: Float64Array): void {
  if (!(ridge > 0 && Number.isFinite(ridge)))
    throw new MnemeError("RANGE", `conditional logit: ridge must be above 0, got ${ridge}`);
  if (prior.length !== size)
    throw new MnemeError("ARGUMENT", `conditional logit: ${prior.length} prior weights for ${size} features`);
  choices.forEach(({ features, chosen }, i) => {
    const alternatives = features.length / size;
    const isSound =
      Number.isInteger(alternatives) &&
      chosen.length > 0 &&
      chosen.every((a) => Number.isInteger(a) && a >= 0 && a < alternatives);
    if (!isSound || !features.every(Number.isFinite))
      throw new MnemeError(
        "ARGUMENT",
        `conditional logit: choice ${i} has ${features.length} numbers for ${size} features and chooses ${chosen.join(", ") || "none"}; give finite features of whole alternatives and at least one of them`,
      );
  });
}
