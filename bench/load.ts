/**
 * How long does a model take to load, the first time and out of kept weights, beside node-llama-cpp on the same GGUF file? Both leave bytes that
 * lie as they are held to the first prompt (bench decode has the way to its first token): how long reading all of them takes is measured too,
 * beside nothing but reading. Each load in a process of its own, files in the page cache, in turns; the median counts. Peak RSS is that of the
 * whole process once all weights were read. Switches: --scale 4 for the largest model too, --only NAME for one model; MNEME_TYPE for one type of weights.
 */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { kernels } from "../src/kernels/index.ts";
import { openCheckpoint } from "../src/model/checkpoint.ts";
import { load } from "../src/model/load.ts";
import { loadWeights } from "../src/model/load-weights.ts";
import { Memories } from "../src/model/memories.ts";
import { MODELS, writeModel } from "./decode-models.ts";
import { peakBytes } from "./peak.ts";
import { importPeer } from "./peers.ts";
import { dataFolder, printFigure, quantile, switches } from "./row.ts";

const ROUNDS = 3;
const LARGEST = "random-1.1B";
const TYPES = ["F16", "Q8_0"] as const;
const PIECE_BYTES = 1 << 20;

interface Task {
  /** "weights": Mneme's weights alone, all of them read, without tokenizer and headers; "nothing": node alone, whose memory the others have too. */
  readonly system: "mneme" | "weights" | "llama.cpp" | "read" | "nothing";
  readonly path: string;
  readonly weightCache: string | false;
  readonly work: string;
}

interface Measured {
  readonly ms: number;
  /** Milliseconds of the processor. */
  readonly cpu: number;
  readonly peak: number;
}

/** @returns what is done behind the clock */
async function act({ system, path, weightCache }: Task): Promise<() => void> {
  if (system === "mneme") {
    const model = await load(path, { weightCache, workers: 1 });
    // it is made of all weights
    return () => model.fingerprint();
  }
  if (system === "weights") {
    const checkpoint = await openCheckpoint(path);
    begin();
    loadWeights(new Memories(kernels()), checkpoint, "int8", { weightCache }).read();
  }
  if (system === "llama.cpp") {
    const { getLlama } = await importPeer("node-llama-cpp");
    const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
    begin();
    await llama.loadModel({ modelPath: path });
  }
  if (system === "read") readPieces(path);
  return () => {};
}

let started = 0;
let before = process.cpuUsage();

function begin(): void {
  before = process.cpuUsage();
  started = performance.now();
}

/** As weights are read: in pieces, into the memory of a module. */
function readPieces(path: string): void {
  const { size } = statSync(path);
  const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(size / 65_536) });
  const file = openSync(path, "r");
  for (let at = 0; at < size; at += PIECE_BYTES)
    readSync(file, new Uint8Array(buffer), at, Math.min(PIECE_BYTES, size - at), at);
  closeSync(file);
}

async function child(task: Task): Promise<void> {
  begin();
  const finish = await act(task);
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  finish();
  const peak = peakBytes() / 1e6;
  writeFileSync(join(task.work, "result.json"), JSON.stringify({ ms, cpu: (user + system) / 1000, peak }));
  process.exit(0);
}

function run(task: Task): Measured {
  const env = { ...process.env, MNEME_BENCH_TASK: JSON.stringify(task) };
  const { status } = spawnSync(process.execPath, [process.argv[1]!], {
    stdio: ["ignore", "inherit", "inherit"],
    env,
  });
  if (status !== 0) throw new Error(`bench: ${task.system} failed with ${task.path}`);
  return JSON.parse(readFileSync(join(task.work, "result.json"), "utf8")) as Measured;
}

function median(rounds: readonly Measured[]): Measured {
  const of = (pick: (one: Measured) => number): number => quantile(rounds.map(pick), 0.5);
  return { ms: of(({ ms }) => ms), cpu: of(({ cpu }) => cpu), peak: of(({ peak }) => peak) };
}

type Kind = "first" | "second" | "without" | "weights" | "read" | "llama";

