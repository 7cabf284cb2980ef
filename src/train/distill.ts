/**
 * Query-side distillation: a small map from cheap query vectors to what a large query tower says of the same queries. Documents are not
 * touched: the index stays as it is, byte for byte (ScalingNote: Huang et al., Scaling up Retrievers with Large Language Models for
 * Real-World Dense Retrieval, 2024, its second stage). It takes queries and no judgements, as many as a log has.
 */
import { checkRows } from "../codecs/check.ts";
import { MnemeError } from "../errors.ts";
import { gatherRows, type Matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { Adapter, adapt, adapterArrays, adapterWeights, freshAdapter } from "./adapter.ts";
import { unitRows } from "./contrastive.ts";
import { loadJax, type TrainDevice, tensorOf } from "./jax.ts";
import { type TrainOptions, train } from "./train.ts";

export interface DistillOptions extends Partial<Pick<TrainOptions, "rate" | "steps" | "signal" | "onStep">> {
  readonly hidden?: number;
  readonly batch?: number;
  /** Weight of 1 - cosine beside the squared distance. */
  readonly cosine?: number;
  /** How often each query was asked: they are drawn by the root of it, so that rare ones count. Default: all alike. */
  readonly counts?: readonly number[];
  readonly seed?: number;
  /** What computes; default "wasm". */
  readonly device?: TrainDevice;
}

export const distillDefaults = {
  hidden: 256,
  batch: 128,
  cosine: 1,
  rate: 3e-3,
  steps: 600,
  seed: 1,
} as const;

const STUDENT = "student";

/**
 * @param queries what the student sees, a row a query @param targets the teacher's vector of each
 * @returns the student: query rows in, vectors of the teacher's space out
 * @throws MnemeError DIMENSION, NOT_FINITE, RANGE, INSUFFICIENT_DATA below a batch, DEPENDENCY, CANCELLED, STATE
 */
export async function distillQueries(
  queries: Matrix,
  targets: Matrix,
  options: DistillOptions = {},
): Promise<Adapter> {
  const { hidden, batch, cosine, rate, steps, seed } = { ...distillDefaults, ...options };
  check(queries, targets, batch, options.counts);
  const jax = await loadJax(options.device);
  const { numpy: np } = jax;
  const shape = { from: queries.cols, to: targets.cols, hidden };
  const draw = drawer(queries.rows, options.counts, seed);
  const { weights } = await train(jax, adapterWeights(jax, STUDENT, shape, freshAdapter(shape, seed)), {
    rate,
    steps,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onStep ? { onStep: options.onStep } : {}),
    batch: () => {
      const which = Array.from({ length: batch }, draw);
      return {
        queries: tensorOf(jax, gatherRows(queries, which)),
        targets: tensorOf(jax, gatherRows(targets, which)),
      };
    },
    loss: (given, { queries: asked, targets: wanted }) => {
      const said = adapt(jax, given, STUDENT, asked!);
      const distance = np.mean(np.sum(np.square(said.ref.sub(wanted!.ref)), -1));
      const cosines = np.sum(unitRows(jax, said).mul(unitRows(jax, wanted!)), -1);
      const away = np.mean(cosines).mul(-1).add(1);
      return distance.add(away.mul(cosine));
    },
  });
  return new Adapter(shape, adapterArrays(weights, STUDENT));
}

function check(queries: Matrix, targets: Matrix, batch: number, counts?: readonly number[]): void {
  if (queries.rows !== targets.rows || (counts && counts.length !== queries.rows))
    throw new MnemeError(
      "DIMENSION",
      `distil: ${queries.rows} queries, ${targets.rows} targets, ${counts?.length ?? queries.rows} counts; expected as many of each`,
    );
  if (queries.rows < batch)
    throw new MnemeError("INSUFFICIENT_DATA", `distil: ${queries.rows} queries, a batch takes ${batch}`);
  checkRows("distil: queries", queries.cols, queries);
  checkRows("distil: targets", targets.cols, targets);
  const wrong = counts?.find((count) => !(Number.isFinite(count) && count > 0));
  if (wrong !== undefined)
    throw new MnemeError("RANGE", `distil: a count is ${wrong}; expected numbers above 0`);
}

/** Draws rows, each with a chance by the root of its count. */
function drawer(rows: number, counts: readonly number[] | undefined, seed: number): () => number {
  const random = new Random(seed);
  if (!counts) return () => random.integer(rows);
  let total = 0;
  const sums = counts.map((count) => (total += Math.sqrt(count)));
  return () => {
    const at = random.uniform() * total;
    let [low, high] = [0, rows - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
