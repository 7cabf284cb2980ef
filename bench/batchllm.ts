/**
 * How much sooner are many requests answered that are known beforehand? 256 requests over 8 starts by the same engine and kernels: first
 * come, first served without sharing and with the store of starts; sorted, with the store; and as a batch (Zheng et al., BatchLLM, 2024).
 * All answers must be equal, token by token. Switches: --scale 0.25 for a quarter of the requests, --only "20%" for one budget.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { groupedTokens, prefixGroups } from "../src/cache/prefix-tree.ts";
import { kernels } from "../src/kernels/index.ts";
import { openCheckpoint } from "../src/model/checkpoint.ts";
import { Decoder } from "../src/model/decoder.ts";
import { bundledModel } from "../src/model/load.ts";
import { loadWeights } from "../src/model/load-weights.ts";
import { Memories } from "../src/model/memories.ts";
import { Model } from "../src/model/model.ts";
import type { Tokenizer } from "../src/model/tokenizer.ts";
import { type BatchItem, sharedPrompts } from "./batchllm-data.ts";
import { printFigure, repository, switches } from "./row.ts";

const REQUESTS = 256;
const STARTS = 8;
const SEED = 54;
/** Requests that are also answered one by one. */
const ALONE = 32;
/** Tokens that the caches have room for, as a share of the distinct ones. */
const BUDGETS = [0.2, 0.5, 1.6] as const;
const ENGINE_ALONE = 1e9;
/** Logits of one request and of many together differ by the order of sums, and by codes of the cache that this rounds otherwise. */
const NEAR_TIE = 0.02;

interface Measured {
  readonly seconds: number;
  /** Of the processor, all threads together. */
  readonly cpuSeconds: number;
  readonly computed: number;
  readonly steps: number;
  readonly peakBytes: number;
  readonly answers: readonly string[];
}

type System = (model: Model, items: readonly BatchItem[], answers: string[]) => Promise<void>;

/** Text that is the tokens themselves, a character each: what is equal is equal token by token, and no token is the last. */
const tokensAsText: Tokenizer = {
  encode: (text) => Array.from(text, (letter) => letter.charCodeAt(0) - 256),
  encodeWhole: (text) => tokensAsText.encode(text),
  decode: (tokens) => tokens.map((token) => String.fromCharCode(token + 256)).join(""),
  idOf: () => undefined,
  tokenOf: () => undefined,
};

async function answer(
  model: Model,
  { prompt, answer: maxTokens }: BatchItem,
  keep?: number,
): Promise<string> {
  let text = "";
  const options = { maxTokens, ...(keep === undefined ? {} : { keep }) };
  for await (const piece of model.generate(prompt, options)) if (piece.type === "text") text += piece.text;
  return text;
}

async function allAtOnce(
  model: Model,
  items: readonly BatchItem[],
  answers: string[],
  keep?: number,
): Promise<void> {
  await Promise.all(
    items.map(async (item, i) => {
      answers[i] = await answer(model, item, keep);
    }),
  );
}

async function sorted(model: Model, items: readonly BatchItem[], answers: string[]): Promise<void> {
  const key = ({ prompt }: BatchItem): string => tokensAsText.decode(prompt);
  const order = items.map((_, i) => i).sort((a, b) => (key(items[a]!) < key(items[b]!) ? -1 : 1));
  const own: string[] = [];
  await allAtOnce(
    model,
    order.map((i) => items[i]!),
    own,
  );
  order.forEach((i, at) => {
    answers[i] = own[at]!;
  });
}

async function batch(model: Model, items: readonly BatchItem[], answers: string[]): Promise<void> {
  const requests = items.map(({ prompt, answer: maxTokens }) => ({ prompt, options: { maxTokens } }));
  for await (const { request, text, error } of model.batch(requests)) {
    if (error) throw error;
    answers[request] = text;
  }
}

async function oneByOne(model: Model, items: readonly BatchItem[], answers: string[]): Promise<void> {
  for (const item of items) answers.push(await answer(model, item, 0));
}

const SYSTEMS: Readonly<Record<string, System>> = {
  "store of starts": (model, items, answers) => allAtOnce(model, items, answers),
  "sorted, store of starts": sorted,
  batch,
};

async function openModel(cacheBytes: number, shareStarts: boolean): Promise<Model> {
  const shared = resolve(repository, "../shared/models/mneme-lm");
  const folder = process.env.MNEME_MODEL ?? (existsSync(shared) ? shared : bundledModel());
  const checkpoint = await openCheckpoint(folder);
  const config = { ...checkpoint.config, eos: [] };
  const face = kernels();
  const memories = new Memories(face);
  const weights = loadWeights(memories, checkpoint, "int8", { weightCache: false });
  const decoder = new Decoder(face, config, weights, (of) => memories.threads(of));
  return new Model(decoder, tokensAsText, "int8", undefined, memories, { cacheBytes, shareStarts });
}

async function measure(
  system: System,
  items: readonly BatchItem[],
  cacheBytes: number,
  shareStarts = true,
): Promise<Measured> {
  await using model = await openModel(cacheBytes, shareStarts);
  // compilers and threads settle
  await answer(model, { prompt: items[0]!.prompt.slice(1, 300), answer: 8 }, 0);
  const before = model.counts;
  const answers: string[] = [];
  const cpu = process.cpuUsage();
  const started = performance.now();
  await system(model, items, answers);
  const seconds = (performance.now() - started) / 1000;
  const { user, system: kernel } = process.cpuUsage(cpu);
  const { steps, promptTokens, peakCacheBytes } = model.counts;
  return {
    seconds,
    cpuSeconds: (user + kernel) / 1e6,
    computed: promptTokens - before.promptTokens,
    steps: steps - before.steps,
    peakBytes: peakCacheBytes,
    answers,
  };
}