/** All kinds of loads in turns. @returns medians, and the bytes that were kept */
function measureAll(path: string, work: string): { of: (kind: Kind) => Measured; kept: number } {
  const cache = join(work, "kept");
  const rounds = new Map<Kind, Measured[]>();
  const add = (kind: Kind, task: Partial<Task> & Pick<Task, "system">): void => {
    const one = run({ path, work, weightCache: false, ...task });
    rounds.set(kind, [...(rounds.get(kind) ?? []), one]);
  };
  const kept = (): string | undefined =>
    existsSync(cache) ? join(cache, readdirSync(cache)[0]!) : undefined;
  for (let round = 0; round < ROUNDS; round++) {
    rmSync(cache, { recursive: true, force: true });
    add("without", { system: "mneme" });
    add("first", { system: "mneme", weightCache: cache });
    add("second", { system: "mneme", weightCache: cache });
    add("weights", { system: "weights", weightCache: cache });
    const file = kept() ?? (path.endsWith(".gguf") ? path : undefined);
    if (file) add("read", { system: "read", path: file });
    if (path.endsWith(".gguf")) add("llama", { system: "llama.cpp" });
  }
  const file = kept();
  return { of: (kind) => median(rounds.get(kind) ?? []), kept: file ? statSync(file).size : 0 };
}

function measure(name: string, path: string, work: string): void {
  const { of, kept } = measureAll(path, work);
  const ms = (
    metric: string,
    ours: number,
    baseline: number,
    system: string,
    note: string,
    atLeast?: number,
  ): void =>
    printFigure("load", {
      system,
      metric: `${name}: ${metric}`,
      unit: "ms",
      ours,
      baseline,
      better: "less",
      note,
      ...(atLeast === undefined ? {} : { atLeast }),
    });
  const peak = { unit: "MB", better: "less" } as const;
  if (kept > 0) {
    ms("second load", of("second").ms, of("first").ms, "first load", `${(kept / 1e6).toFixed(1)} MB kept`, 1);
    ms("first load", of("first").ms, of("without").ms, "keeping nothing", "what keeping costs");
  } else
    ms("load", of("first").ms, of("without").ms, "keeping nothing", "stored as it is held: nothing is kept");
  ms(
    "all weights read",
    of("weights").ms,
    of("read").ms,
    "reading the bytes",
    "checksums of kept ones included",
  );
  printFigure("load", { ...peak, metric: `${name}: peak of the first load`, ours: of("first").peak });
  printFigure("load", { ...peak, metric: `${name}: peak of the second load`, ours: of("second").peak });
  if (!path.endsWith(".gguf")) return;
  const note = "llama.cpp maps the file";
  ms("first load", of("first").ms, of("llama").ms, "node-llama-cpp", note);
  ms("second load", of("second").ms, of("llama").ms, "node-llama-cpp", note);
  ms("second load, processor time", of("second").cpu, of("llama").cpu, "node-llama-cpp", note);
  const baseline = of("llama").peak;
  printFigure("load", {
    ...peak,
    system: "node-llama-cpp",
    metric: `${name}: peak of the second load`,
    ours: of("second").peak,
    baseline,
  });
}

async function main(): Promise<void> {
  if (process.env.MNEME_BENCH_TASK) return child(JSON.parse(process.env.MNEME_BENCH_TASK) as Task);
  const folder = resolve(dataFolder(), "../models/mneme-lm");
  const work = mkdtempSync(join(tmpdir(), "mneme-load-"));
  try {
    if (!switches.only || switches.only === "mneme-lm") measure("mneme-lm bf16 folder", folder, work);
    for (const name of MODELS) {
      if (switches.only ? name !== switches.only : name === LARGEST && switches.scale < 4) continue;
      for (const type of TYPES) {
        if (type !== (process.env.MNEME_TYPE ?? type)) continue;
        const path = writeModel(name, type, folder, work);
        measure(`${name} ${type}`, path, work);
        rmSync(path);
      }
    }
    printFigure("load", {
      metric: "peak of node alone",
      unit: "MB",
      ours: run({ system: "nothing", path: "", work, weightCache: false }).peak,
      better: "less",
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

void main();
