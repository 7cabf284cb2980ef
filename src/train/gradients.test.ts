/** Gradients of the losses against finite differences of them. */
import { beforeAll, expect, test } from "vitest";
import { Random } from "../linalg/random.ts";
import { adapt, adapterWeights, freshAdapter } from "./adapter.ts";
import { crossEntropyOfOwn, unitRows } from "./contrastive.ts";
import { maxSim } from "./crisp.ts";
import { rankingLoss } from "./dual.ts";
import { type Jax, loadJax, type Tensor } from "./jax.ts";

let jax: Jax;
beforeAll(async () => {
  jax = await loadJax();
});

const STEP = 1e-2;

/** A loss of an array of some shape; it owns what it is given. */
type Loss = (x: Tensor) => Tensor;

async function check(shape: readonly number[], lossOf: (random: Random) => Loss, scale = 1): Promise<void> {
  const random = new Random(17);
  const values = Float32Array.from(
    { length: shape.reduce((a, b) => a * b) },
    () => scale * random.gaussian(),
  );
  const loss = lossOf(random);
  const tensor = (from: Float32Array): Tensor => jax.numpy.array(from.slice()).reshape([...shape]);
  const at = async (i: number, by: number): Promise<number> => {
    const moved = values.slice();
    moved[i]! += by;
    return (await loss(tensor(moved)).data())[0]!;
  };
  const gradient = await jax.grad(loss)(tensor(values)).data();
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const wanted = ((await at(i, STEP)) - (await at(i, -STEP))) / (2 * STEP);
    expect(Math.abs(gradient[i]! - wanted)).toBeLessThan(2e-3 + 0.02 * Math.abs(wanted));
    largest = Math.max(largest, Math.abs(wanted));
  }
  // a loss that does not move would hold too
  expect(largest).toBeGreaterThan(0.02);
}

const gaussians = (random: Random, rows: number, cols: number): Tensor =>
  jax.numpy.array(Float32Array.from({ length: rows * cols }, () => random.gaussian())).reshape([rows, cols]);

test("cross entropy of rows' own columns, some masked", () =>
  check([3, 5], () => {
    const mask = Float32Array.from({ length: 15 }, (_, i) => (i === 4 || i === 10 ? -1e4 : 0));
    return (scores) => crossEntropyOfOwn(jax, scores, jax.numpy.array(mask.slice()).reshape([3, 5]));
  }));

test("rows divided by their length", () =>
  check([3, 4], (random) => {
    const by = gaussians(random, 3, 4);
    return (rows) => jax.numpy.sum(unitRows(jax, rows).mul(by.ref));
  }));

test("ranking of documents behind an adapter, by the rows that come in", () =>
  check(
    [3, 4],
    (random) => {
      const shape = { from: 4, to: 4, hidden: 6 };
      const arrays = freshAdapter(shape, 5);
      // an untrained one adds nothing behind its hidden layer
      const up = Float32Array.from({ length: 24 }, () => 0.3 * random.gaussian());
      const documents = gaussians(random, 5, 4);
      return (queries) =>
        rankingLoss(
          jax,
          adapt(jax, adapterWeights(jax, "query", shape, { ...arrays, up }), "query", queries),
          documents.ref,
          jax.numpy.zeros([3, 5]),
          0.5,
        );
    },
    1.5,
  ));

test("clustered MaxSim, by the query's vectors", () =>
  check([6, 3], (random) => {
    const documents = gaussians(random, 8, 3);
    const { numpy: np } = jax;
    return (vectors) =>
      crossEntropyOfOwn(
        jax,
        maxSim(
          jax,
          {
            vectors: vectors.reshape([2, 3, 3]),
            mask: np.array([
              [1, 1, 0],
              [1, 1, 1],
            ]),
          },
          {
            vectors: documents.ref.reshape([2, 4, 3]),
            mask: np.array([
              [1, 1, 1, 0],
              [1, 1, 1, 1],
            ]),
          },
        ),
      );
  }));