const equalTo = (answers: readonly string[], right: readonly string[]): number =>
  right.filter((text, i) => text === answers[i]).length;

interface Job {
  readonly items: readonly BatchItem[];
  readonly total: number;
  readonly optimum: number;
  /** Of the first requests, each by itself. */
  readonly alone: readonly string[];
  /** Between the two best logits of a token of such an answer. */
  gapOf(request: number, token: number): Promise<number>;
}

async function report(
  name: string,
  job: Job,
  measured: Measured,
  baseline: Measured,
  claims: boolean,
): Promise<void> {
  const { items, total, optimum, alone, gapOf } = job;
  const fed = items.reduce((sum, item) => sum + item.answer - 1, 0);
  const row = (figure: Omit<Parameters<typeof printFigure>[1], "system">): void =>
    printFigure("batchllm", { system: "store of starts", ...figure, metric: `${name}: ${figure.metric}` });
  const speed = ({ seconds }: Measured): number => (total + fed) / seconds;
  row({
    metric: "prompts and answers",
    unit: "tokens/s",
    ours: speed(measured),
    baseline: speed(baseline),
    better: "more",
    ...(claims ? { atLeast: 1.5 } : {}),
    note: `${measured.seconds.toFixed(1)} s, of processors ${measured.cpuSeconds.toFixed(1)} s; ${((measured.computed + fed) / measured.steps).toFixed(0)} tokens a step`,
  });
  row({
    metric: "tokens of prompts computed",
    unit: "",
    ours: measured.computed,
    baseline: baseline.computed,
    better: "less",
    note: `saved ${share(1 - measured.computed / total)}, at best ${share(1 - optimum / total)}`,
  });
  row({
    metric: "most bytes of caches",
    unit: "MB",
    ours: measured.peakBytes / 1e6,
    baseline: baseline.peakBytes / 1e6,
    better: "less",
    ...(claims ? { atLeast: 1 } : {}),
  });
  const gaps = items.slice(0, alone.length).flatMap((item, i) => {
    const at = partsAt(measured.answers[i]!, alone[i]!);
    return at < item.answer ? [gapOf(i, at)] : [];
  });
  const widest = await Promise.all(gaps).then((all) => Math.max(0, ...all));
  row({
    metric: "answers that are those of one by one",
    unit: "",
    ours: (alone.length - gaps.length) / alone.length,
    better: "more",
    note: `of ${alone.length}; ${equalTo(measured.answers, baseline.answers)} of ${items.length} are those of the store of starts`,
  });
  if (gaps.length > 0)
    row({
      metric: "between the two best logits where an answer parts",
      unit: "",
      ours: widest,
      better: "less",
      atMost: NEAR_TIE,
    });
}

/** The first token that differs. */
function partsAt(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** Between the two best logits of an answer's token. */
async function gapAt(model: Model, prompt: readonly number[]): Promise<number> {
  for await (const piece of model.generate(prompt, { maxTokens: 1, logprobs: 2, keep: 0 }))
    if (piece.type === "text") return piece.logprob!.top[0]!.logprob - piece.logprob!.top[1]!.logprob;
  throw new Error("bench: no token");
}

const share = (part: number): string => `${(100 * part).toFixed(1)}%`;

async function main(): Promise<void> {
  const items = sharedPrompts({
    requests: Math.round(REQUESTS * switches.scale),
    starts: STARTS,
    startTokens: [800, 1600],
    restTokens: [20, 80],
    answerTokens: [8, 64],
    vocabulary: 16_384,
    seed: SEED,
  });
  const prompts = items.map(({ prompt }) => prompt);
  const started = performance.now();
  const groups = prefixGroups(prompts);
  const planning = performance.now() - started;
  const optimum = groupedTokens(prompts, groups);
  const total = prompts.reduce((sum, { length }) => sum + length, 0);
  const few = items.slice(0, ALONE);
  const { answers: alone } = await measure(oneByOne, few, ENGINE_ALONE, false);
  await using judge = await openModel(ENGINE_ALONE, false);
  const gapOf = (request: number, token: number): Promise<number> =>
    gapAt(judge, [...few[request]!.prompt, ...judge.tokenizer.encode(alone[request]!.slice(0, token))]);
  const job = { items, total, optimum, alone, gapOf };
  const tokenBytes = await bytesOfToken(judge);
  const answered = items.reduce((sum, item) => sum + item.answer, 0);
  printFigure("batchllm", {
    metric: "planning",
    unit: "ms",
    ours: planning,
    better: "less",
    note: `${items.length} prompts of ${total} tokens, ${optimum} distinct; answers of ${answered}; ${tokenBytes} bytes a token`,
  });
  for (const part of BUDGETS) {
    const name = share(part).replace(".0", "");
    if (switches.only && switches.only !== name) continue;
    const cacheBytes = Math.round(part * optimum * tokenBytes);
    const measured = new Map<string, Measured>();
    for (const [system, run] of Object.entries(SYSTEMS))
      measured.set(system, await measure(run, items, cacheBytes));
    // its best: it needs room for all that runs at once
    if (part === BUDGETS.at(-1))
      measured.set("no sharing", await measure((...args) => allAtOnce(...args, 0), items, cacheBytes, false));
    const baseline = measured.get("store of starts")!;
    for (const [system, one] of measured)
      await report(`${name}, ${system}`, job, one, baseline, system === "batch" && part < 0.3);
  }
}

/** Of the cache. */
async function bytesOfToken(model: Model): Promise<number> {
  const tokens = 1024;
  await answer(model, { prompt: Array.from({ length: tokens }, (_, i) => 20 + i), answer: 1 });
  const { bytes } = model.prefixes;
  model.prefixes.clear();
  return Math.round(bytes / tokens);
}

void main();
