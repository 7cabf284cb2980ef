/**
 * Does Mneme say what llama.cpp says of the same GGUF file? Greedy continuations of 100 prompts by the Q8_0 file of mneme-lm through Mneme
 * (int8) and through node-llama-cpp. Both round activations, each in its own way: both are also held to the exact model, which is the same
 * weights as f32 with an f32 cache in llama.cpp, and tells how near the two best logits were where continuations part. Shares of
 * continuations that are equal in all tokens. Switches: --scale 0.1 for a tenth of the prompts.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PagedCache } from "../src/cache/paged-cache.ts";
import { kernels, openPool } from "../src/kernels/index.ts";
import { Random } from "../src/linalg/random.ts";
import { Decoder } from "../src/model/decoder.ts";
import { DecoderWeights } from "../src/model/decoder-weights.ts";
import { ggufConfig } from "../src/model/gguf-config.ts";
import { load } from "../src/model/load.ts";
import { argmax } from "../src/model/sample.ts";
import type { Tokenizer } from "../src/model/tokenizer.ts";
import { openGguf } from "../src/weights/gguf-source.ts";
import { vocabularyOf, writeGgufModel } from "../test/support/gguf-model.ts";
import { writeModel } from "./decode-models.ts";
import { importPeer } from "./peers.ts";
import { dataFolder, printFigure, quantile, repository, switches } from "./row.ts";

const PROMPTS = 100;
/** Of them those that are questions. */
const QUESTIONS = 0.3;
const TOKENS: readonly [number, number] = [50, 300];
const GENERATED = 64;
const SEED = 7;
const ROOM = 512;
const THREADS = 2;
const END = "<|eos|>";

/** Pieces of this repository's documents, as they stand and as questions of a chat. */
function promptsOf(tokenizer: Tokenizer): number[][] {
  const random = new Random(SEED);
  const folders = ["docs", "docs/commands", "."].map((name) => join(repository, name));
  const texts = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".md"))
      .sort()
      .map((name) => tokenizer.encode(readFileSync(join(folder, name), "utf8"))),
  );
  const long = texts.filter(({ length }) => length > 2 * TOKENS[1]);
  return Array.from({ length: Math.round(PROMPTS * switches.scale) }, (_, i) => {
    const text = long[random.integer(long.length)]!;
    const count = TOKENS[0] + random.integer(TOKENS[1] - TOKENS[0] - 30);
    const from = random.integer(text.length - count);
    const piece = text.slice(from, from + count);
    const raw = [...tokenizer.encode("<|bos|>"), ...piece];
    if (i >= PROMPTS * QUESTIONS * switches.scale) return raw;
    const question = tokenizer.encode("\nWhat does this text say?<|assistant|>\n");
    return [...tokenizer.encode("<|bos|><|user|>\n"), ...piece, ...question];
  });
}

/** Through the model's own face: its text, as tokens that the decoder took. */
async function ours(path: string, prompts: readonly number[][]): Promise<number[][]> {
  await using model = await load(path, { weightCache: false });
  const all: number[][] = [];
  for (const prompt of prompts) {
    const tokens: number[] = [];
    for await (const piece of model.generate(prompt, { maxTokens: GENERATED, logprobs: 0, keep: 0 }))
      if (piece.type === "text" && piece.logprob) tokens.push(piece.logprob.token);
    all.push(tokens);
  }
  return all;
}

/** The same weights with a cache that rounds nothing. */
async function exactCache(path: string, prompts: readonly number[][], end: number): Promise<number[][]> {
  const face = kernels();
  await using pool = await openPool(face, { workers: THREADS - 1 });
  const { metadata, tensors } = await openGguf(path);
  const config = ggufConfig(metadata, tensors.shapeOf("lm_head.weight") === undefined, path);
  const weights = new DecoderWeights(face, config, tensors, "int8");
  tensors[Symbol.dispose]();
  using decoder = new Decoder(face, config, weights, () => pool);
  return prompts.map((prompt) => {
    using cache = new PagedCache(face, decoder.shape, { codec: "f32" });
    const tokens: number[] = [];
    let next = argmax(decoder.forward(prompt, cache));
    while (next !== end && tokens.push(next) < GENERATED) next = argmax(decoder.forward([next], cache));
    return tokens;
  });
}

interface Said {
  readonly tokens: readonly number[][];
  /** Of each token taken, how much better its logit was than the next one's. */
  readonly leads: readonly number[][];
}

