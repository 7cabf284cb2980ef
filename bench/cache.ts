/**
 * Cache policies on mneme-lm: accuracy on tasks of the long-context suite, bytes, and speed of generating, side by side. Every policy
 * that acts after the prompt goes on from the same read of it. `seen`: the question stands in the prompt when slots are chosen; `hidden`:
 * they are chosen before there is a question. Switches: --scale N for 2 N examples of each task, --only seen|hidden|perplexity|speed;
 * MNEME_TOKENS for another length of the contexts, MNEME_TASKS for other tasks of the suite (names with commas), each by itself,
 * MNEME_POLICIES for some policies beside the whole cache. A plot goes to bench/results/cache.svg.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import {
  type CachePolicy,
  duo,
  full,
  heavyHitters,
  maskOfGates,
  quantise,
  slidingWindow,
  snapKv,
  together,
  tovaPolicy,
} from "../src/cache/index.ts";
import { type LongExample, longTaskNamed, multiRequest, scoreAnswer } from "../src/eval/index.ts";
import { kernels, openPool } from "../src/kernels/index.ts";
import { openCheckpoint } from "../src/model/checkpoint.ts";
import { Decoder } from "../src/model/decoder.ts";
import { Governor } from "../src/model/governor.ts";
import { headProfile } from "../src/model/head-profile.ts";
import { loadWeights } from "../src/model/load-weights.ts";
import { Memories } from "../src/model/memories.ts";
import { argmax, logProbability } from "../src/model/sample.ts";
import { dataFolder, printFigure, quantile, repository, switches } from "./row.ts";
import { scatter } from "./svg.ts";

/** What must be found stands in one place that the question names. */
const RETRIEVAL = ["niah-multikey", "niah-multiquery", "kv-uuid", "kv-joint"];
/** What is found names the next place. */
const MULTI_HOP = ["vt"];
/** Instead of these, and of everything else. */
const CHOSEN = process.env.MNEME_TASKS?.split(",");
/** Tokens of the longest answer of RETRIEVAL: the model reads on from where it begins. */
const REACH = 40;
const TOKENS = Number(process.env.MNEME_TOKENS ?? 4096);
const EXAMPLES = 2 * Math.max(1, switches.scale);
const SEED = 3;
const PIECE = 256;
/** Share of heads that keep everything under DuoAttention. */
const RETRIEVING = 0.25;

const wants = (what: string): boolean => switches.only === undefined || switches.only === what;
const shared = resolve(repository, "../shared/models/mneme-lm");
const folder = process.env.MNEME_MODEL ?? (existsSync(shared) ? shared : join(repository, "models/mneme-lm"));
using checkpoint = await openCheckpoint(folder);
const tokenizer = await checkpoint.tokenizer();
const template = (await checkpoint.template())!;
const face = kernels();
const threads = await openPool(face, { workers: 1 });
const pool = () => threads;
using decoder = new Decoder(
  face,
  checkpoint.config,
  loadWeights(new Memories(face), checkpoint, "int8", {}),
  pool,
);
const { eos } = checkpoint.config;

interface Question {
  readonly context: readonly number[];
  readonly question: readonly number[];
  readonly example: LongExample;
}

/** The first question of each example; where its tokens begin is where the context ends. */
function questionsOf(task: string, seed: number, tokens: number, count: number): Question[] {
  const countTokens = (text: string): number => tokenizer.encode(text).length;
  const made = longTaskNamed(task).make({ seed, tokens, count, countTokens, phrasing: "mneme-lm" });
  return [...made].map((example) => {
    const [{ messages, turn }] = multiRequest(example) as [ReturnType<typeof multiRequest>[number]];
    const prompt = template.render(messages) + (turn.lead ?? "");
    const at = prompt.lastIndexOf("Question:");
    return {
      example,
      context: tokenizer.encode(prompt.slice(0, at)),
      question: tokenizer.encode(prompt.slice(at)),
    };
  });
}

/** Puts tokens in by pieces. @returns logits behind the last one */
function feed(governor: Governor, tokens: readonly number[]): Float32Array {
  let logits: Float32Array = new Float32Array();
  for (let at = 0; at < tokens.length; at += PIECE) {
    logits = decoder.forward(tokens.slice(at, at + PIECE), governor.cache, governor.watch);
    if (at + PIECE < tokens.length) governor.afterPiece();
  }
  return logits.slice();
}

function answer(governor: Governor, first: Float32Array, most: number): string {
  const tokens: number[] = [];
  let logits = first;
  while (tokens.length < most) {
    const token = argmax(logits);
    if (eos.includes(token)) break;
    tokens.push(token);
    logits = decoder.forward([token], governor.cache, governor.watch);
    governor.afterToken();
  }
  return tokenizer.decode(tokens);
}

const slots = (share: number, tokens: number): number => Math.floor(tokens * share);
const needs = { windowQueries: 32 };
const plain: CachePolicy = { ...full(), needs, evicts: false };
const turned: CachePolicy = { ...full(), turned: true };

interface Entry {
  readonly label: string;
  readonly policy: (tokens: number) => CachePolicy;
  /** Whose read of the prompt it goes on from; absent: it acts while the prompt is read. */
  readonly from?: "plain" | "turned";
}

