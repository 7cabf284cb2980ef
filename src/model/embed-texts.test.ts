/** Vectors of texts against states in plain loops; alone, together, in pieces, on a thread, cancelled, as a library's embedder. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { randomConfig, randomSource } from "../../test/support/random-model.ts";
import { referenceStates } from "../../test/support/reference-decoder.ts";
import { kernels } from "../kernels/index.ts";
import { rowOf } from "../linalg/matrix.ts";
import type { EmbedTextOptions } from "./embed-texts.ts";
import { modelEmbedder } from "./embedder.ts";
import { load } from "./load.ts";
import type { Model } from "./model.ts";
import { loadOnThread } from "./thread.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-embed-texts-"));
const CONTEXT = 96;
const shape = { context: CONTEXT, seed: 4 };
const folder = writeModelFolder(join(scratch, "tiny"), shape);
const config = randomConfig({ vocab_size: 262, max_position_embeddings: CONTEXT });
const source = randomSource(config, shape.seed);
let model: Model;
beforeAll(async () => {
  model = await load(folder, { workers: 0, precision: "bf16", weightCache: false });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** What the doc comment says, in plain loops. */
function expected(text: string, { pooling = "mean", normalize = true }: EmbedTextOptions = {}): number[] {
  const tokens = model.encode(text, true);
  const count = pooling === "last" ? 1 : Math.ceil(tokens.length / CONTEXT);
  const edge = (i: number): number => Math.round((i * tokens.length) / count);
  const pieces = Array.from({ length: count }, (_, i) => tokens.slice(edge(i), edge(i + 1)));
  if (pooling === "last") pieces[0] = tokens.slice(-CONTEXT);
  const states = pieces.flatMap((piece) => referenceStates(config, source, piece));
  const all = pooling === "last" ? states.slice(-1) : states;
  const mean = Array.from(
    { length: config.width },
    (_, i) => all.reduce((sum, state) => sum + state[i]!, 0) / all.length,
  );
  return normalize ? mean.map((value) => value / Math.hypot(...mean)) : mean;
}

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

const SENTENCE = "How are posting lists pruned? ";

describe("equals plain loops", () => {
  test.each<[string, EmbedTextOptions]>([
    ["the mean", {}],
    ["the last token", { pooling: "last" }],
    ["as it is", { normalize: false }],
    ["the last token as it is", { pooling: "last", normalize: false }],
  ])("%s", async (_, options) => {
    for (const text of ["a", SENTENCE, SENTENCE.repeat(3), SENTENCE.repeat(7), SENTENCE.repeat(12)]) {
      const found = await model.embed(text, options);
      const wanted = expected(text, options);
      // keys and values are kept as bytes
      expect(furthest(found, wanted)).toBeLessThan(0.03 * Math.max(...wanted.map(Math.abs)));
    }
  });

  test("a text of one piece more than the context is two of half of it", async () => {
    const text = "x".repeat(CONTEXT + 1);
    expect(model.encode(text, true)).toHaveLength(CONTEXT + 1);
    const halves = await model.embed([text.slice(0, 49), text.slice(49)], { normalize: false });
    const whole = await model.embed(text, { normalize: false });
    const mean = Array.from(whole, (_, i) => (rowOf(halves, 0)[i]! * 49 + rowOf(halves, 1)[i]! * 48) / 97);
    expect(furthest(whole, mean)).toBeLessThan(1e-5);
  });
});

