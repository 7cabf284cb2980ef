import { beforeAll, describe, expect, it } from "vitest";
import { restoreCoder } from "../codecs/index.ts";
import type { RbeCoder } from "../codecs/rbe.ts";
import { SynthPairs } from "../eval/synth-pairs.ts";
import { matrix, rowOf, rowsOf } from "../linalg/matrix.ts";
import { trainRbe } from "./rbe.ts";
import type { RbePairs } from "./rbe-batches.ts";
import { type SettledTrainOptions, trainSettledRbe } from "./rbe-settled.ts";

const DIM = 48;
const source = new SynthPairs({ dim: DIM, nuisance: 1.5, rank: 8, jitter: 0.1 });
const pairs: RbePairs = source.pairs(1500, 1);
const asked = source.pairs(300, 2);
const quick: SettledTrainOptions = {
  width: 64,
  version: "one",
  batch: 64,
  steps: 60,
  rate: 3e-3,
  askSteps: 20,
};

/** Share of queries whose document is among the 5 best. */
function recallOf(coder: RbeCoder): number {
  const coded = coder.encode(asked.documents);
  const scores = new Float32Array(300);
  let right = 0;
  for (let q = 0; q < 100; q++) {
    coder.scorer(rowOf(asked.queries, q), "cosine").score(coded, 0, 300, scores);
    if (scores.filter((score) => score > scores[q]!).length < 5) right++;
  }
  return right / 100;
}

let trained: RbeCoder;
const steps: number[] = [];
beforeAll(async () => {
  trained = await trainSettledRbe(pairs, { ...quick, onProgress: ({ step }) => steps.push(step) });
}, 60_000);

describe("trainSettledRbe", () => {
  it("learns from pairs what geometry does not tell, the same each time", async () => {
    expect(steps.at(-1)).toBe(79);
    const untrained = await trainSettledRbe(pairs, { ...quick, steps: 1, askSteps: 1, rate: 1e-9 });
    expect(recallOf(trained)).toBeGreaterThan(recallOf(untrained) + 0.1);
    expect((await trainSettledRbe(pairs, quick)).serialize()).toEqual(trained.serialize());
  });

  it("is a coder like any other: a bit a dimension, restored, decoded", () => {
    expect([trained.id, trained.blockBytes, trained.settled]).toEqual(["rbe1x64", 8, true]);
    const restored = restoreCoder(trained.serialize()) as RbeCoder;
    expect(restored.settled).toBe(true);
    const codes = trained.encode(asked.documents);
    expect(restored.encode(asked.documents)).toEqual(codes);
    const decoded = trained.decode(codes, 300);
    let cosine = 0;
    for (let r = 0; r < 300; r++)
      rowOf(asked.documents, r).forEach((value, i) => {
        cosine += (value * rowOf(decoded, r)[i]!) / 300;
      });
    expect(cosine).toBeGreaterThan(0.5);
  });

  it("stops at a signal, and refuses what cannot be trained on, by name", async () => {
    const abort = new AbortController();
    const stopped = trainSettledRbe(pairs, {
      ...quick,
      signal: abort.signal,
      onProgress: () => abort.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "CANCELLED" });
    const fails = async (data: RbePairs, options: Partial<SettledTrainOptions>, code: string) =>
      expect(trainSettledRbe(data, { ...quick, ...options })).rejects.toMatchObject({ code });
    const { queries, documents } = pairs;
    await fails({ queries, documents: rowsOf(documents, 0, 9) }, {}, "DIMENSION");
    await fails({ queries, documents: matrix(1500, DIM) }, {}, "NOT_FINITE");
    await fails({ queries, documents, ids: new Uint8Array(1500) }, {}, "INSUFFICIENT_DATA");
    await fails(pairs, { width: 12 }, "RANGE");
    const next = { bits: 1, width: 64, version: "two", steps: 1, compatibleWith: trained } as const;
    await expect(trainRbe(pairs, next)).rejects.toMatchObject({ code: "ARGUMENT" });
  });
});
