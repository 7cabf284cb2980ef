/** Systems of the graph benchmark in processes of their own: one that builds, unless its file is there, and one that opens and answers. */
import { type ChildProcess, execFile, execFileSync, fork, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { kernels } from "../src/kernels/index.ts";
import { NODE_SYSTEMS, type NodeSystem, readInput, recipeOf } from "./graph-systems.ts";
import { PYTHON } from "./peers.ts";
import { repository } from "./row.ts";
import { reply } from "./side-by-side.ts";

const FAISS = {
  "FAISS HNSW-SQ8": "HNSW16_SQ8",
  "FAISS IVF-PQ fast scan": "IVFLISTS,PQPARTSx4fs,RFlat",
} as const;
type FaissSystem = keyof typeof FAISS;
export type SystemName = NodeSystem | FaissSystem;

/** FAISS only where the system's Python has it. */
export function systems(): SystemName[] {
  try {
    execFileSync(PYTHON, ["-c", "import faiss"], { stdio: "ignore" });
    return [...NODE_SYSTEMS, ...(Object.keys(FAISS) as FaissSystem[])];
  } catch {
    console.log("# no FAISS: install python3-faiss to have it beside the others");
    return [...NODE_SYSTEMS];
  }
}

export interface Held {
  readonly bytes: number;
  /** What the process grew by. */
  readonly rss: number;
  readonly efforts: readonly number[];
  readonly threads: boolean;
}

export interface Answer {
  readonly rows: ArrayLike<number>;
  /** Processor milliseconds of the whole process, and those of the clock. */
  readonly ms: number;
  readonly wall: number;
}

export interface Served {
  readonly name: SystemName;
  /** Processor seconds of building, of the run that built it. */
  readonly seconds: number;
  readonly held: Held;
  ask(effort: number, threads: number): Promise<Answer>;
  end(): void;
}

const QUIET = { LANCEDB_LOG: "error", LANCE_LOG: "error", RUST_LOG: "error" } as const;
/** It takes all cores where it is not told. */
const lanceThreads = (threads: number): NodeJS.ProcessEnv => ({
  LANCE_CPU_THREADS: String(threads),
  RAYON_NUM_THREADS: String(threads),
  TOKIO_WORKER_THREADS: String(threads),
});
const SETTLES_MS = 300;
/** Threads that wait sleep. */
const passive = { ...process.env, OMP_WAIT_POLICY: "passive" };
const isFaiss = (name: SystemName): name is FaissSystem => name in FAISS;
const script = join(repository, "bench/faiss-graph.py");
const fileOf = (folder: string, name: SystemName): string => join(folder, name.replaceAll(" ", "-"));

/** Opens what is built. @param bench file of the benchmark, that runs `build` and `serve` below */
export async function start(folder: string, name: SystemName, bench: string): Promise<Served> {
  const file = fileOf(folder, name);
  const seconds = Number(readFileSync(`${file}.built`, "utf8"));
  if (isFaiss(name)) return faiss(folder, name, file, seconds);
  const child = forked("serve", folder, name, bench);
  const held = await reply<Held>(child);
  return {
    name,
    seconds,
    held,
    ask(effort, threads) {
      child.send({ effort, threads });
      return reply<Answer>(child);
    },
    end: () => void child.kill(),
  };
}

export interface Building {
  readonly threads: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** Builds it, unless its file is there. @throws Error when the process that builds ends before it is done */
export async function built(
  folder: string,
  name: SystemName,
  bench: string,
  { threads, signal }: Building,
): Promise<void> {
  const file = fileOf(folder, name);
  if (existsSync(`${file}.built`)) return;
  rmSync(file, { recursive: true, force: true });
  console.log(`# building ${name}`);
  let seconds: number;
  if (isFaiss(name)) {
    const asked = ["build", folder, FAISS[name], file, String(threads)];
    const options = { ...(signal ? { signal } : {}), env: passive };
    const { stdout } = await promisify(execFile)(PYTHON, [script, ...asked], options);
    ({ seconds } = JSON.parse(stdout.trim().split("\n").at(-1)!) as { seconds: number });
  } else {
    const child = forked("build", folder, name, bench, threads);
    const end = (): void => void child.kill("SIGKILL");
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
    seconds = await reply<number>(child).finally(() => signal?.removeEventListener("abort", end));
  }
  writeFileSync(`${file}.built`, String(seconds));
  console.log(`# ${name}: built in ${seconds.toFixed(0)} s of processor time`);
}

async function faiss(folder: string, name: FaissSystem, file: string, seconds: number): Promise<Served> {
  const child = spawn(PYTHON, [script, "serve", folder, FAISS[name], file], {
    stdio: ["pipe", "pipe", "inherit"],
    env: passive,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`bench: ${name} ended before it answered`);
    return JSON.parse(value) as T;
  };
  const held = await next<Held>();
  return {
    name,
    seconds,
    held,
    ask(effort, threads) {
      child.stdin.write(`${effort} ${threads}\n`);
      return next<Answer>();
    },
    end: () => void child.kill(),
  };
}

function forked(
  part: "build" | "serve",
  folder: string,
  name: SystemName,
  bench: string,
  threads = 1,
): ChildProcess {
  return fork(fileURLToPath(bench), [`--${part}`, folder, name, String(threads)], {
    execArgv: ["--expose-gc", "--max-old-space-size=16384"],
    env: { ...process.env, ...QUIET, ...(part === "build" && threads > 1 ? lanceThreads(threads) : {}) },
  });
}

/** In a child: builds an index, says how long it took, and ends. */
export async function build(folder: string, name: NodeSystem, threads: number): Promise<void> {
  const input = readInput(folder);
  const started = process.cpuUsage();
  const seconds = await recipeOf(name).build(input, fileOf(folder, name), threads);
  process.send!(seconds ?? cpuMs(started) / 1000);
}

/** In a child: opens an index, says what it holds, and answers one question after the other. */
export async function serve(folder: string, name: NodeSystem): Promise<void> {
  const input = readInput(folder);
  kernels();
  const before = await resident();
  const { bytes, efforts, threads, ...system } = await recipeOf(name).open(input, fileOf(folder, name));
  const rss = (await resident()) - before;
  process.send!({ bytes, rss, efforts, threads } satisfies Held);
  process.on("message", async (asked: { effort: number; threads: number }) => {
    const [cpu, wall] = [process.cpuUsage(), performance.now()];
    const rows = await system.search(asked.effort, asked.threads);
    const answer = { ms: cpuMs(cpu), wall: performance.now() - wall };
    process.send!({ rows: Array.from(rows), ...answer } satisfies Answer);
  });
}

/** Bytes of the process once they no longer fall: large buffers are given back behind the collector. */
async function resident(): Promise<number> {
  globalThis.gc?.();
  for (let last = Number.POSITIVE_INFINITY; ; ) {
    await setTimeout(SETTLES_MS);
    const { rss } = process.memoryUsage();
    if (rss > 0.99 * last) return rss;
    last = rss;
  }
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}
