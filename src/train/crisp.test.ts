import { beforeAll, describe, expect, it } from "vitest";
import { mixingEncoder } from "../embed/mixing-encoder.ts";
import { firstWeights, type MixerShape, mixTokens } from "../embed/token-mixer.ts";
import { Facets } from "../eval/synth-facets.ts";
import { type Pruning, pruneTokens, seedOfText } from "../index/tokens/prune.ts";
import { type Matrix, matrix, rowOf, rowsOf } from "../linalg/matrix.ts";
import { setOf } from "../linalg/ragged.ts";
import { Random } from "../linalg/random.ts";
import { type CrispOptions, crispDefaults, maxSim, trainCrisp } from "./crisp.ts";
import { type Jax, loadJax, type Tensor } from "./jax.ts";
import { mixBatch, tensorsOf } from "./token-model.ts";

let jax: Jax;
beforeAll(async () => {
  jax = await loadJax();
});

const shape: MixerShape = { inputs: 16, width: 16, layers: 2, heads: 2, outputs: 8 };
/** What is trained here. */
const small: MixerShape = { ...shape, layers: 1 };
const facets = new Facets({ documents: 12, dim: 16 });

/** Weights without zeros, so that every part of a layer counts. */
function someWeights() {
  const random = new Random(5);
  return Object.fromEntries(
    Object.entries(firstWeights(shape, 1, 0.5)).map(([name, values]) => [
      name,
      values.map((x) => x + 0.2 * random.gaussian()),
    ]),
  );
}

function options(pruning: Pruning, steps: number, more: Partial<CrispOptions> = {}): CrispOptions {
  return {
    shape: small,
    weights: firstWeights(small, 1, 2),
    pruning,
    tokens: (text) => facets.tokens(text),
    texts: () => {
      const random = new Random(3);
      const asked = facets.family(0).map((document) => facets.query(document, random));
      const answers = asked.map(({ judged }) => [...judged.keys()].map(Number));
      return { queries: asked.map(({ text }) => text), documents: facets.documents.slice(0, 8), answers };
    },
    places: { query: 24, document: 40 },
    steps,
    rate: 5e-3,
    ...more,
  };
}