describe("many texts", () => {
  test("have the vectors that each has alone, in their order", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 20 }),
        fc.constantFrom<EmbedTextOptions>({}, { pooling: "last" }),
        async (lengths, options) => {
          const texts = lengths.map((length, i) => SENTENCE.repeat(12).slice(i, i + length));
          const all = await model.embed(texts, options);
          expect([all.rows, all.cols]).toEqual([texts.length, config.width]);
          for (const [i, text] of texts.entries())
            expect(furthest(rowOf(all, i), await model.embed(text, options))).toBeLessThan(1e-3);
        },
      ),
      { seed: 8, numRuns: 12 },
    ));

  test("while the model answers, which neither notices", async () => {
    const texts = Array.from({ length: 30 }, (_, i) => `${i} ${SENTENCE.repeat(1 + (i % 5))}`);
    const alone = await model.embed(texts);
    const say = async (): Promise<string> => {
      let text = "";
      for await (const piece of model.generate("Once", { maxTokens: 40, temperature: 1, seed: 1 }))
        if (piece.type === "text") text += piece.text;
      return text;
    };
    const said = await say();
    const [again, other] = await Promise.all([say(), model.embed(texts)]);
    expect(again).toBe(said);
    expect(furthest(other.data, alone.data)).toBeLessThan(1e-3);
  });

  test("leave no memory behind, cancelled or not", async () => {
    await model.embed([SENTENCE]);
    const { arena } = kernels();
    const before = arena.bytes;
    await model.embed([SENTENCE, SENTENCE.repeat(9)]);
    const stop = new AbortController();
    const texts = Array.from({ length: 200 }, () => SENTENCE.repeat(9));
    const failed = model.embed(texts, { signal: stop.signal });
    setImmediate(() => stop.abort());
    await expect(failed).rejects.toMatchObject({ code: "CANCELLED" });
    expect(arena.bytes).toBe(before);
  });
});

test("no token gives zeros, another pooling is refused", async () => {
  expect(model.encode("", true)).toEqual([]);
  expect([...(await model.embed(["", "a"])).data.subarray(0, config.width)]).toEqual(
    new Array(config.width).fill(0),
  );
  expect((await model.embed([])).rows).toBe(0);
  const pooling = "first" as "mean";
  await expect(model.embed("a", { pooling })).rejects.toMatchObject({ code: "RANGE" });
});

test("on a thread the same; a signal ends it there too", async () => {
  await using thread = await loadOnThread(folder, { workers: 0, precision: "bf16", weightCache: false });
  const texts = ["a", SENTENCE, SENTENCE.repeat(9)];
  expect(await thread.embed(SENTENCE)).toEqual(await model.embed(SENTENCE));
  expect(await thread.embed(texts, { pooling: "last" })).toEqual(
    await model.embed(texts, { pooling: "last" }),
  );
  expect(await thread.fingerprint()).toBe(model.fingerprint());
  await expect(thread.embed("a", { pooling: "first" as "mean" })).rejects.toMatchObject({ code: "RANGE" });
  const stop = new AbortController();
  const long = thread.embed(
    Array.from({ length: 3000 }, () => SENTENCE.repeat(9)),
    { signal: stop.signal },
  );
  setTimeout(() => stop.abort(), 20);
  await expect(long).rejects.toMatchObject({ code: "CANCELLED" });
  expect(thread.pending).toBe(0);
});

test("a closed model says so, also one that is closed while it reads", async () => {
  const closed = await load(folder, { workers: 0, weightCache: false });
  const reading = closed.embed(Array.from({ length: 300 }, () => SENTENCE.repeat(9)));
  setImmediate(() => void closed[Symbol.asyncDispose]());
  await expect(reading).rejects.toMatchObject({ code: "DISPOSED" });
  await expect(closed.embed("a")).rejects.toMatchObject({ code: "DISPOSED" });
});

describe("as an embedder", () => {
  test("tells its space, and puts prompts before texts", async () => {
    const prompts = { query: "query: ", passage: "passage: " };
    const embedder = await modelEmbedder(model, { name: "tiny", pooling: "last", prompts });
    expect(embedder.space).toEqual({
      model: "tiny",
      revision: model.fingerprint(),
      pooling: "last",
      dim: config.width,
      normalized: true,
    });
    expect(embedder.bytes).toBe(model.bytes.weights);
    const [query, passage] = ["query: what", "passage: what"];
    const asked = await embedder.embed(["what"], { role: "query" });
    expect(furthest(asked.data, await model.embed(query, { pooling: "last" }))).toBeLessThan(1e-3);
    const told = await embedder.embed(["what"]);
    expect(furthest(told.data, await model.embed(passage, { pooling: "last" }))).toBeLessThan(1e-3);
    const signal = AbortSignal.abort();
    await expect(embedder.embed(["what"], { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("weights at another precision are another space", async () => {
    await using other = await load(folder, { workers: 0, weightCache: false });
    expect((await modelEmbedder(other)).space.revision).not.toBe(model.fingerprint());
  });
});