function entries(mask: Uint8Array): Entry[] {
  const eighth = (tokens: number) => ({ budget: { slots: slots(1 / 8, tokens) } });
  return [
    { label: "full int8", policy: () => plain, from: "plain" },
    { label: "lloyd4", policy: () => quantise("lloyd4"), from: "turned" },
    { label: "affine4 (KIVI)", policy: () => quantise("affine4"), from: "plain" },
    { label: "lloyd2", policy: () => quantise("lloyd2"), from: "turned" },
    { label: "affine2 (KIVI)", policy: () => quantise("affine2"), from: "plain" },
    { label: "snapkv 1/8", policy: (t) => snapKv(eighth(t)), from: "plain" },
    { label: "snapkv 1/8, reach", policy: (t) => snapKv({ ...eighth(t), reach: REACH }), from: "plain" },
    {
      label: "snapkv 1/8, reach + affine4",
      policy: (t) => together(snapKv({ ...eighth(t), reach: REACH }), quantise("affine4")),
      from: "plain",
    },
    { label: "h2o 1/8", policy: (t) => heavyHitters({ slots: slots(1 / 8, t) }) },
    { label: "tova 1/8", policy: (t) => tovaPolicy({ slots: slots(1 / 8, t) }), from: "plain" },
    { label: "window 1/8", policy: (t) => slidingWindow({ sinks: 4, recent: slots(1 / 8, t) - 4 }) },
    { label: "duo", policy: () => duo(mask) },
    { label: "duo + lloyd4", policy: () => together(duo(mask), quantise("lloyd4")) },
    { label: "random heads", policy: () => duo(mask.map((_, i) => mask[(i * 7 + 5) % mask.length]!)) },
  ];
}

interface Tally {
  right: number;
  asked: number;
  bytes: number[];
}

function measure(
  setting: "seen" | "hidden",
  tasks: readonly string[],
  all: readonly Entry[],
): Map<string, Tally> {
  const tallies = new Map(all.map(({ label }) => [label, { right: 0, asked: 0, bytes: [] } as Tally]));
  for (const task of tasks)
    for (const { example, context, question } of questionsOf(task, SEED, TOKENS, EXAMPLES)) {
      const [turn] = example.turns as [LongExample["turns"][number]];
      const read = setting === "seen" ? [...context, ...question] : context;
      const most = tokenizer.encode(turn.reply).length + 16;
      using plainRead = new Governor(face, decoder.config, plain, pool);
      using turnedRead = new Governor(face, decoder.config, turned, pool);
      const logits = { plain: feed(plainRead, read), turned: feed(turnedRead, read) };
      for (const { label, policy, from } of all) {
        const base = from && { plain: plainRead, turned: turnedRead }[from];
        using governor = new Governor(face, decoder.config, policy(read.length), pool, base);
        let first = from ? logits[from] : feed(governor, read);
        governor.afterPrompt();
        if (setting === "hidden") first = feed(governor, question);
        const tally = tallies.get(label)!;
        tally.bytes.push(governor.bytes);
        tally.right += scoreAnswer(
          turn.scorer ?? example.scorer,
          answer(governor, first, most),
          turn.answers,
          turn.others,
        );
        tally.asked++;
      }
      tell(`${setting}, ${task}`, tallies);
    }
  return tallies;
}

/** Where it stands after an example, on standard error: the whole takes an hour at large scales. */
function tell(where: string, tallies: ReadonlyMap<string, Tally>): void {
  const shares = [...tallies].map(([label, { right, asked }]) => `${label} ${right.toFixed(1)}/${asked}`);
  console.error(`# ${where}: ${shares.join(", ")}`);
}

/** Points that a policy may lose on retrieval, of 1. */
const CLAIMS: Readonly<Record<string, number>> = {
  lloyd4: 0.99,
  "affine4 (KIVI)": 0.99,
  "snapkv 1/8, reach": 0.98,
  duo: 0.99,
};

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

function printTallies(setting: string, tallies: ReadonlyMap<string, Tally>): void {
  const whole = tallies.get("full int8")!;
  for (const [label, { right, asked, bytes }] of tallies)
    printFigure("cache", {
      system: "full int8",
      metric: `${setting}: ${label}, ${TOKENS} tokens`,
      unit: "right",
      ours: right / asked,
      baseline: whole.right / whole.asked,
      better: "more",
      ...(setting === "seen, retrieval" && CLAIMS[label] ? { atLeast: CLAIMS[label] } : {}),
      note: `${(mean(whole.bytes) / mean(bytes)).toFixed(2)}x fewer bytes (${(mean(bytes) / 1e6).toFixed(2)} MB), ${asked} answers`,
    });
}

