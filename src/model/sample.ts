/** From logits to a token: penalties, temperature, then the candidates that top-k, top-p and min-p leave. */
import { MnemeError } from "../errors.ts";
import { Random } from "../linalg/random.ts";

export interface SampleOptions {
  /** 0: always the likeliest token. Default 0. */
  readonly temperature?: number;
  /** Only so many of the likeliest tokens. Default: all. */
  readonly topK?: number;
  /** Only the likeliest tokens that together have this probability (Holtzman et al., The Curious Case of Neural Text Degeneration, 2020). */
  readonly topP?: number;
  /** Only tokens with this share of the likeliest one's probability (Nguyen et al., Min-p Sampling, 2024). */
  readonly minP?: number;
  /** Divides the logits of tokens that were there before (Keskar et al., CTRL, 2019). Default 1. */
  readonly repetitionPenalty?: number;
  /** Taken from the logit of a token for each time it was generated. Default 0. */
  readonly frequencyPenalty?: number;
  /** Taken from the logit of a token that was generated. Default 0. */
  readonly presencePenalty?: number;
  readonly seed?: number;
}

/** Each option's range. */
const RANGES: Readonly<Record<Exclude<keyof SampleOptions, "seed" | "topK">, readonly [number, number]>> = {
  temperature: [0, 100],
  topP: [0, 1],
  minP: [0, 1],
  repetitionPenalty: [0.01, 100],
  frequencyPenalty: [-2, 2],
  presencePenalty: [-2, 2],
};

/** @throws MnemeError RANGE naming the option */
function checkSampling(options: SampleOptions): void {
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = options[name as keyof typeof RANGES];
    if (value !== undefined && !(value >= least && value <= most))
      throw new MnemeError("RANGE", `${name} is ${value}; expected a number from ${least} to ${most}`);
  }
  const { topK, seed } = options;
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 0))
    throw new MnemeError("RANGE", `topK is ${topK}; expected a whole number from 0`);
  if (seed !== undefined && !Number.isInteger(seed))
    throw new MnemeError("RANGE", `seed is ${seed}; expected a whole number`);
}

export class Sampler {
  readonly #options: SampleOptions;
  readonly #random: Random;
  /** How often each token was generated, and those of the prompt with 0. */
  readonly #counts = new Map<number, number>();

  constructor(options: SampleOptions, prompt: readonly number[]) {
    checkSampling(options);
    this.#options = options;
    this.#random = new Random(options.seed ?? Math.floor(Math.random() * 2 ** 32));
    for (const token of prompt) this.#counts.set(token, 0);
  }

  /**
   * Changes the logits by the penalties, and of tokens that are not allowed to -Infinity.
   * @param allowed a bit for each token; default: all
   * @returns the token taken
   * @throws MnemeError NOT_FINITE where no token has a logit, or one that may come has one that is no number
   */
  next(logits: Float32Array, allowed?: Uint32Array): number {
    if (allowed) forbidOthers(logits, allowed);
    this.#penalise(logits);
    const { temperature = 0 } = this.#options;
    const likeliest = argmax(logits);
    const best = logits[likeliest]!;
    if (!Number.isFinite(best) || hasNan(logits))
      throw new MnemeError(
        "NOT_FINITE",
        "generate: the logits are not numbers; the model's weights are damaged, or of another precision than its configuration says",
      );
    const token = temperature === 0 ? likeliest : this.#draw(logits, best, temperature);
    this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1);
    return token;
  }

  #penalise(logits: Float32Array): void {
    const { repetitionPenalty = 1, frequencyPenalty = 0, presencePenalty = 0 } = this.#options;
    if (repetitionPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0) return;
    for (const [token, count] of this.#counts) {
      const logit = logits[token]!;
      logits[token] =
        (logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty) -
        count * frequencyPenalty -
        (count > 0 ? presencePenalty : 0);
    }
  }

  /** @param best the largest logit */
  #draw(logits: Float32Array, best: number, temperature: number): number {
    const { topP = 1, minP = 0 } = this.#options;
    const tokens = this.#candidates(logits, best, temperature, minP);
    const weights = tokens.map((token) => Math.exp((logits[token]! - best) / temperature));
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    let kept = 0;
    let sum = 0;
    while (kept < weights.length && (kept === 0 || sum < topP * all)) sum += weights[kept++]!;
    let drawn = this.#random.uniform() * sum;
    for (let i = 0; i < kept; i++) {
      drawn -= weights[i]!;
      if (drawn < 0) return tokens[i]!;
    }
    return tokens[kept - 1]!;
  }

  /** Tokens that topK and minP leave, likeliest first. What is e^-30 of the likeliest is drawn once in 10^13 draws: never. */
  #candidates(logits: Float32Array, best: number, temperature: number, minP: number): number[] {
    const { topK = 0 } = this.#options;
    const bound = best + temperature * Math.max(-30, minP > 0 ? Math.log(minP) : -30);
    const tokens: number[] = [];
    for (let token = 0; token < logits.length; token++) if (logits[token]! >= bound) tokens.push(token);
    tokens.sort((a, b) => logits[b]! - logits[a]! || a - b);
    return topK > 0 ? tokens.slice(0, topK) : tokens;
  }
}

function forbidOthers(logits: Float32Array, allowed: Uint32Array): void {
  for (let token = 0; token < logits.length; token++)
    if (((allowed[token >> 5]! >>> (token & 31)) & 1) === 0) logits[token] = Number.NEGATIVE_INFINITY;
}

function hasNan(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]!)) return true;
  return false;
}

/** The first of the largest. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Logarithm of the sum of the exponentials; -Infinity where nothing is above it. */
export function logSum(logits: Float32Array): number {
  const best = logits[argmax(logits)]!;
  if (best === Number.NEGATIVE_INFINITY) return best;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - best);
  return best + Math.log(sum);
}

/** Natural logarithm of a token's probability. */
export function logProbability(logits: Float32Array, token: number): number {
  return logits[token]! - logSum(logits);
}
