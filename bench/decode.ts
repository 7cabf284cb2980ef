/**
 * Does Mneme run language models as fast as llama.cpp on the same processor? The same GGUF files through Mneme and through node-llama-cpp,
 * each in processes of its own, in turns; llama.cpp with one thread and with two for decoding, with flash attention and without, and with a cache
 * of f16 and, as ours is, of 8 bits: of each figure its best counts (one thread at the shortest context only). Inputs of 4-bit weights are
 * rounded to 8 bits by both, those of int8 weights to 8 bits by llama.cpp alone. What is resident counts where it is most, while the caches
 * stand, and of llama.cpp the least of those settings that ran the same contexts. Loading, and the way from nothing to the first token behind a
 * prompt of 128, are measured in processes of their own, of llama.cpp with two threads: a load that leaves work for later gains nothing there.
 * Switches: --scale 4 for longer contexts and the largest model too, --only NAME for one model, NAME@8192 for one context of it;
 * MNEME_ROUNDS, and MNEME_TYPE for one type of weights.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PagedCache } from "../src/cache/paged-cache.ts";
import { allowRelaxedSimd } from "../src/kernels/allow-relaxed.ts";
import { kernels, openPool } from "../src/kernels/index.ts";
import { Decoder } from "../src/model/decoder.ts";
import { DecoderWeights } from "../src/model/decoder-weights.ts";
import { ggufConfig } from "../src/model/gguf-config.ts";
import { argmax } from "../src/model/sample.ts";
import { openGguf } from "../src/weights/gguf-source.ts";
import { MODELS, writeModel } from "./decode-models.ts";
import {
  openPeer,
  ourStart,
  type PeerSettings,
  peerContext,
  printStarts,
  type Start,
  theirStart,
} from "./first-token.ts";
import { peakBytes } from "./peak.ts";
import { dataFolder, printFigure, quantile, switches } from "./row.ts";

const ROUNDS = Number(process.env.MNEME_ROUNDS ?? 3);
const GENERATED = 128;
const SETTLING = 24;
/** A prompt before the others: compilers, threads and caches settle. */
const FIRST_PROMPT = 256;
const LARGEST = "random-1.1B";
const SHORT = 128;
/** Contexts by model, and those that --scale 4 adds. */
const CONTEXTS: Readonly<Record<string, readonly [readonly number[], readonly number[]]>> = {
  "mneme-lm": [[SHORT, 8192], [32_768]],
  "random-135M": [[SHORT], [8192]],
  [LARGEST]: [[SHORT], []],
};
const THREADS = 2;

const TYPES = { Q8_0: "int8", Q4_0: "int4" } as const;
type Type = keyof typeof TYPES;

const SETTINGS: readonly PeerSettings[] = [1, THREADS].flatMap((threads): PeerSettings[] => [
  { threads, flash: false, cache: "F16" },
  { threads, flash: true, cache: "F16" },
  { threads, flash: true, cache: "Q8_0" },
]);

interface Task {
  readonly system: "mneme" | "llama.cpp";
  readonly path: string;
  readonly type: Type;
  /** None: how long it takes to the first token. */
  readonly contexts: readonly number[];
  /** Of llama.cpp. */
  readonly settings: PeerSettings;
  readonly work: string;
}

interface Measured {
  /** Bytes that the process had resident at most. */
  readonly peak: number;
  readonly contexts: readonly {
    readonly tokens: number;
    readonly prefill: number;
    readonly decode: number;
  }[];
}

/** Tokens a second of a time for `count` of them. */
const perSecond = (count: number, milliseconds: number): number => (1000 * count) / milliseconds;

const promptOf = (tokens: number): number[] =>
  Array.from({ length: tokens }, (_, i) => 100 + ((i * 7919) % 16_000));

async function ours({ path, type, contexts }: Task): Promise<Measured> {
  // the command itself allows it too
  allowRelaxedSimd();
  const face = kernels();
  const pool = await openPool(face, { workers: THREADS - 1 });
  const { metadata, tensors } = await openGguf(path);
  const config = ggufConfig(metadata, tensors.shapeOf("lm_head.weight") === undefined, path);
  const weights = new DecoderWeights(face, config, tensors, TYPES[type], { threads: () => pool });
  using decoder = new Decoder(face, config, weights, () => pool);
  {
    using cache = new PagedCache(face, decoder.shape);
    decoder.forward(promptOf(FIRST_PROMPT), cache);
  }
  const found = contexts.map((tokens) => {
    using cache = new PagedCache(face, decoder.shape);
    const began = performance.now();
    let logits = decoder.forward(promptOf(tokens), cache);
    const prefill = perSecond(tokens, performance.now() - began);
    const times: number[] = [];
    for (let i = 0; i < SETTLING + GENERATED; i++) {
      const before = performance.now();
      logits = decoder.forward([argmax(logits)], cache);
      if (i >= SETTLING) times.push(performance.now() - before);
    }
    return { tokens, prefill, decode: perSecond(1, quantile(times, 0.5)) };
  });
  const peak = peakBytes();
  await pool[Symbol.asyncDispose]();
  return { peak, contexts: found };
}

