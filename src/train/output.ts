/**
 * Trains what a language model's output layer says of its states, all else as it is: a matrix between the final norm and the layer, which
 * becomes a part of the layer. A cheap cousin of training the model: the states are computed once.
 */
import { MnemeError } from "../errors.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { loadJax } from "./jax.ts";
import { type TrainOptions, train } from "./train.ts";

export interface OutputPairs {
  /** A row of the model's width for each place that says something. */
  readonly states: Matrix;
  /** The token that follows each. */
  readonly tokens: Uint32Array;
}

export interface OutputTrainOptions
  extends Partial<Pick<TrainOptions, "rate" | "steps" | "decay" | "signal" | "onStep">> {
  readonly batch?: number;
  /** Tokens that the others stand for in a step, drawn anew for each (Bengio and Senécal, Quick Training by Importance Sampling, 2003). */
  readonly sampled?: number;
  readonly seed?: number;
}

export const outputTrainDefaults = {
  rate: 2e-3,
  steps: 150,
  decay: 0.01,
  batch: 128,
  sampled: 512,
  seed: 1,
} as const;

const EVERY = 10;
/** Added to a logit, it leaves nothing of it. */
const NOT_COUNTED = -1e4;

/**
 * @param output the output layer, a row for each token
 * @returns the layer as it is trained
 * @throws MnemeError DIMENSION, INSUFFICIENT_DATA below a batch, DEPENDENCY, CANCELLED, STATE
 */
export async function trainOutput(
  { states, tokens }: OutputPairs,
  output: Matrix,
  options: OutputTrainOptions = {},
): Promise<Matrix> {
  const { rate, steps, decay, batch, sampled, seed } = { ...outputTrainDefaults, ...options };
  const width = output.cols;
  if (states.cols !== width || states.rows !== tokens.length)
    throw new MnemeError(
      "DIMENSION",
      `train output: ${states.rows} states of ${states.cols} values, ${tokens.length} tokens; the layer takes ${width}`,
    );
  if (states.rows < batch)
    throw new MnemeError("INSUFFICIENT_DATA", `train output: ${states.rows} states, a batch takes ${batch}`);
  const jax = await loadJax();
  const { numpy: np, nn } = jax;
  const random = new Random(seed);
  const draw = drawer(tokens, output.rows, random);
  const rows = (from: Matrix, which: ArrayLike<number>) => {
    const picked = matrix(which.length, width);
    for (let i = 0; i < which.length; i++) picked.data.set(rowOf(from, which[i]!), i * width);
    return np.array(picked.data).reshape([which.length, width]);
  };
  const { weights } = await train(
    jax,
    { change: np.zeros([width, width]) },
    {
      rate,
      steps,
      decay,
      every: EVERY,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onStep ? { onStep: options.onStep } : {}),
      batch: () => {
        const which = Uint32Array.from({ length: batch }, () => random.integer(states.rows));
        const others = Array.from({ length: sampled }, draw);
        return {
          states: rows(states, which),
          own: rows(
            output,
            which.map((row) => tokens[row]!),
          ),
          others: rows(
            output,
            others.map(({ token }) => token),
          ),
          bias: np
            .array(
              biasOf(
                which.map((row) => tokens[row]!),
                others,
              ),
            )
            .reshape([batch, sampled]),
        };
      },
      loss: (given, { states: seen, own, others, bias }) => {
        const changed = seen!.ref.add(np.matmul(seen!, given.change!.ref));
        const all = nn.logsumexp(np.matmul(changed.ref, np.transpose(others!)).add(bias!), -1);
        // log(exp(own) + exp(all)) - own
        return np.mean(nn.softplus(all.sub(np.sum(changed.mul(own!), -1))));
      },
    },
  );
  return foldedIn(output, weights.change!);
}

interface Drawn {
  readonly token: number;
  /** How likely it was to be drawn. */
  readonly share: number;
}

/** For how many tokens each drawn one stands, as a logarithm; a row's own token is counted by itself. */
function biasOf(own: Uint32Array, others: readonly Drawn[]): Float32Array {
  const bias = new Float32Array(own.length * others.length);
  for (const [row, token] of own.entries())
    for (const [i, other] of others.entries())
      bias[row * others.length + i] =
        other.token === token ? NOT_COUNTED : -Math.log(others.length * other.share);
  return bias;
}

/** Draws tokens, every other one among those that are taught, and says how likely each was. */
function drawer(tokens: Uint32Array, vocabulary: number, random: Random): () => Drawn {
  const counts = new Uint32Array(vocabulary);
  for (const token of tokens) counts[token]!++;
  return () => {
    const token =
      random.uniform() < 0.5 ? tokens[random.integer(tokens.length)]! : random.integer(vocabulary);
    return { token, share: 0.5 / vocabulary + (0.5 * counts[token]!) / tokens.length };
  };
}

/** The layer behind (1 + change). */
function foldedIn(output: Matrix, change: Float32Array): Matrix {
  const { rows, cols } = output;
  const folded = matrix(rows, cols, output.data.slice());
  for (let row = 0; row < rows; row++) {
    const [from, to] = [rowOf(output, row), rowOf(folded, row)];
    for (let i = 0; i < cols; i++) {
      let sum = 0;
      for (let j = 0; j < cols; j++) sum += change[i * cols + j]! * from[j]!;
      to[i]! += sum;
    }
  }
  return folded;
}
