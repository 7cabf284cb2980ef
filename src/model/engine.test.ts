/** Requests side by side say what each of them says alone; starts are read once; nothing leaks. */
import { afterAll, describe, expect, test } from "vitest";
import { randomConfig, randomSource } from "../../test/support/random-model.ts";
import { tinyTokenizer } from "../../test/support/tiny-tokenizer.ts";
import { kernels } from "../kernels/index.ts";
import { type BatchOutcome, runBatch } from "./batch.ts";
import { Decoder } from "./decoder.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import type { GenerateOptions, Piece } from "./generate.ts";

const tokenizer = tinyTokenizer([]);
const config = { ...randomConfig({ vocab_size: tokenizer.size, head_dim: 32 }), eos: [] };
const weights = new DecoderWeights(kernels(), config, randomSource(config, 3), "int8");
const decoder = new Decoder(kernels(), config, weights, () => undefined);
afterAll(() => decoder[Symbol.dispose]());

const engineOf = (options?: EngineOptions): Engine =>
  new Engine(kernels(), decoder, tokenizer, () => undefined, options);
const promptOf = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => (i * 7 + seed * 13 + ((i * i) % 5) * seed) % 60);

interface Outcome {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly done: Extract<Piece, { type: "done" }>;
}

async function run(
  engine: Engine,
  prompt: readonly number[],
  options: GenerateOptions = {},
): Promise<Outcome> {
  let text = "";
  const tokens: number[] = [];
  for await (const piece of engine.generate(prompt, { maxTokens: 20, logprobs: 0, ...options })) {
    if (piece.type === "done") return { text, tokens, done: piece };
    text += piece.text;
    if (piece.logprob) tokens.push(piece.logprob.token);
  }
  throw new Error("no end");
}

test.each<GenerateOptions>([{}, { temperature: 1.2, topK: 40, minP: 0.01, seed: 9, repetitionPenalty: 1.1 }])(
  "requests side by side say what each says alone, by %j",
  async (how) => {
    const prompts = [promptOf(5, 1), promptOf(290, 2), promptOf(64, 3), promptOf(1, 4), promptOf(130, 5)];
    const alone: (readonly number[])[] = [];
    for (const prompt of prompts) {
      using engine = engineOf();
      alone.push((await run(engine, prompt, how)).tokens);
    }
    using engine = engineOf();
    const together = await Promise.all(prompts.map((prompt) => run(engine, prompt, how)));
    together.forEach(({ tokens, done }, i) => {
      expect(tokens).toEqual(alone[i]);
      expect(done).toMatchObject({
        finish: "length",
        promptTokens: prompts[i]!.length,
        generatedTokens: 20,
        cachedTokens: 0,
      });
    });
    // the longest prompt takes two steps, and all generate together
    expect(engine.steps).toBeLessThan(60);
  },
);