async function theirs({ path, contexts, settings }: Task): Promise<Measured> {
  const llama = await openPeer(THREADS);
  const model = await llama.loadModel({ modelPath: path });
  const found: Measured["contexts"][number][] = [];
  for (const tokens of contexts) {
    const room = Math.max(tokens, FIRST_PROMPT) + SETTLING + GENERATED + 8;
    const context = await model.createContext(peerContext(settings, room));
    const sequence = context.getSequence();
    await sequence.evaluateWithoutGeneratingNewTokens(promptOf(FIRST_PROMPT));
    await sequence.clearHistory();
    const began = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(promptOf(tokens));
    const prefill = perSecond(tokens, performance.now() - began);
    const times: number[] = [];
    let last = performance.now();
    let count = 0;
    for await (const _ of sequence.evaluate([5], { temperature: 0, yieldEogToken: true })) {
      const now = performance.now();
      if (++count > SETTLING) times.push(now - last);
      last = now;
      if (count === SETTLING + GENERATED) break;
    }
    found.push({ tokens, prefill, decode: perSecond(1, quantile(times, 0.5)) });
    await context.dispose();
  }
  return { peak: peakBytes(), contexts: found };
}

async function child(task: Task): Promise<void> {
  const result = await resultOf(task);
  writeFileSync(join(task.work, "result.json"), JSON.stringify(result));
  process.exit(0);
}

function resultOf(task: Task): Promise<Measured | Start> {
  const { system, path, type, contexts, settings } = task;
  if (contexts.length > 0) return system === "mneme" ? ours(task) : theirs(task);
  const prompt = promptOf(SHORT);
  return system === "mneme"
    ? ourStart(path, TYPES[type], prompt, THREADS)
    : theirStart(path, settings, prompt);
}

function runChild<T>(task: Task): T {
  const env = { ...process.env, MNEME_BENCH_TASK: JSON.stringify(task) };
  const { status } = spawnSync(process.execPath, [process.argv[1]!], {
    stdio: ["ignore", "inherit", "inherit"],
    env,
  });
  if (status !== 0) throw new Error(`bench: ${task.system} failed with ${task.path}`);
  return JSON.parse(readFileSync(join(task.work, "result.json"), "utf8")) as T;
}

function howOf({ system, type, settings: { threads, flash, cache } }: Task): string {
  const how = system === "mneme" ? "" : `, ${threads} threads${flash ? ", flash" : ""}, cache of ${cache}`;
  return `${type}, ${system}${how}`;
}

function measured(task: Task): Measured {
  const found = runChild<Measured>(task);
  const speeds = found.contexts.map(({ tokens, decode }) => `${decode.toFixed(1)} tokens/s at ${tokens}`);
  console.log(`# ${howOf(task)}: ${speeds.join(", ")}`);
  return found;
}

function started(task: Task): Start {
  const found = runChild<Start>({ ...task, contexts: [] });
  console.log(
    `# ${howOf(task)}: ${found.load.toFixed(0)} ms to load, ${found.firstToken.toFixed(0)} ms to the first token`,
  );
  return found;
}

/** The median of each figure. */
function medians(rounds: readonly Measured[]): Measured {
  const of = (pick: (one: Measured) => number): number => quantile(rounds.map(pick), 0.5);
  return {
    peak: of(({ peak }) => peak),
    contexts: rounds[0]!.contexts.map(({ tokens }, i) => ({
      tokens,
      prefill: of(({ contexts }) => contexts[i]!.prefill),
      decode: of(({ contexts }) => contexts[i]!.decode),
    })),
  };
}

/** What is claimed of decoding, by context: times llama.cpp's tokens a second. */
function claimAt(tokens: number): number {
  if (tokens >= 32_768) return 2;
  return tokens >= 8192 ? 1.5 : 1;
}

