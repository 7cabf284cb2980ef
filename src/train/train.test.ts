import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../linalg/random.ts";
import { crossEntropyOfOwn, signThrough, unitRows } from "./contrastive.ts";
import { type Jax, loadJax, type Tensor, type Weights } from "./jax.ts";
import { rateAt } from "./schedule.ts";
import { type TrainOptions, train } from "./train.ts";

let jax: Jax;
beforeAll(async () => {
  jax = await loadJax();
});

const ROWS = 32;
const DIM = 4;

function samples(seed: number): { x: Float32Array; y: Float32Array; truth: number[] } {
  const random = new Random(seed);
  const truth = [1, -2, 0.5, 3];
  const x = Float32Array.from({ length: ROWS * DIM }, () => random.gaussian());
  const y = Float32Array.from({ length: ROWS }, (_, i) =>
    truth.reduce((sum, weight, j) => sum + weight * x[i * DIM + j]!, 0),
  );
  return { x, y, truth };
}

const squaredError = (weights: Weights, { x, y }: Weights): Tensor => {
  const { numpy: np } = jax;
  return np.mean(np.square(np.dot(x!, weights.w!).sub(y!)));
};

function regression(steps: number, more: Partial<TrainOptions> = {}): ReturnType<typeof train> {
  const { x, y } = samples(7);
  const { numpy: np } = jax;
  const options: TrainOptions = {
    rate: 0.1,
    steps,
    decay: 0,
    loss: squaredError,
    batch: () => ({ x: np.array(x).reshape([ROWS, DIM]), y: np.array(y) }),
    ...more,
  };
  return train(jax, { w: np.zeros([DIM]) }, options);
}

/** AdamW written plainly for the same regression. */
function plainAdam(steps: number, rate: number): number[] {
  const { x, y } = samples(7);
  const [w, m, v] = [0, 1, 2].map(() => new Array<number>(DIM).fill(0)) as [number[], number[], number[]];
  for (let step = 0; step < steps; step++) {
    const gradient = new Array<number>(DIM).fill(0);
    for (let i = 0; i < ROWS; i++) {
      const miss = w.reduce((sum, weight, j) => sum + weight * x[i * DIM + j]!, -y[i]!);
      for (let j = 0; j < DIM; j++) gradient[j]! += (2 * miss * x[i * DIM + j]!) / ROWS;
    }
    const shrink = Math.min(1, 5 / Math.hypot(...gradient));
    for (let j = 0; j < DIM; j++) {
      const g = gradient[j]! * shrink;
      m[j] = 0.9 * m[j]! + 0.1 * g;
      v[j] = 0.999 * v[j]! + 0.001 * g * g;
      const direction =
        m[j]! / (1 - 0.9 ** (step + 1)) / (Math.sqrt(v[j]! / (1 - 0.999 ** (step + 1))) + 1e-8);
      w[j]! -= rateAt({ rate, steps }, step) * direction;
    }
  }
  return w;
}

describe("train", () => {
  it("takes the steps of AdamW", async () => {
    const { weights } = await regression(30);
    plainAdam(30, 0.1).forEach((value, j) => expect(weights.w![j]).toBeCloseTo(value, 3));
  });

  it("finds the weights, the same each time", async () => {
    const losses: number[] = [];
    const { weights, loss } = await regression(300, { onStep: (_, value) => losses.push(value) });
    samples(7).truth.forEach((value, j) => expect(weights.w![j]).toBeCloseTo(value, 1));
    expect(loss).toBeLessThan(losses[0]! / 100);
    expect((await regression(300)).weights).toEqual(weights);
  });

  it("keeps a moving average when asked", async () => {
    const { weights, average } = await regression(50, { average: 0.99 });
    expect(Math.abs(average.w![3]!)).toBeLessThan(Math.abs(weights.w![3]!));
    expect(average.w![3]).not.toBe(0);
  });

  it("stops at a signal, and where the loss is no number", async () => {
    const abort = new AbortController();
    const stopped = regression(500, { signal: abort.signal, onStep: () => abort.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "CANCELLED" });
    const { numpy: np } = jax;
    const batch = () => ({ x: np.full([ROWS, DIM], Number.NaN), y: np.zeros([ROWS]) });
    await expect(regression(5, { batch })).rejects.toThrow(/the loss is NaN at step 0/);
  });

  it.each<[number, Partial<TrainOptions>, RegExp]>([
    [5, { rate: -1 }, /rate -1 over 5 steps/],
    [0, {}, /rate 0.1 over 0 steps/],
    [Number.NaN, {}, /over NaN steps/],
    [1.5, {}, /over 1.5 steps/],
    [5, { every: 0 }, /looks at the loss every 0 steps/],
  ])("refuses %d steps with %j before it begins", async (steps, more, message) => {
    let asked = 0;
    const batch = (): Weights => {
      asked++;
      return {};
    };
    await expect(regression(steps, { batch, ...more })).rejects.toMatchObject({
      code: "RANGE",
      message: expect.stringMatching(message),
    });
    expect(asked).toBe(0);
  });

  it("says what went wrong in a loss or in a batch, not in freeing what there was", async () => {
    const wrong = (): never => {
      throw new Error("mine");
    };
    await expect(regression(5, { batch: wrong })).rejects.toThrow("mine");
    await expect(regression(5, { loss: wrong })).rejects.toThrow("mine");
    await expect(regression(5, { onStep: wrong })).rejects.toThrow("mine");
  });
});

describe("contrastive losses", () => {
  it("scores a row's own column against the others", async () => {
    const { numpy: np } = jax;
    const scores = [
      [2, 0, 1],
      [0, 3, -1],
    ];
    const expected =
      -scores.reduce((sum, row, i) => sum + row[i]! - Math.log(row.reduce((s, x) => s + Math.exp(x), 0)), 0) /
      2;
    const loss = crossEntropyOfOwn(jax, np.array(scores));
    expect((await loss.data())[0]).toBeCloseTo(expected, 5);
    const masked = crossEntropyOfOwn(
      jax,
      np.array(scores),
      np.array([
        [0, -1e4, -1e4],
        [-1e4, 0, -1e4],
      ]),
    );
    expect((await masked.data())[0]).toBeCloseTo(0, 5);
  });

  it("passes the gradient through a sign inside [-1, 1] alone", async () => {
    const { numpy: np } = jax;
    const gradient = jax.grad((x: Tensor) => np.sum(signThrough(jax, x).mul(np.array([1, 2, 3, 4]))));
    expect([...(await gradient(np.array([0.5, -2, -0.1, 1.5])).data())]).toEqual([1, 0, 3, 0]);
    expect([...(await signThrough(jax, np.array([0, -0.3, 5])).data())]).toEqual([1, -1, 1]);
  });

  it("makes rows one long", async () => {
    const rows = unitRows(
      jax,
      jax.numpy.array([
        [3, 4],
        [0, 0],
      ]),
    );
    const [a, b, c, d] = await rows.data();
    expect([a, b]).toEqual([expect.closeTo(0.6, 5), expect.closeTo(0.8, 5)]);
    expect([c, d]).toEqual([0, 0]);
  });
});
