/** Mneme and llama.cpp behind one face: greedy continuations of prompts, and the logits behind them. */
import { PagedCache } from "../src/cache/paged-cache.ts";
import { kernels } from "../src/kernels/index.ts";
import { Decoder } from "../src/model/decoder.ts";
import { DecoderWeights } from "../src/model/decoder-weights.ts";
import { ggufConfig } from "../src/model/gguf-config.ts";
import { load } from "../src/model/load.ts";
import type { Activations } from "../src/model/products.ts";
import { openGguf } from "../src/weights/gguf-source.ts";
import { importPeer, type PeerModule } from "./peers.ts";

export const GENERATED = 64;
const ROOM = 512;
/** llama.cpp says the same whatever their number, and its threads wait for each other busily: more are slow beside other work. */
const THREADS = 1;

/** How a system rounds beside the weights. */
export interface MnemeSettings {
  readonly cache: "f32" | "f16" | "int8";
  readonly activations: Activations;
}

export interface LlamaSettings {
  readonly flashAttention?: boolean;
  /** Tokens of a prompt at once. */
  readonly batch?: number;
  /** Keys and values as f32 and not as f16. */
  readonly f32Cache?: boolean;
}

export interface Said {
  readonly tokens: readonly number[][];
  /** Of each token taken the likeliest ones with the logarithms of their probabilities, where they were asked for. */
  readonly likeliest: readonly ReadonlyMap<number, number>[][];
}

/** Candidates that are looked for where continuations part. */
const LIKELIEST = 8;

/** Through the model's own face: its text, as tokens that the decoder took. */
export async function mnemeSays(
  path: string,
  prompts: readonly number[][],
  { cache, activations }: MnemeSettings,
): Promise<Said> {
  await using model = await load(path, { weightCache: false, activations });
  const said: number[][] = [];
  for (const prompt of prompts) {
    const tokens: number[] = [];
    const options = { maxTokens: GENERATED, logprobs: 0, keep: 0, cache };
    for await (const piece of model.generate(prompt, options))
      if (piece.type === "text" && piece.logprob) tokens.push(piece.logprob.token);
    said.push(tokens);
  }
  return { tokens: said, likeliest: [] };
}

/** @param end the token that ends a text. @param likeliest whether the likeliest tokens are told too */
export function llamaSays(
  path: string,
  prompts: readonly number[][],
  end: number,
  settings: LlamaSettings,
  likeliest = false,
): Promise<Said> {
  return withLlama(path, settings, async (sequence) => {
    const said = { tokens: [] as number[][], likeliest: [] as Map<number, number>[][] };
    for (const prompt of prompts) {
      await sequence.clearHistory();
      const tokens: number[] = [];
      const candidates: Map<number, number>[] = [];
      const options = { temperature: 0, yieldEogToken: true };
      for await (const one of sequence.evaluateWithMetadata(prompt, { probabilities: likeliest }, options)) {
        if (likeliest) candidates.push(topOf(one.probabilities));
        if (one.token === end || tokens.push(one.token) === GENERATED) break;
      }
      said.tokens.push(tokens);
      said.likeliest.push(candidates);
    }
    return said;
  });
}

/** They come with the likeliest first. */
function topOf(probabilities: ReadonlyMap<number, number>): Map<number, number> {
  const top = new Map<number, number>();
  for (const [token, probability] of probabilities) {
    if (top.size === LIKELIEST) break;
    top.set(token, Math.log(probability));
  }
  return top;
}

/** Logits behind each prompt. */
export async function mnemeLogits(
  path: string,
  prompts: readonly number[][],
  { cache: codec, activations }: MnemeSettings,
): Promise<Float32Array[]> {
  const face = kernels();
  const { metadata, tensors } = await openGguf(path);
  const config = ggufConfig(metadata, tensors.shapeOf("lm_head.weight") === undefined, path);
  const weights = new DecoderWeights(face, config, tensors, "int8");
  using decoder = new Decoder(face, config, weights, () => undefined, { activations });
  return prompts.map((prompt) => {
    using cache = new PagedCache(face, decoder.shape, { codec });
    return decoder.forward(prompt, cache).slice();
  });
}

export function llamaLogits(
  path: string,
  prompts: readonly number[][],
  settings: LlamaSettings,
): Promise<Float32Array[]> {
  return withLlama(path, settings, async (sequence) => {
    const all: Float32Array[] = [];
    for (const prompt of prompts) {
      await sequence.clearHistory();
      const wanted = [prompt.at(-1), { generateNext: { logits: true } }];
      const outputs = await sequence.controlledEvaluate([...prompt.slice(0, -1), wanted]);
      const found = outputs.at(-1).next.logits as ReadonlyMap<number, number>;
      const logits = new Float32Array(found.size);
      for (const [token, logit] of found) logits[token] = logit;
      all.push(logits);
    }
    return all;
  });
}

async function withLlama<T>(
  path: string,
  { flashAttention = false, batch = ROOM, f32Cache = false }: LlamaSettings,
  work: (sequence: PeerModule) => Promise<T>,
): Promise<T> {
  const { getLlama } = await importPeer("node-llama-cpp");
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: THREADS });
  try {
    const model = await llama.loadModel({ modelPath: path });
    const types = { experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" };
    const sizes = { contextSize: ROOM, batchSize: batch, threads: THREADS, flashAttention };
    const context = await model.createContext({ ...sizes, ...(f32Cache ? types : {}) });
    return await work(context.getSequence());
  } finally {
    await llama.dispose();
  }
}