/** InfoNCE of a step by the index's own vectors, one query after the other. */
function lossOf({ texts, tokens, places, pruning, weights }: CrispOptions): number {
  const { queries, documents, answers } = texts(0);
  const vectors = (role: "query" | "document") => (text: string) => {
    const all = tokens(text, role);
    const mixed = mixTokens(
      small,
      weights,
      rowsOf(all, 0, Math.min(all.rows, places[role])),
      role === "document",
    );
    return pruneTokens(mixed, pruning, role, seedOfText(text));
  };
  const there = documents.map(vectors("document"));
  const losses = queries.map((text, q) => {
    const kept = vectors("query")(text);
    const count = Math.min(tokens(text, "query").rows, places.query);
    const tokensKept = pruning.kind === "single" ? 1 : pruning.kind === "tail" ? kept.rows : count;
    const scores = there.map((document) => maxSimOf(kept, document) / tokensKept / crispDefaults.temperature);
    const rivals = scores.filter((_, d) => d === q || !answers![q]!.includes(d));
    return Math.log(rivals.reduce((sum, score) => sum + Math.exp(score - scores[q]!), 0));
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

function maxSimOf(query: Matrix, document: Matrix): number {
  const best = (row: Float32Array): number =>
    Math.max(
      ...Array.from({ length: document.rows }, (_, d) =>
        rowOf(document, d).reduce((sum, x, i) => sum + x * row[i]!, 0),
      ),
    );
  return Array.from({ length: query.rows }, (_, q) => best(rowOf(query, q))).reduce((sum, x) => sum + x, 0);
}

describe("the token mixer", () => {
  it("computes for training what its encoder computes, whatever stands behind a text", async () => {
    const weights = someWeights();
    const texts = facets.documents.slice(0, 3);
    const places = 50;
    const values = new Float32Array(3 * places * 16).fill(0.7);
    const mask = new Float32Array(3 * places);
    const counts = texts.map((text, i) => {
      const { data, rows } = facets.tokens(text);
      const count = Math.min(rows, 20 + 10 * i);
      values.set(data.subarray(0, count * 16), i * places * 16);
      mask.fill(1, i * places, i * places + count);
      return count;
    });
    const { numpy: np } = jax;
    const tensors = tensorsOf(jax, shape, weights);
    const out = mixBatch(
      jax,
      shape,
      tensors,
      np.array(values).reshape([3, places, 16]),
      np.array(mask).reshape([3, places]),
    );
    const computed = await out.data();
    texts.forEach((text, i) => {
      const { data } = facets.tokens(text);
      const own = mixTokens(shape, weights, matrix(counts[i]!, 16, data.slice(0, counts[i]! * 16)), false);
      own.data.forEach((x, at) => expect(computed[i * places * 8 + at]).toBeCloseTo(x, 3));
    });
  });

  it("is an encoder of sets, documents of unit length", async () => {
    const encoder = mixingEncoder({
      shape,
      weights: someWeights(),
      tokens: (text) => (text === "" ? matrix(0, 16) : facets.tokens(text)),
      places: { query: 24, document: 40 },
      pruning: "C4x8",
    });
    const sets = await encoder.encode(facets.documents.slice(0, 2));
    expect(sets.offsets.length).toBe(3);
    const first = setOf(sets, 0).data.slice(0, 8);
    expect(first.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 4);
    expect(encoder.space).toMatchObject({ dim: 8, normalized: true, pruning: "C4x8" });
    await expect(encoder.encode(["a", ""])).rejects.toThrow(/text 1 \(""\) has no tokens/);
  });
});

describe("clustered MaxSim", () => {
  it("is the weighed mean over the query's vectors, absent ones aside, and passes the gradient to members of a group alike", async () => {
    const { numpy: np } = jax;
    const query = {
      vectors: np.array([1, 0, 0, 1]).reshape([1, 2, 2]),
      mask: np.array([1, 1]).reshape([1, 2]),
    };
    const document = {
      vectors: np.array([-1, -2, 9, 9]).reshape([1, 2, 2]),
      mask: np.array([1, 0]).reshape([1, 2]),
    };
    expect((await maxSim(jax, query, document).data())[0]).toBeCloseTo(-1.5, 5);
    const weighed = {
      vectors: np.array([1, 0, 0, 1]).reshape([1, 2, 2]),
      mask: np.array([3, 1]).reshape([1, 2]),
    };
    const other = { vectors: np.array([-1, -2]).reshape([1, 1, 2]), mask: np.ones([1, 1]) };
    expect((await maxSim(jax, weighed, other).data())[0]).toBeCloseTo(-1.25, 5);
    // two tokens in one group: each gets half of what the mean gets
    const score = (tokens: Tensor): Tensor => {
      const shares = np.array([0.5, 0.5, 0, 0, 0, 1]).reshape([1, 2, 3]);
      const vectors = np.matmul(shares, tokens);
      const asked = { vectors: np.array([1, 0]).reshape([1, 1, 2]), mask: np.ones([1, 1]) };
      return np.sum(maxSim(jax, asked, { vectors, mask: np.ones([1, 2]) }));
    };
    const gradient = await jax
      .grad(score)(np.array([3, 0, 5, 0, 1, 0]).reshape([1, 3, 2]))
      .data();
    expect([...gradient]).toEqual([0.5, 0, 0.5, 0, 0, 0]);
  });
});

describe("trainCrisp", () => {
  it.each([
    { kind: "none" },
    { kind: "clusters", query: 4, document: 6 },
    { kind: "single" },
    { kind: "tail", query: 4, document: 6 },
  ] satisfies Pruning[])("lowers the loss of its own pruning: $kind", async (pruning) => {
    const losses: number[] = [];
    await trainCrisp(options(pruning, 15, { onStep: (_, loss) => losses.push(loss) }));
    expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.9);
  });

  it.each([
    { kind: "none" },
    { kind: "clusters", query: 4, document: 6 },
    { kind: "share", share: 0.4 },
    { kind: "groups", size: 3 },
    { kind: "tail", query: 4, document: 6 },
    { kind: "single" },
  ] satisfies Pruning[])("begins with the loss of what the index would score: %o", async (pruning) => {
    const given = options(pruning, 1);
    let first = Number.NaN;
    await trainCrisp({ ...given, onStep: (_, loss) => (first = loss) });
    expect(first).toBeCloseTo(lossOf(given), 2);
  });

  it("gives the same weights each time, and leaves those it begins with", async () => {
    const given = options({ kind: "share", share: 0.25 }, 3);
    const before = structuredClone(given.weights);
    const once = await trainCrisp(given);
    expect(await trainCrisp(given)).toEqual(once);
    expect(given.weights).toEqual(before);
    expect(once).not.toEqual(before);
  });

  it("stops at a signal, and where the loss is no number", async () => {
    const abort = new AbortController();
    const more = { signal: abort.signal, onStep: () => abort.abort() };
    await expect(trainCrisp(options({ kind: "none" }, 50, more))).rejects.toThrow(/cancelled|abort/i);
    const wild = { weights: firstWeights(small, 1, Number.MAX_VALUE) };
    await expect(trainCrisp(options({ kind: "none" }, 1, wild))).rejects.toThrow(/the loss is NaN at step 0/);
  });

  it("refuses empty texts, other widths and prunings out of range", async () => {
    const refused = (more: Partial<CrispOptions>) => trainCrisp(options({ kind: "none" }, 1, more));
    await expect(refused({ tokens: () => matrix(0, 16) })).rejects.toThrow(/query 0 has no tokens/);
    await expect(refused({ tokens: () => matrix(3, 4) })).rejects.toMatchObject({ code: "DIMENSION" });
    await expect(refused({ pruning: { kind: "share", share: 0 } })).rejects.toMatchObject({ code: "RANGE" });
  });

  it.skipIf("gpu" in (globalThis.navigator ?? {}))("names the device that does not answer", async () => {
    await expect(trainCrisp(options({ kind: "none" }, 1, { device: "webgpu" }))).rejects.toMatchObject({
      code: expect.stringMatching(/DEPENDENCY|UNSUPPORTED/),
    });
  });
});

describe("facets", () => {
  it("have relatives of the same words in other pairs, and answers that hold all of them", () => {
    const words = (d: number): string[] =>
      [
        ...new Set(
          facets.documents[d]!.split(" ")
            .filter((w) => w.startsWith("w"))
            .map((w) => w.split(".")[0]!),
        ),
      ].sort();
    for (const d of facets.family(1)) expect(words(d)).toEqual(words(6));
    expect(words(0)).not.toEqual(words(6));
    const [query] = facets.queries(1, 4);
    expect(query!.judged.has(String(query!.document))).toBe(true);
    expect(facets.queries(3, 4)).toEqual(new Facets({ documents: 12, dim: 16 }).queries(3, 4));
    expect(facets.tokens("w1.0 w1.1 w1.0").data.slice(0, 16)).toEqual(facets.tokens("w1.0").data);
  });

  it("lose nothing that pruning to all their tokens would not", () => {
    const tokens = facets.tokens(facets.documents[0]!);
    const whole = pruneTokens(tokens, { kind: "clusters", query: 999, document: 999 }, "query", 1);
    expect(whole).toEqual(tokens);
  });
});