describe("starts that are shared", () => {
  test("are read once, also by requests that come at the same time", async () => {
    const start = promptOf(200, 7);
    const prompts = Array.from({ length: 6 }, (_, i) => [...start, ...promptOf(20, 20 + i)]);
    using engine = engineOf();
    const outcomes = await Promise.all(prompts.map((prompt) => run(engine, prompt)));
    expect(engine.promptTokens).toBeLessThan(200 + 6 * 24);
    expect(outcomes.filter(({ done }) => done.cachedTokens >= 200)).toHaveLength(5);
    using other = engineOf({ shareStarts: false });
    const apart = await run(other, prompts[3]!);
    expect(outcomes[3]!.tokens).toEqual(apart.tokens);
  });

  test("every response says what was at hand, and why not more", async () => {
    using engine = engineOf();
    const prompt = promptOf(100, 3);
    expect((await run(engine, prompt)).done).toMatchObject({
      cachedTokens: 0,
      missed: /no text that was read before/,
    });
    expect((await run(engine, prompt)).done).toMatchObject({
      cachedTokens: 99,
      missed: /last token is always computed/,
    });
    const other = [...prompt.slice(0, 70), 59, 58];
    expect((await run(engine, other)).done).toMatchObject({
      cachedTokens: 70,
      missed: /differs from token 70/,
    });
    // what was said goes on too
    const { tokens } = await run(engine, prompt);
    expect((await run(engine, [...prompt, ...tokens.slice(0, 19), 5])).done.cachedTokens).toBe(119);
    engine.prefixes.clear();
    expect((await run(engine, prompt)).done.cachedTokens).toBe(0);
  });

  test("are taken from a request that still runs, whatever the store holds", async () => {
    using engine = engineOf();
    const long = run(engine, promptOf(200, 3), { maxTokens: 60 });
    while (engine.promptTokens < 200) await new Promise((resolve) => setImmediate(resolve));
    expect(engine.prefixes.list()).toEqual([]);
    const other = [...promptOf(180, 3), 59, 58];
    const { tokens, done } = await run(engine, other);
    expect(done).toMatchObject({ cachedTokens: 180, missed: /differs from token 180/ });
    using apart = engineOf({ shareStarts: false });
    expect((await run(apart, other)).tokens).toEqual(tokens);
    expect((await long).tokens).toEqual((await run(apart, promptOf(200, 3), { maxTokens: 60 })).tokens);
  });

  test("all that runs and stays fits the budget at every moment", async () => {
    const prompts = Array.from({ length: 60 }, (_, i) => [
      ...promptOf(90 + 40 * (i % 3), 1 + (i % 3)),
      ...promptOf(5 + (i % 40), 50 + i),
    ]);
    using engine = engineOf({ cacheBytes: 400_000 });
    const outcomes = await Promise.all(
      prompts.map((prompt, i) => run(engine, prompt, { maxTokens: 1 + (i % 50) })),
    );
    expect(outcomes).toHaveLength(60);
    expect(engine.peakBytes).toBeLessThanOrEqual(400_000);
    expect(engine.peakBytes).toBeGreaterThan(200_000);
  });

  test("stay within the budget, the oldest go first, pinned ones stay", async () => {
    using engine = engineOf({ cacheBytes: 400_000 });
    await run(engine, promptOf(200, 1), { maxTokens: 1 });
    const pinned = engine.prefixes.find(promptOf(200, 1), 199).cache!;
    engine.prefixes.put(promptOf(199, 1), pinned, "keep");
    for (let seed = 2; seed < 12; seed++) {
      await run(engine, promptOf(200, seed * 3), { maxTokens: 1 });
      expect(engine.bytes).toBeLessThanOrEqual(400_000);
    }
    expect(engine.prefixes.list().filter(({ name }) => name === "keep")).toHaveLength(1);
    expect((await run(engine, promptOf(200, 1), { maxTokens: 1 })).done.cachedTokens).toBe(199);
    expect((await run(engine, promptOf(200, 6), { maxTokens: 1 })).done.missed).toMatch(
      /were dropped to keep within 400000 bytes/,
    );
  });
});

test("a batch: groups read their start once, all say what each says alone, nothing of it stays", async () => {
  const starts = [promptOf(150, 1), promptOf(90, 2), promptOf(120, 4)];
  const requests = Array.from({ length: 24 }, (_, i) => ({
    prompt: [...starts[i % 3]!, ...promptOf(10 + (i % 5), 30 + i)],
    options: { maxTokens: 4 + (i % 4) },
  }));
  using engine = engineOf({ cacheBytes: 150_000 });
  const outcomes: BatchOutcome[] = [];
  const bad = [{ prompt: [] }, { prompt: promptOf(600, 1) }];
  for await (const outcome of runBatch(engine, [...requests, ...bad])) outcomes.push(outcome);
  expect(outcomes).toHaveLength(26);
  expect(engine.promptTokens).toBeLessThan(360 + 24 * 16);
  expect(engine.prefixes.list()).toEqual([]);
  const failed = outcomes.filter(({ error }) => error).map(({ request, error }) => [request, error!.message]);
  expect(failed.sort()).toEqual([
    [24, expect.stringMatching(/empty/)],
    [25, expect.stringMatching(/600 tokens/)],
  ]);
  for (const { request, text } of outcomes.filter(({ done }) => done)) {
    using alone = engineOf();
    const { prompt, options } = requests[request]!;
    expect(text).toBe((await run(alone, prompt, options)).text);
  }
});

test("a text that repeats itself is guessed ahead, and stays the same", async () => {
  const prompt = Array.from({ length: 120 }, (_, i) => [3, 9, 27, 41, 5, 14][i % 6]!);
  using engine = engineOf();
  const plain = await run(engine, prompt, { maxTokens: 60 });
  const steps = engine.steps;
  using other = engineOf();
  const ahead = await run(other, prompt, { maxTokens: 60, speculate: 6 });
  expect(ahead.tokens).toEqual(plain.tokens);
  expect(ahead.done.drafted).toBeGreaterThan(0);
  expect(ahead.done.accepted).toBeGreaterThan(0);
  expect(other.steps).toBeLessThan(steps);
  const drawn = { temperature: 1, seed: 5, maxTokens: 40 } as const;
  expect((await run(other, prompt, { ...drawn, speculate: 4 })).tokens).toEqual(
    (await run(engine, prompt, drawn)).tokens,
  );
});