function report(name: string, type: Type, mine: Measured, peers: readonly Measured[], bytes: number): void {
  const best = (pick: (one: Context) => number, at: number): number =>
    Math.max(...peers.flatMap(({ contexts }) => contexts.filter(({ tokens }) => tokens === at).map(pick)));
  const about = { system: "node-llama-cpp" } as const;
  for (const { tokens, decode, prefill } of mine.contexts) {
    const row = { ...about, unit: "tokens/s", better: "more" } as const;
    const at = `${name} ${type} at ${tokens} tokens`;
    const limit = `${((decode * bytes) / 1e9).toFixed(1)} GB/s of weights`;
    printFigure("decode", {
      ...row,
      metric: `${at}: decode`,
      ours: decode,
      baseline: best((one) => one.decode, tokens),
      atLeast: claimAt(tokens),
      note: limit,
    });
    printFigure("decode", {
      ...row,
      metric: `${at}: prefill`,
      ours: prefill,
      baseline: best((one) => one.prefill, tokens),
      atLeast: 0.6,
    });
  }
  sayOf("decode", name, type, mine, best);
  sayOf("prefill", name, type, mine, best);
  const least = (pick: (one: Measured) => number, among = peers): number => Math.min(...among.map(pick));
  // of those that ran all contexts: a cache of few tokens is no measure for one of many
  const alike = peers.filter(({ contexts }) => contexts.length === mine.contexts.length);
  const peak = {
    ours: mine.peak / 1e6,
    baseline: least((one) => one.peak, alike) / 1e6,
    better: "less",
    atLeast: 1,
  } as const;
  printFigure("decode", { ...about, metric: `${name} ${type}: resident at most`, unit: "MB", ...peak });
}

type Context = Measured["contexts"][number];

/** A line as README has it: all contexts of a model, ours and theirs. */
function sayOf(
  what: "decode" | "prefill",
  name: string,
  type: Type,
  { contexts }: Measured,
  best: (pick: (one: Context) => number, at: number) => number,
): void {
  const listed = (values: readonly number[]): string =>
    values.map((value) => Math.round(value).toLocaleString("en-US")).join(", ");
  const at = listed(contexts.map(({ tokens }) => tokens));
  const mine = listed(contexts.map((one) => one[what]));
  const theirs = listed(contexts.map(({ tokens }) => best((one) => one[what], tokens)));
  console.log(`# ${what}, ${name}, ${type}, at ${at} tokens: ${mine} tokens/s; node-llama-cpp ${theirs}`);
}

async function main(): Promise<void> {
  if (process.env.MNEME_BENCH_TASK) return child(JSON.parse(process.env.MNEME_BENCH_TASK) as Task);
  const folder = resolve(dataFolder(), "../models/mneme-lm");
  const work = mkdtempSync(join(tmpdir(), "mneme-decode-"));
  try {
    const [chosen, context] = (switches.only ?? "").split("@");
    for (const name of MODELS) {
      if (chosen ? name !== chosen : name === LARGEST && switches.scale < 4) continue;
      const [usual, more] = CONTEXTS[name]!;
      const contexts = context ? [Number(context)] : switches.scale >= 4 ? [...usual, ...more] : usual;
      for (const type of Object.keys(TYPES) as Type[]) {
        if (process.env.MNEME_TYPE && type !== process.env.MNEME_TYPE) continue;
        const path = writeModel(name, type, folder, work);
        const base = { path, type, contexts, work };
        const mine: Measured[] = [];
        const starts: Start[] = [];
        const peers = SETTINGS.map((settings) => ({
          settings,
          rounds: [] as Measured[],
          starts: [] as Start[],
        }));
        const own = { ...base, system: "mneme", settings: SETTINGS[0]! } as const;
        for (let round = 0; round < ROUNDS; round++) {
          starts.push(started(own));
          mine.push(measured(own));
          for (const { settings, rounds, starts } of peers) {
            const some = settings.threads === 1 && !context ? [SHORT] : contexts;
            const task = { ...base, contexts: some, system: "llama.cpp", settings } as const;
            if (settings.threads === THREADS) starts.push(started(task));
            rounds.push(measured(task));
          }
        }
        const theirs = peers.map(({ starts }) => starts).filter(({ length }) => length > 0);
        printStarts(`${name} ${type}`, SHORT, starts, theirs);
        report(
          name,
          type,
          medians(mine),
          peers.map(({ rounds }) => medians(rounds)),
          statSync(path).size,
        );
        rmSync(path);
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

void main();