/** Perplexity of the second part of a text under the policy, fed by pages. */
function perplexityOf(policy: CachePolicy, tokens: readonly number[], read: number): number {
  using governor = new Governor(face, decoder.config, policy, pool);
  feed(governor, tokens.slice(0, read));
  governor.afterPrompt();
  let sum = 0;
  for (let at = read; at + 1 < tokens.length; at += 64) {
    const piece = tokens.slice(at, Math.min(at + 64, tokens.length - 1));
    const rows = decoder.step([{ tokens: piece, cache: governor.cache, logits: "all" }]);
    piece.forEach((_, i) => {
      const row = rows.subarray(
        i * decoder.logitsStride,
        i * decoder.logitsStride + decoder.config.vocabulary,
      );
      sum -= logProbability(row, tokens[at + i + 1]!);
    });
    governor.policy.afterTokens?.(governor);
  }
  return Math.exp(sum / (tokens.length - 1 - read));
}

function perplexities(): void {
  const file = join(dataFolder(), "text/books/alice_in_wonderland.txt.gz");
  const text = existsSync(file)
    ? gunzipSync(readFileSync(file)).toString()
    : readFileSync(join(repository, "README.md"), "utf8");
  const tokens = tokenizer.encode(`<|bos|>${text}`).slice(0, 6144);
  const baseline = perplexityOf(full("f32"), tokens, 3072);
  for (const policy of [
    full("f16"),
    full(),
    quantise("lloyd4"),
    quantise("affine4"),
    quantise("lloyd2"),
    quantise("affine2"),
  ])
    printFigure("cache", {
      system: "f32",
      metric: `perplexity: ${policy.name}`,
      unit: "",
      ours: perplexityOf(policy, tokens, 3072),
      baseline,
      better: "less",
      ...(policy.name === "lloyd4" ? { atLeast: 1 / 1.005 } : {}),
    });
}

/** Tokens a second behind a long context, in turns. */
function speeds(all: readonly Entry[]): void {
  const tokens = 16_128;
  const prompt = Array.from({ length: tokens }, (_, i) => 300 + ((i * 7919 + (i % 31) * 13) % 9000));
  const chosen = ["full int8", "lloyd4", "affine4 (KIVI)", "snapkv 1/8, reach", "duo", "duo + lloyd4"];
  using plainRead = new Governor(face, decoder.config, plain, pool);
  using turnedRead = new Governor(face, decoder.config, turned, pool);
  for (const read of [plainRead, turnedRead]) feed(read, prompt);
  const found = all
    .filter(({ label }) => chosen.includes(label))
    .map(({ label, policy, from }) => {
      const base = from && { plain: plainRead, turned: turnedRead }[from];
      const governor = new Governor(face, decoder.config, policy(tokens), pool, base);
      if (!from) feed(governor, prompt);
      governor.afterPrompt();
      return { label, governor, times: [] as number[] };
    });
  for (let round = 0; round < 40; round++)
    for (const { governor, times } of found) {
      const before = performance.now();
      decoder.forward([300 + round], governor.cache, governor.watch);
      times.push(performance.now() - before);
      governor.afterToken();
    }
  const [whole] = found as [(typeof found)[number]];
  for (const { label, governor, times } of found) {
    printFigure("cache", {
      system: "full int8",
      metric: `generating behind ${tokens} tokens: ${label}`,
      unit: "tok/s",
      ours: 1000 / quantile(times, 0.5),
      baseline: 1000 / quantile(whole.times, 0.5),
      better: "more",
      ...(label === "snapkv 1/8, reach" ? { atLeast: 3 } : {}),
      note: `${(governor.bytes / 1e6).toFixed(1)} MB`,
    });
    if (governor !== whole.governor) governor[Symbol.dispose]();
  }
  whole.governor[Symbol.dispose]();
}

const calibration = RETRIEVAL.flatMap((task) =>
  questionsOf(task, SEED + 100, 1536, 2).map(({ context, question, example }) => ({
    prompt: [...context, ...question],
    answer: tokenizer.encode(example.turns[0]!.reply),
  })),
);
const profile = await headProfile(face, decoder, pool, calibration);
const chosen = process.env.MNEME_POLICIES?.split(",");
const all = entries(maskOfGates(profile, RETRIEVING)).filter(
  ({ label }) => label === "full int8" || (chosen?.includes(label) ?? true),
);
for (const setting of ["seen", "hidden"] as const) {
  if (!wants(setting)) continue;
  if (CHOSEN) {
    for (const task of CHOSEN) printTallies(`${setting}, ${task}`, measure(setting, [task], all));
    continue;
  }
  const tallies = measure(setting, RETRIEVAL, all);
  printTallies(`${setting}, retrieval`, tallies);
  printTallies(`${setting}, several hops`, measure(setting, MULTI_HOP, all));
  const points = [...tallies].map(([label, { right, asked, bytes }]) => ({
    label,
    x: mean(bytes) / 1e6,
    y: right / asked,
  }));
  mkdirSync(join(repository, "bench/results"), { recursive: true });
  const title = `Cache policies on mneme-lm, ${TOKENS} tokens, question ${setting}`;
  writeFileSync(
    join(repository, `bench/results/cache-${setting}.svg`),
    scatter(title, "MB of cache", "right", points),
  );
}
if (!CHOSEN && wants("perplexity")) perplexities();
if (!CHOSEN && wants("speed")) speeds(all);
await threads[Symbol.asyncDispose]();