describe("what ends early", () => {
  test("a consumer that leaves, a signal, a stop string: the others go on, nothing stays", async () => {
    const { arena } = kernels();
    const before = arena.bytes;
    {
      using engine = engineOf();
      const others = [run(engine, promptOf(40, 1)), run(engine, promptOf(40, 2))];
      for await (const piece of engine.generate(promptOf(40, 3), { maxTokens: 100 }))
        if (piece.type === "text") break;
      const abort = new AbortController();
      const stopped = run(engine, promptOf(280, 4), { signal: abort.signal, maxTokens: 100 });
      setTimeout(() => abort.abort(), 5);
      await expect(stopped).rejects.toMatchObject({ code: "CANCELLED" });
      for (const other of others) expect((await other).tokens).toHaveLength(20);
    }
    expect(arena.bytes).toBe(before);
  });

  test("1,000 requests leave no byte behind", async () => {
    const { arena } = kernels();
    let before = 0;
    // the first round makes the decoder's rooms as large as they become
    for (const rounds of [1, 125]) {
      before = arena.bytes;
      using engine = engineOf({ cacheBytes: 300_000 });
      for (let i = 0; i < rounds; i++)
        await Promise.all(
          Array.from({ length: 8 }, async (_, j) => {
            const abort = new AbortController();
            const options = { maxTokens: 1 + (j % 3), ...(j === 7 ? { signal: abort.signal } : {}) };
            const outcome = run(engine, promptOf(3 + ((i * 8 + j) % 40), i), options).catch(
              (error: Error) => error,
            );
            if (j === 7) abort.abort();
            return await outcome;
          }),
        );
      expect(engine.bytes).toBeLessThanOrEqual(300_000);
    }
    expect(arena.bytes).toBe(before);
  });

  test("one that waited for room and leaves lets those behind it in", async () => {
    using engine = engineOf({ cacheBytes: 150_000 });
    const order: string[] = [];
    const told = (name: string) => () => void order.push(name);
    const long = run(engine, promptOf(10, 1), { maxTokens: 150 }).then(told("long"));
    while (engine.steps < 3) await new Promise((resolve) => setImmediate(resolve));
    const abort = new AbortController();
    const large = run(engine, promptOf(250, 2), { signal: abort.signal }).catch(told("large"));
    const small = run(engine, promptOf(10, 3), { maxTokens: 2 }).then(told("small"));
    const steps = engine.steps;
    while (engine.steps < steps + 3) await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    abort.abort();
    await Promise.all([long, large, small]);
    expect(order).toEqual(["large", "small", "long"]);
  });

  test("closing ends what runs by an error", async () => {
    const engine = engineOf();
    const outcome = run(engine, promptOf(40, 1), { maxTokens: 200 });
    setTimeout(() => engine[Symbol.dispose](), 5);
    await expect(outcome).rejects.toMatchObject({ code: "DISPOSED" });
  });
});

test.each<[readonly number[], GenerateOptions, RegExp]>([
  [[], {}, /the prompt is empty/],
  [promptOf(512, 1), {}, /has 512 tokens, the model's context 512; shorten it/],
  [promptOf(5, 1), { maxTokens: 0 }, /maxTokens is 0/],
  [promptOf(5, 1), { logprobs: -1 }, /logprobs is -1; expected a whole number from 0/],
  [promptOf(5, 1), { speculate: 1.5 }, /speculate is 1.5/],
  [[99999], {}, /token 99999 is none/],
  [promptOf(400, 1), { maxTokens: 100 }, /the budget is 50000; raise cacheBytes/],
])("refuses what cannot be: %#", async (prompt, options, message) => {
  using engine = engineOf({ cacheBytes: 50_000 });
  const beside = run(engine, promptOf(6, 3));
  await expect(run(engine, prompt, options)).rejects.toThrow(message);
  expect((await beside).tokens).toHaveLength(20);
  // and goes on
  expect((await run(engine, promptOf(5, 2))).tokens).toHaveLength(20);
});
