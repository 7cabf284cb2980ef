/** Batches of neighbours, adapters, contrastive quantisation, the three stages and the student of queries. */
import { beforeAll, describe, expect, test } from "vitest";
import { f32Coder } from "../codecs/f32.ts";
import { pq } from "../codecs/index.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { Adapter, adapt, adapterWeights, freshAdapter, restoreAdapter } from "./adapter.ts";
import { trainBidr } from "./bidr.ts";
import { candidatesOf } from "./candidates.ts";
import { distillQueries } from "./distill.ts";
import { type Jax, loadJax, type Tensor } from "./jax.ts";
import { quantise } from "./quantised.ts";
import { LocalityBatches, relevanceMask } from "./sampling.ts";

let jax: Jax;
beforeAll(async () => {
  jax = await loadJax();
});

const gaussians = (rows: number, cols: number, seed: number): Matrix => {
  const random = new Random(seed);
  return matrix(
    rows,
    cols,
    Float32Array.from({ length: rows * cols }, () => random.gaussian()),
  );
};

describe("batches of neighbours", () => {
  const QUERIES = 400;
  /** Queries and documents on a ring: candidates are the neighbours. */
  const positives = Array.from({ length: QUERIES }, (_, q) => [q]);
  const candidates = positives.map((_, q) =>
    Uint32Array.from(
      { length: 40 },
      (__, i) => (q + (i % 2 === 0 ? i / 2 : QUERIES - (i + 1) / 2)) % QUERIES,
    ),
  );
  const ranges = { negatives: [0, 20], links: [20, 40] } as const;
  const distance = (a: number, b: number): number => Math.min(Math.abs(a - b), QUERIES - Math.abs(a - b));

  test.each(["walk", "snowball", "random"] as const)("%s visits all queries once a round", (order) => {
    const batches = new LocalityBatches({ positives, candidates, batch: 40, order, ...ranges });
    const seen = Array.from({ length: 10 }, () => batches.next());
    expect(new Set(seen.flatMap(({ queries }) => [...queries])).size).toBe(QUERIES);
    for (const { queries, positives: own, negatives } of seen) {
      expect(own).toEqual(queries);
      negatives.forEach((document, i) => {
        expect(distance(document, queries[i]!)).toBeLessThanOrEqual(10);
        expect(document).not.toBe(queries[i]);
      });
    }
    const again = new LocalityBatches({ positives, candidates, batch: 40, order, ...ranges });
    expect(again.next()).toEqual(seen[0]);
  });

  test("those of a walk or a snowball are near each other, random ones are not", () => {
    const spread = (order: "walk" | "snowball" | "random"): number => {
      const batches = new LocalityBatches({ positives, candidates, batch: 16, order, seed: 3, ...ranges });
      let sum = 0;
      for (let b = 0; b < 10; b++) {
        const { queries } = batches.next();
        for (let i = 1; i < queries.length; i++) sum += distance(queries[i - 1]!, queries[i]!) / 150;
      }
      return sum;
    };
    expect(spread("walk")).toBeLessThan(spread("random") / 2);
    expect(spread("snowball")).toBeLessThan(spread("random") / 2);
  });

  test("skips queries without a document, masks other relevant ones, refuses nonsense", () => {
    const some = positives.map((own, q) => (q % 2 === 0 ? [...own, (q + 1) % QUERIES] : []));
    const batches = new LocalityBatches({ positives: some, candidates, batch: 8, ...ranges });
    expect(batches.skipped).toBe(QUERIES / 2);
    const batch = batches.next();
    const mask = relevanceMask(batch, some);
    const columns = [...batch.positives, ...batch.negatives];
    mask.forEach((value, i) => {
      const [row, column] = [Math.floor(i / 16), i % 16];
      const isOther = column !== row && some[batch.queries[row]!]!.includes(columns[column]!);
      expect(value).toBe(isOther ? Math.fround(-1e4) : 0);
    });
    const of = (options: object) => () =>
      new LocalityBatches({ positives, candidates, batch: 8, ...ranges, ...options });
    expect(of({ batch: 0 })).toThrow(/batch 0/);
    expect(of({ links: [5, 5] })).toThrow(/links/);
    expect(of({ candidates: [] })).toThrow(/equal counts/);
    expect(of({ positives: positives.map(() => []) })).toThrow(/0 of 400/);
  });
});

