/**
 * AdamW over plain arrays (Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019), the gradient's norm clipped: the arithmetic
 * of train.ts for gradients that are written out by hand.
 */
import { rateAt, type Schedule } from "./schedule.ts";
import { EPSILON, FIRST_MOMENT, SECOND_MOMENT, trainDefaults } from "./train.ts";

export interface AdamOptions extends Schedule {
  readonly decay?: number;
  readonly clip?: number;
}

type Arrays = Readonly<Record<string, Float32Array>>;

const zerosLike = (arrays: Arrays): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(arrays).map(([name, { length }]) => [name, new Float32Array(length)]));

export class Adam {
  readonly #options: AdamOptions;
  readonly #weights: Arrays;
  readonly #first: Arrays;
  readonly #second: Arrays;

  /** @param weights matrices, changed in place by each step */
  constructor(weights: Arrays, options: AdamOptions) {
    this.#options = options;
    this.#weights = weights;
    this.#first = zerosLike(weights);
    this.#second = zerosLike(weights);
  }

  /** @param gradients of the loss, by the weights' names @param at the step, from 0 */
  step(gradients: Arrays, at: number): void {
    const { clip = trainDefaults.clip } = this.#options;
    const shrink = Math.min(1, clip / (normOf(gradients) + 1e-12));
    for (const [name, weights] of Object.entries(this.#weights))
      this.#move(weights, gradients[name]!, name, shrink, at);
  }

  #move(weights: Float32Array, gradients: Float32Array, name: string, shrink: number, at: number): void {
    const { decay = trainDefaults.decay } = this.#options;
    const rate = rateAt(this.#options, at);
    const [first, second] = [this.#first[name]!, this.#second[name]!];
    const [unbias1, unbias2] = [1 / (1 - FIRST_MOMENT ** (at + 1)), 1 / (1 - SECOND_MOMENT ** (at + 1))];
    for (let i = 0; i < weights.length; i++) {
      const gradient = gradients[i]! * shrink;
      const m = first[i]! * FIRST_MOMENT + gradient * (1 - FIRST_MOMENT);
      const v = second[i]! * SECOND_MOMENT + gradient * gradient * (1 - SECOND_MOMENT);
      [first[i], second[i]] = [m, v];
      const direction = (m * unbias1) / (Math.sqrt(v * unbias2) + EPSILON);
      weights[i]! -= rate * (direction + decay * weights[i]!);
    }
  }
}

function normOf(gradients: Arrays): number {
  let square = 0;
  for (const values of Object.values(gradients))
    for (let i = 0; i < values.length; i++) square += values[i]! * values[i]!;
  return Math.sqrt(square);
}
