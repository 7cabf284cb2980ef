/**
 * From nothing to the first token: a model is loaded, tokenizer and all, and reads a prompt, first of all that its process does. What a load
 * leaves for later is in it. The engines themselves stand before: what the systems' own code takes to load is not the model's.
 */
import { allowRelaxedSimd } from "../src/kernels/allow-relaxed.ts";
import { kernels } from "../src/kernels/index.ts";
import { load } from "../src/model/load.ts";
import type { Precision } from "../src/weights/linear-weights.ts";
import { importPeer, type PeerModule } from "./peers.ts";
import { printFigure, quantile } from "./row.ts";

/** Milliseconds. */
export interface Start {
  readonly load: number;
  /** Of loading, reading the prompt and choosing the token behind it, together. */
  readonly firstToken: number;
  /** The same in processor time of all threads. */
  readonly loadCpu: number;
  readonly firstTokenCpu: number;
}

/** Since it was made: milliseconds, and those of the processor. */
function stopwatch(): () => readonly [wall: number, cpu: number] {
  const [started, before] = [performance.now(), process.cpuUsage()];
  return () => {
    const wall = performance.now() - started;
    const { user, system } = process.cpuUsage(before);
    return [wall, (user + system) / 1000];
  };
}

/** @param threads of both systems, the caller's included */
export async function ourStart(
  path: string,
  precision: Precision,
  prompt: readonly number[],
  threads: number,
): Promise<Start> {
  // the command itself allows it too
  allowRelaxedSimd();
  kernels();
  const elapsed = stopwatch();
  await using model = await load(path, { precision, workers: threads - 1, weightCache: false });
  const [loaded, loadCpu] = elapsed();
  await model.generate(prompt, { maxTokens: 1, temperature: 0 }).next();
  const [firstToken, firstTokenCpu] = elapsed();
  return { load: loaded, firstToken, loadCpu, firstTokenCpu };
}

/** How node-llama-cpp makes a context. */
export interface PeerSettings {
  readonly threads: number;
  readonly flash: boolean;
  /** Of keys and values; fewer bits than 16 need flash attention. */
  readonly cache: "F16" | "Q8_0";
}

export function peerContext(
  { threads, flash, cache }: PeerSettings,
  contextSize: number,
): Readonly<Record<string, unknown>> {
  return {
    contextSize,
    batchSize: 512,
    threads,
    flashAttention: flash,
    experimentalKvCacheKeyType: cache,
    experimentalKvCacheValueType: cache,
  };
}

/** The engine of node-llama-cpp. @param threads at most */
export async function openPeer(threads: number): Promise<PeerModule> {
  const { getLlama } = await importPeer("node-llama-cpp");
  return getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: threads });
}

export async function theirStart(
  path: string,
  settings: PeerSettings,
  prompt: readonly number[],
): Promise<Start> {
  const llama = await openPeer(settings.threads);
  const elapsed = stopwatch();
  const model = await llama.loadModel({ modelPath: path });
  const [loaded, loadCpu] = elapsed();
  const context = await model.createContext(peerContext(settings, prompt.length + 8));
  const tokens = context.getSequence().evaluate(prompt, { temperature: 0, yieldEogToken: true });
  await tokens.next();
  const [firstToken, firstTokenCpu] = elapsed();
  return { load: loaded, firstToken, loadCpu, firstTokenCpu };
}

/** Medians, against the best of the peers' settings. @param peers the starts of each, in turn */
export function printStarts(
  model: string,
  tokens: number,
  mine: readonly Start[],
  peers: readonly (readonly Start[])[],
): void {
  const medianOf = (starts: readonly Start[], pick: (one: Start) => number): number =>
    quantile(starts.map(pick), 0.5);
  const print = (metric: string, pick: (one: Start) => number): void =>
    printFigure("decode", {
      system: "node-llama-cpp",
      metric: `${model}: ${metric}`,
      unit: "ms",
      ours: medianOf(mine, pick),
      baseline: Math.min(...peers.map((starts) => medianOf(starts, pick))),
      better: "less",
      atLeast: 1,
    });
  print("load", ({ load }) => load);
  print("load, processor time", ({ loadCpu }) => loadCpu);
  const first = `from nothing to the first token behind ${tokens}`;
  print(first, ({ firstToken }) => firstToken);
  print(`${first}, processor time`, ({ firstTokenCpu }) => firstTokenCpu);
}