describe("adapters", () => {
  test.each([
    [16, 16],
    [8, 16],
  ])("of %i to %i values say the same without the training library", async (from, to) => {
    const shape = { from, to, hidden: 12 };
    const arrays = { ...freshAdapter(shape, 4), up: gaussians(12, to, 5).data };
    const rows = gaussians(9, from, 6);
    const adapter = new Adapter(shape, arrays);
    const weights = adapterWeights(jax, "a", shape, arrays);
    const trained = await adapt(
      jax,
      weights,
      "a",
      jax.numpy.array(rows.data.slice()).reshape([9, from]),
    ).data();
    adapter.apply(rows).data.forEach((value, i) => expect(value).toBeCloseTo(trained[i]!, 4));
    expect(restoreAdapter(adapter.serialize()).apply(rows)).toEqual(adapter.apply(rows));
    expect(() => adapter.apply(gaussians(1, from + 1, 1))).toThrow(/it was trained for/);
  });

  test("change the direction of rows by next to nothing before they are trained", () => {
    const adapter = new Adapter(
      { from: 64, to: 64, hidden: 8 },
      freshAdapter({ from: 64, to: 64, hidden: 8 }, 1),
    );
    const rows = gaussians(20, 64, 2);
    const out = adapter.apply(rows);
    for (let r = 0; r < 20; r++) {
      const [a, b] = [rowOf(rows, r), rowOf(out, r)];
      const dot = a.reduce((sum, x, i) => sum + x * b[i]!, 0);
      expect(dot / Math.hypot(...a) / Math.hypot(...b)).toBeGreaterThan(0.95);
      expect(Math.hypot(...b)).toBeCloseTo(1, 3);
    }
    expect(() => freshAdapter({ from: 0, to: 1, hidden: 1 }, 1)).toThrow(/from/);
    expect(() => restoreAdapter(f32Coder(4).serialize())).toThrow(/no adapter/);
  });
});

describe("contrastive quantisation", () => {
  test("decodes as the coder does, with the gradient of a softmax", async () => {
    const rows = gaussians(500, 16, 7);
    const coder = pq({ parts: 4, bits: 8 }).fit(rows);
    const some = gaussians(6, 16, 8);
    const decoded = coder.decode(coder.encode(some), 6);
    const { deserialize, asFloats } = await import("../codecs/serial.ts");
    const book = asFloats(deserialize(coder.serialize()).arrays[0]!);
    const { numpy: np } = jax;
    const codebook = () => np.array(book.slice()).reshape([4, 256, 4]);
    const given = () => np.array(some.data.slice()).reshape([6, 16]);
    const values = await quantise(jax, given(), codebook(), 1).data();
    decoded.data.forEach((value, i) => expect(values[i]!).toBeCloseTo(value, 4));
    const weigh = gaussians(6, 16, 9).data;
    const loss = (x: Tensor): Tensor =>
      np.sum(quantise(jax, x, codebook(), 1).mul(np.array(weigh.slice()).reshape([6, 16])));
    const gradient = await jax.grad(loss)(given()).data();
    const soft = (data: Float32Array): number => softSum(data, book, weigh);
    for (const i of [0, 5, 40, 95]) {
      const [up, down] = [some.data.slice(), some.data.slice()];
      up[i]! += 1e-2;
      down[i]! -= 1e-2;
      expect(gradient[i]!).toBeCloseTo((soft(up) - soft(down)) / 2e-2, 1);
    }
  });

  /** The same by a softmax over centroids instead of the nearest one. */
  function softSum(data: Float32Array, book: Float32Array, weigh: Float32Array): number {
    let sum = 0;
    for (let r = 0; r < 6; r++)
      for (let p = 0; p < 4; p++) {
        const distances = Array.from({ length: 256 }, (_, c) =>
          [0, 1, 2, 3].reduce(
            (s, d) => s + (data[r * 16 + p * 4 + d]! - book[(p * 256 + c) * 4 + d]!) ** 2,
            0,
          ),
        );
        const weights = distances.map((distance) => Math.exp(-distance));
        const total = weights.reduce((a, b) => a + b, 0);
        for (let d = 0; d < 4; d++)
          for (let c = 0; c < 256; c++)
            sum += (weigh[r * 16 + p * 4 + d]! * weights[c]! * book[(p * 256 + c) * 4 + d]!) / total;
      }
    return sum;
  }
});

