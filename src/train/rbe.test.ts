import { beforeAll, describe, expect, it } from "vitest";
import { restoreCoder } from "../codecs/index.ts";
import type { RbeCoder } from "../codecs/rbe.ts";
import { SynthPairs } from "../eval/synth-pairs.ts";
import { type Matrix, matrix, rowOf, rowsOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { type RbeTrainOptions, trainRbe } from "./rbe.ts";
import type { RbePairs } from "./rbe-batches.ts";

const DIM = 48;
const source = new SynthPairs({ dim: DIM, nuisance: 1.5, rank: 8, jitter: 0.1 });
const pairs: RbePairs = source.pairs(1500, 1);
const asked = source.pairs(300, 2);
const quick: RbeTrainOptions = { bits: 2, width: 32, version: "one", steps: 80, batch: 32, rate: 3e-3 };

/** Share of queries whose document is among the 5 best. */
function recallOf(queries: RbeCoder, codes: RbeCoder): number {
  const coded = codes.encode(asked.documents);
  const scores = new Float32Array(300);
  let right = 0;
  for (let q = 0; q < 100; q++) {
    queries.scorerOf(codes, rowOf(asked.queries, q), "cosine").score(coded, 0, 300, scores);
    if (scores.filter((score) => score > scores[q]!).length < 5) right++;
  }
  return right / 100;
}

let trained: RbeCoder;
let untrained: RbeCoder;
const steps: number[] = [];
beforeAll(async () => {
  trained = await trainRbe(pairs, { ...quick, onProgress: ({ step }) => steps.push(step) });
  untrained = await trainRbe(pairs, { ...quick, steps: 1, rate: 1e-9 });
}, 60_000);

describe("trainRbe", () => {
  it("learns from pairs what geometry does not tell, the same each time", async () => {
    expect(steps.at(-1)).toBe(79);
    expect(recallOf(trained, trained)).toBeGreaterThan(recallOf(untrained, untrained) + 0.1);
    const symmetric = [trained, untrained].map((coder) => coder.as({ symmetric: true }));
    expect(recallOf(symmetric[0]!, symmetric[0]!)).toBeGreaterThan(recallOf(symmetric[1]!, symmetric[1]!));
    const again = await trainRbe(pairs, quick);
    expect(again.serialize()).toEqual(trained.serialize());
    const restored = restoreCoder(trained.serialize());
    expect(restored.encode(asked.documents)).toEqual(trained.encode(asked.documents));
  });

  it("trains with a queue and the hardest negatives alone", async () => {
    const queued = await trainRbe(pairs, { ...quick, steps: 50, hardest: 5, queue: 64 });
    expect(recallOf(queued, queued)).toBeGreaterThan(recallOf(untrained, untrained) + 0.05);
  });

  it("matches an older version with a wider code", async () => {
    const old = trained;
    const compatible = { version: "two", seed: 5, width: 48, steps: 30, rate: 1e-3, compatibleWith: old };
    const wide = await trainRbe(pairs, { ...quick, ...compatible });
    expect(recallOf(wide, old)).toBeGreaterThan(recallOf(old, old) - 0.15);
  });

  it("matches an older version in both directions, where a stranger does not", async () => {
    const old = trained;
    const compatible = { version: "two", seed: 5, steps: 30, rate: 1e-3, compatibleWith: old };
    const next = await trainRbe(pairs, { ...quick, ...compatible });
    const stranger = await trainRbe(pairs, { ...quick, steps: 30, seed: 6 });
    const own = recallOf(old, old);
    expect(recallOf(next, old)).toBeGreaterThan(own - 0.15);
    expect(recallOf(old, next)).toBeGreaterThan(own - 0.15);
    expect(recallOf(stranger, old)).toBeLessThan(own / 2);
  });

  it("begins with signs about the mean where asked: rows that all lean to one side get codes that differ", async () => {
    const leaning = matrix(
      600,
      DIM,
      pairs.documents.data.slice(0, 600 * DIM).map((value, i) => value + (i % DIM === 0 ? 3 : 0)),
    );
    const bits = async (centre: boolean): Promise<number> => {
      const shape = { bits: 1, width: 32, batch: 16, anchors: 32, steps: 1, rate: 1e-9 } as const;
      const codes = (await trainRbe(leaning, { ...quick, ...shape, centre })).encode(leaning);
      return new Set(Array.from({ length: 600 }, (_, r) => codes.slice(r * 4, r * 4 + 4).join())).size;
    };
    expect(await bits(true)).toBeGreaterThan(2 * (await bits(false)));
  });

  it("learns from plain rows, and decodes near to them", async () => {
    const rows = rowsOf(pairs.documents, 0, 600);
    const options = { ...quick, width: 32, steps: 40, anchors: 200, batch: 16, rate: 1e-3 };
    const coder = await trainRbe(rows, options);
    const decoded = coder.decode(coder.encode(rows), 600);
    let cosine = 0;
    for (let r = 0; r < 600; r++)
      rowOf(rows, r).forEach((value, i) => {
        cosine += (value * rowOf(decoded, r)[i]!) / 600;
      });
    expect(cosine).toBeGreaterThan(0.85);
  });

  it("stops at a signal, and where the loss is no number", async () => {
    const abort = new AbortController();
    const stopped = trainRbe(pairs, { ...quick, signal: abort.signal, onProgress: () => abort.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(trainRbe(pairs, { ...quick, temperature: 0 })).rejects.toMatchObject({ code: "STATE" });
  });

  it("refuses what cannot be trained on, by name", async () => {
    const { queries, documents } = pairs;
    const fails = async (data: Matrix | RbePairs, options: Partial<RbeTrainOptions>, code: string) =>
      expect(trainRbe(data, { ...quick, ...options })).rejects.toMatchObject({ code });
    await fails({ queries, documents: rowsOf(documents, 0, 9) }, {}, "DIMENSION");
    await fails({ queries, documents, ids: new Uint8Array(1500) }, {}, "INSUFFICIENT_DATA");
    await fails({ queries, documents: matrix(1500, DIM) }, {}, "NOT_FINITE");
    await fails(queries, { queue: 8 }, "ARGUMENT");
    await fails(matrix(1, DIM, new Float32Array(DIM).fill(1)), {}, "INSUFFICIENT_DATA");
    await fails(pairs, { width: 3 }, "RANGE");
    const bad = matrix(2, DIM);
    bad.data.fill(Number.NaN);
    await fails(bad, {}, "NOT_FINITE");
    const random = new Random(1);
    const other = matrix(
      50,
      8,
      Float32Array.from({ length: 400 }, () => random.gaussian()),
    );
    const narrow = await trainRbe(other, { ...quick, width: 8, steps: 1 });
    await fails(pairs, { compatibleWith: narrow, version: "two" }, "DIMENSION");
  });
});