async function theirs(path: string, prompts: readonly number[][], end: number, cache?: "F32"): Promise<Said> {
  const { getLlama } = await importPeer("node-llama-cpp");
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: THREADS });
  const model = await llama.loadModel({ modelPath: path });
  const types = cache ? { experimentalKvCacheKeyType: cache, experimentalKvCacheValueType: cache } : {};
  const sizes = { contextSize: ROOM, batchSize: ROOM, threads: THREADS, flashAttention: false };
  const context = await model.createContext({ ...sizes, ...types });
  const sequence = context.getSequence();
  const said = { tokens: [] as number[][], leads: [] as number[][] };
  for (const prompt of prompts) {
    await sequence.clearHistory();
    const tokens: number[] = [];
    const leads: number[] = [];
    const options = { temperature: 0, yieldEogToken: true };
    for await (const one of sequence.evaluateWithMetadata(prompt, { probabilities: true }, options)) {
      const [first, second] = [...one.probabilities.values()].sort((x, y) => y - x);
      leads.push(Math.log(first / second));
      if (one.token === end || tokens.push(one.token) === GENERATED) break;
    }
    said.tokens.push(tokens);
    said.leads.push(leads);
  }
  await llama.dispose();
  return said;
}

/** The weights as the Q8_0 file has them, in f32: what no kernel rounds. */
async function writeExact(path: string, folder: string, work: string): Promise<string> {
  const { metadata, tensors } = await openGguf(path);
  using source = tensors;
  const config = ggufConfig(metadata, source.shapeOf("lm_head.weight") === undefined, path);
  const to = join(work, "exact.gguf");
  const json = readFileSync(join(folder, "tokenizer.json"), "utf8");
  writeGgufModel(to, config, source, "F32", vocabularyOf(json, "smollm"));
  return to;
}

function common(a: readonly number[], b: readonly number[]): number {
  let at = 0;
  while (at < Math.max(a.length, b.length) && a[at] === b[at]) at++;
  return at;
}

const share = (part: number, whole: number): number => (100 * part) / Math.max(1, whole);

interface Pair {
  readonly name: string;
  readonly a: readonly number[][];
  readonly b: readonly number[][];
  readonly claim?: number;
}

/** @param exact tells how near the two best logits were where a pair parts; known only as far as its own tokens go. */
function compare({ name, a, b, claim }: Pair, exact: Said): void {
  const lengths = a.map((one, i) => common(one, b[i]!));
  const parted = lengths.flatMap((at, i) => (at < Math.max(a[i]!.length, b[i]!.length) ? [i] : []));
  const leads = parted.flatMap((i) =>
    lengths[i]! <= common(a[i]!, exact.tokens[i]!) ? [exact.leads[i]![lengths[i]!]!] : [],
  );
  const mean = lengths.reduce((sum, one) => sum + one, 0) / lengths.length;
  const found = [0.5, 0.9, 1].map((part) => quantile(leads, part).toFixed(3)).join(", ");
  const apart =
    leads.length === 0
      ? ""
      : `; where ${parted.length} part, the best two exact logits are ${found} apart (median, 90%, most of ${leads.length})`;
  printFigure("gguf-parity", {
    metric: name,
    unit: "%",
    better: "more",
    ours: share(a.length - parted.length, a.length),
    ...(claim === undefined ? {} : { least: claim }),
    note: `${mean.toFixed(1)} tokens in common${apart}`,
  });
}

async function main(): Promise<void> {
  const folder = resolve(dataFolder(), "../models/mneme-lm");
  const work = mkdtempSync(join(tmpdir(), "mneme-parity-"));
  try {
    const path = writeModel("mneme-lm", "Q8_0", folder, work);
    const { tokenizer } = await load(folder);
    const end = tokenizer.idOf(END)!;
    const prompts = promptsOf(tokenizer);
    const mine = await ours(path, prompts);
    const f32Cache = await exactCache(path, prompts, end);
    const peer = (await theirs(path, prompts, end)).tokens;
    const exact = await theirs(await writeExact(path, folder, work), prompts, end, "F32");
    const right = exact.tokens;
    const pairs: Pair[] = [
      { name: "Mneme and llama.cpp", a: mine, b: peer, claim: 95 },
      { name: "Mneme, f32 cache, and llama.cpp", a: f32Cache, b: peer },
      { name: "Mneme and the exact model", a: mine, b: right },
      { name: "Mneme, f32 cache, and the exact model", a: f32Cache, b: right },
      { name: "llama.cpp and the exact model", a: peer, b: right },
    ];
    for (const pair of pairs) compare(pair, exact);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

void main();