describe("the three stages", () => {
  const DOCUMENTS = 600;
  const DIM = 16;
  /** What pairs share lies in the first half of the values; the other half is loud noise. */
  function pairs(seed: number) {
    const meaning = gaussians(DOCUMENTS, DIM, seed);
    const noisy = (noise: number): Matrix => {
      const other = gaussians(DOCUMENTS, DIM, seed + noise);
      return matrix(
        DOCUMENTS,
        DIM,
        meaning.data.map((value, i) =>
          i % DIM < DIM / 2 ? value + 0.1 * other.data[i]! : 1.5 * other.data[i]!,
        ),
      );
    };
    return {
      documents: noisy(1),
      queries: noisy(2),
      positives: Array.from({ length: DOCUMENTS }, (_, i) => [i]),
    };
  }
  const options = {
    parts: 4,
    hidden: 32,
    batch: 32,
    steps: { global: 100, sparse: 20, local: 40 },
    negatives: [0, 30],
    links: [30, 100],
    rate: 5e-3,
  } as const;

  test("find and verify what plain vectors do not", async () => {
    const data = pairs(3);
    const stages: string[] = [];
    const trained = await trainBidr(data, { ...options, onStage: (stage) => stages.push(stage) });
    expect(stages).toEqual(["global", "sparse", "local", "weight"]);
    const recall = (
      queries: Matrix,
      documents: Matrix,
      coder = f32Coder(DIM) as { encode(m: Matrix): Uint8Array },
    ): number => {
      const found = candidatesOf(coder as never, coder.encode(documents), DOCUMENTS, queries, 10);
      return found.filter(({ rows }, q) => rows.includes(q)).length / DOCUMENTS;
    };
    const { sparse, local } = trained;
    const plain = recall(data.queries, data.documents);
    const codes = recall(
      sparse.query.apply(data.queries),
      sparse.document.apply(data.documents),
      sparse.coder,
    );
    const dense = recall(local.query.apply(data.queries), local.document.apply(data.documents));
    expect(codes).toBeGreaterThan(plain + 0.1);
    expect(dense).toBeGreaterThan(plain + 0.2);
    expect(sparse.coder.blockBytes).toBe(4);
    expect(trained.weight).toBeGreaterThanOrEqual(0);
  }, 30_000);

  test("refuse what cannot be trained on, and stop at a signal", async () => {
    const data = pairs(4);
    await expect(trainBidr({ ...data, positives: [] })).rejects.toMatchObject({ code: "DIMENSION" });
    await expect(
      trainBidr({ ...data, positives: data.positives.map(() => [DOCUMENTS]) }),
    ).rejects.toMatchObject({
      code: "RANGE",
    });
    await expect(trainBidr({ ...data, positives: data.positives.map(() => []) })).rejects.toMatchObject({
      code: "INSUFFICIENT_DATA",
    });
    const bad = data.documents.data.slice();
    bad[3 * DIM + 1] = Number.NaN;
    await expect(trainBidr({ ...data, documents: matrix(DOCUMENTS, DIM, bad) })).rejects.toThrow(
      /documents: row 3/,
    );
    await expect(
      trainBidr(data, { ...options, parts: 5, steps: { global: 1, sparse: 1, local: 1 } }),
    ).rejects.toMatchObject({ code: "RANGE" });
    await expect(trainBidr(data, { ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });
});

describe("a student of queries", () => {
  const teacher = new Adapter(
    { from: 24, to: 24, hidden: 16 },
    {
      ...freshAdapter({ from: 24, to: 24, hidden: 16 }, 1),
      up: gaussians(16, 24, 2).data.map((x) => 0.1 * x),
    },
  );
  const queries = gaussians(1200, 24, 3);
  const narrow = ({ rows, cols, data }: Matrix, width: number): Matrix =>
    matrix(
      rows,
      width,
      Float32Array.from(
        { length: rows * width },
        (_, i) => data[Math.floor(i / width) * cols + (i % width)]!,
      ),
    );

  test("says nearly what its teacher says, from fewer values too", async () => {
    const targets = teacher.apply(queries);
    const test = gaussians(100, 24, 4);
    const miss = (student: Adapter, seen: Matrix): number => {
      const [said, wanted] = [student.apply(seen), teacher.apply(test)];
      return said.data.reduce((sum, value, i) => sum + (value - wanted.data[i]!) ** 2, 0) / 100;
    };
    const student = await distillQueries(queries, targets, { steps: 120, batch: 64, hidden: 64, rate: 1e-2 });
    expect(student.shape).toEqual({ from: 24, to: 24, hidden: 64 });
    expect(miss(student, test)).toBeLessThan(0.2);
    const small = await distillQueries(narrow(queries, 20), targets, {
      steps: 120,
      batch: 64,
      hidden: 64,
      rate: 1e-2,
    });
    expect(small.shape.from).toBe(20);
    expect(miss(small, narrow(test, 20))).toBeLessThan(0.8);
  }, 30_000);

  test("is drawn to what is asked often, by the root of it", async () => {
    const targets = teacher.apply(queries);
    const counts = Array.from({ length: 1200 }, (_, q) => (q < 100 ? 10_000 : 1));
    const options = { steps: 60, batch: 64, hidden: 8 };
    const missOf = async (given: object): Promise<number> => {
      const student = await distillQueries(queries, targets, { ...options, ...given });
      const said = student.apply(queries).data;
      return said.slice(0, 2400).reduce((sum, value, i) => sum + (value - targets.data[i]!) ** 2, 0);
    };
    expect(await missOf({ counts })).toBeLessThan(await missOf({}));
  }, 30_000);

  test("refuses what does not fit", async () => {
    const targets = teacher.apply(queries);
    const tenth = matrix(10, 24, queries.data.slice(0, 240));
    await expect(distillQueries(tenth, targets)).rejects.toMatchObject({ code: "DIMENSION" });
    await expect(distillQueries(tenth, teacher.apply(tenth))).rejects.toMatchObject({
      code: "INSUFFICIENT_DATA",
    });
    await expect(
      distillQueries(queries, targets, { counts: queries.data.length === 0 ? [] : [1] }),
    ).rejects.toMatchObject({
      code: "DIMENSION",
    });
    await expect(
      distillQueries(queries, targets, { counts: new Array(1200).fill(-1) }),
    ).rejects.toMatchObject({ code: "RANGE" });
    const bad = targets.data.slice();
    bad[24] = Number.POSITIVE_INFINITY;
    await expect(distillQueries(queries, matrix(1200, 24, bad))).rejects.toThrow(/targets: row 1/);
  });
});
