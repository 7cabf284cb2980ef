/**
 * Trains weights by AdamW (Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019) with the gradient's norm clipped. One step is one
 * compiled program. Who trains writes a loss and hands out batches.
 */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { dispose, type Jax, type Tensor, take, type Weights } from "./jax.ts";
import { rateAt, type Schedule } from "./schedule.ts";

/** Inputs of one step by name. Shapes must stay the same: another shape is compiled anew. */
export type Batch = Weights;

export interface TrainOptions extends Schedule {
  /** The loss of a batch, a scalar. It owns the batch, and keeps the weights; `average` is empty where none is asked for. */
  readonly loss: (weights: Weights, batch: Batch, average: Weights) => Tensor;
  /** Batch of a step from 0, moved to the training. @param weights as they stand, borrowed until it settles */
  readonly batch: (step: number, weights: Weights) => Batch | Promise<Batch>;
  /** Weight decay of matrices; vectors have none. Default 0.01. */
  readonly decay?: number;
  /** The longest gradient; default 5. */
  readonly clip?: number;
  readonly signal?: AbortSignal;
  /** Called after each step that looks at its loss. */
  readonly onStep?: (step: number, loss: number) => void;
  /** Looks at the loss each so many steps; default 20. */
  readonly every?: number;
  /** Weights that follow as a moving average with this decay, kept as `average` of the result. */
  readonly average?: number;
}

export interface Trained {
  readonly weights: Record<string, Float32Array>;
  /** The moving average where one was asked for, else the weights. */
  readonly average: Record<string, Float32Array>;
  readonly loss: number;
}

export const trainDefaults = { decay: 0.01, clip: 5, every: 20 } as const;
const FIRST_MOMENT = 0.9;
const SECOND_MOMENT = 0.999;
const EPSILON = 1e-8;

interface State {
  weights: Weights;
  first: Weights;
  second: Weights;
  average: Weights;
}

/**
 * @param weights moved to the training
 * @throws MnemeError RANGE, CANCELLED, STATE where the loss is no number any more (the message names the step)
 */
export async function train(jax: Jax, weights: Weights, options: TrainOptions): Promise<Trained> {
  const { steps, every = trainDefaults.every } = options;
  check(jax, weights, options);
  const step = compiled(jax, options);
  let state = begun(jax, weights, options);
  let loss = Number.NaN;
  try {
    for (let at = 0; at < steps; at++) {
      throwIfAborted(options.signal, "train");
      const batch = await options.batch(at, state.weights);
      const stepped = step(state, batch, scales(jax, options, at));
      state = stepped.state;
      if (at % every !== 0 && at !== steps - 1) {
        stepped.loss.dispose();
        continue;
      }
      loss = (await stepped.loss.data())[0]!;
      if (!Number.isFinite(loss)) throw diverged(at, loss);
      options.onStep?.(at, loss);
    }
    const { weights: last, average } = state;
    return {
      average: await take(jax.tree.ref(options.average === undefined ? last : average)),
      weights: await take(jax.tree.ref(last)),
      loss,
    };
  } finally {
    for (const part of Object.values(state)) dispose(jax, part);
  }
}

function check(jax: Jax, weights: Weights, options: TrainOptions): void {
  const { every = trainDefaults.every } = options;
  try {
    rateAt(options, 0);
    if (!(Number.isInteger(every) && every >= 1))
      throw new MnemeError(
        "RANGE",
        `train: looks at the loss every ${every} steps; expected a whole number from 1`,
      );
  } catch (error) {
    dispose(jax, weights);
    throw error;
  }
}

function begun(jax: Jax, weights: Weights, { average }: TrainOptions): State {
  const zeros = (): Weights =>
    jax.tree.map((w: Tensor) => jax.numpy.zerosLike(w), jax.tree.ref(weights)) as Weights;
  const first = zeros();
  const second = zeros();
  return { first, second, average: average === undefined ? {} : jax.tree.ref(weights), weights };
}

type Step = (state: State, batch: Batch, scales: Weights) => { state: State; loss: Tensor };

/** Numbers that change with the step are inputs: constants would be compiled each time. */
function scales(jax: Jax, options: TrainOptions, at: number): Weights {
  const scalar = (value: number): Tensor => jax.numpy.array(value);
  return {
    rate: scalar(rateAt(options, at)),
    first: scalar(1 / (1 - FIRST_MOMENT ** (at + 1))),
    second: scalar(1 / (1 - SECOND_MOMENT ** (at + 1))),
  };
}

function compiled(jax: Jax, options: TrainOptions): Step {
  const { numpy: np, tree, valueAndGrad, jit } = jax;
  const { decay = trainDefaults.decay, clip = trainDefaults.clip } = options;
  const gradient = valueAndGrad(options.loss as never) as unknown as (
    weights: Weights,
    batch: Batch,
    average: Weights,
  ) => [Tensor, Weights];
  const each = (by: (...tensors: Tensor[]) => Tensor, ...trees: Weights[]): Weights =>
    tree.map(by as never, trees[0]! as never, ...(trees.slice(1) as never[])) as Weights;

  const step = (state: State, batch: Batch, { rate, first: unbias1, second: unbias2 }: Weights) => {
    const [loss, raw] = gradient(tree.ref(state.weights), batch, tree.ref(state.average));
    const squares = Object.values(tree.ref(raw)).map((g: Tensor) => np.sum(np.square(g)));
    const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
    const shrink = np.minimum(np.array(1), np.array(clip).div(norm.add(1e-12)));
    const gradients = each((g) => g.mul(shrink.ref), raw);
    const first = each(
      (m, g) => m.mul(FIRST_MOMENT).add(g.mul(1 - FIRST_MOMENT)),
      state.first,
      tree.ref(gradients),
    );
    const second = each(
      (v, g) => v.mul(SECOND_MOMENT).add(np.square(g).mul(1 - SECOND_MOMENT)),
      state.second,
      gradients,
    );
    const moved = (w: Tensor, m: Tensor, v: Tensor): Tensor => {
      const direction = m.mul(unbias1!.ref).div(np.sqrt(v.mul(unbias2!.ref)).add(EPSILON));
      const pulled = w.shape.length > 1 && decay > 0 ? direction.add(w.ref.mul(decay)) : direction;
      return w.sub(pulled.mul(rate!.ref));
    };
    const weights = each(moved, state.weights, tree.ref(first), tree.ref(second));
    const { average: keep } = options;
    const average =
      keep === undefined
        ? state.average
        : each((a, w) => a.mul(keep).add(w.mul(1 - keep)), state.average, tree.ref(weights));
    for (const spent of [shrink, unbias1!, unbias2!, rate!]) spent.dispose();
    return { state: { weights, first, second, average }, loss };
  };
  return jit(step as never) as unknown as Step;
}

function diverged(step: number, loss: number): MnemeError {
  return new MnemeError(
    "STATE",
    `train: the loss is ${loss} at step ${step}; use a lower rate, or check the data for outliers`,
  );
}
