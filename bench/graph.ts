/**
 * How fast is a graph over compressed vectors? Queries a second against recall@10, beside hnswlib and usearch (f32, f16, i8) on one thread
 * each, in rounds that take turns; bytes that each system counts itself and what its process grows by; processor seconds of building.
 * Speeds are by processor time of the whole process, so that a busy machine matters less. Switches: --only fashion-mnist | lsa-words |
 * passages, --scale N for N times the passages. Plots go to bench/results/graph-*.svg.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { recallOf, SETS, type SetName, type VectorSet, vectorSet } from "./graph-data.ts";
import { readInput, recipeOf, SYSTEMS, type SystemName } from "./graph-systems.ts";
import { dataFolder, printFigure, quantile, repository, switches } from "./row.ts";
import { curves } from "./svg.ts";

const EFFORTS = [10, 14, 20, 28, 40, 56, 80, 112, 160, 240];
const ROUNDS = 5;
const RECALLS = [0.95, 0.99];
/** Plots begin here. */
const LEAST = 0.9;
const MB = 1e6;

interface Held {
  readonly bytes: number;
  /** What the process grew by. */
  readonly rss: number;
}
interface Answer {
  readonly rows: number[];
  /** Processor milliseconds. */
  readonly ms: number;
}

/** A process that builds an index, says how long it took, and ends. */
async function build(folder: string, name: SystemName): Promise<void> {
  const input = readInput(folder);
  const started = process.cpuUsage();
  await recipeOf(name).build(input, join(folder, name));
  process.send!(cpuMs(started) / 1000);
}

/** A process that opens an index, says what it holds, and answers one effort after the other. */
async function serve(folder: string, name: SystemName): Promise<void> {
  const input = readInput(folder);
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const system = await recipeOf(name).open(input, join(folder, name));
  globalThis.gc?.();
  process.send!({ bytes: system.bytes, rss: process.memoryUsage().rss - before } satisfies Held);
  process.on("message", (effort: number) => {
    const asked = process.cpuUsage();
    const rows = system.search(effort);
    const ms = cpuMs(asked);
    process.send!({ rows: Array.from(rows), ms } satisfies Answer);
  });
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function reply<T>(of: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`bench: a system ended with ${code} before it answered`));
    of.once("message", (message) => {
      of.off("exit", ended);
      resolve(message as T);
    }).once("exit", ended);
  });
}

function start(part: "build" | "serve", folder: string, name: SystemName): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [`--${part}`, folder, name], { execArgv: ["--expose-gc"] });
}

interface Point {
  readonly recall: number;
  readonly speed: number;
}
interface Curve extends Held {
  readonly name: SystemName;
  /** Processor seconds of building. */
  readonly seconds: number;
  readonly points: readonly Point[];
}

async function measure(set: VectorSet, folder: string): Promise<Curve[]> {
  const running: { name: SystemName; process: ChildProcess; held: Held; seconds: number }[] = [];
  for (const name of SYSTEMS) {
    const seconds = await reply<number>(start("build", folder, name));
    const process = start("serve", folder, name);
    running.push({ name, process, held: await reply<Held>(process), seconds });
  }
  const recalls = new Map<string, number>();
  const times = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const effort of EFFORTS) {
      for (const { name, process } of running) {
        process.send(effort);
        const { rows, ms } = await reply<Answer>(process);
        const key = `${name} ${effort}`;
        // the first round warms up
        if (round === 0) recalls.set(key, recallOf(set, rows));
        else times.set(key, [...(times.get(key) ?? []), ms]);
      }
    }
  }
  for (const { process } of running) process.kill();
  return running.map(({ name, held, seconds }) => ({
    name,
    ...held,
    seconds,
    points: EFFORTS.map((effort) => ({
      recall: recalls.get(`${name} ${effort}`)!,
      speed: (1000 * set.queries.rows) / quantile(times.get(`${name} ${effort}`)!, 0.5),
    })),
  }));
}

/** Queries a second at a recall, between the two measured efforts around it; undefined when it is not reached. */
function speedAt({ points }: Curve, recall: number): number | undefined {
  const at = points.findIndex((point) => point.recall >= recall);
  if (at <= 0) return points[at]?.speed;
  const [a, b] = [points[at - 1]!, points[at]!];
  const share = (recall - a.recall) / (b.recall - a.recall);
  return Math.exp(Math.log(a.speed) * (1 - share) + Math.log(b.speed) * share);
}

function report(set: SetName, all: readonly Curve[]): void {
  for (const ours of all.filter(({ name }) => name.startsWith("mneme"))) {
    for (const peer of all.filter(({ name }) => !name.startsWith("mneme"))) {
      for (const recall of RECALLS) reportSpeed(set, ours, peer, recall);
      const { name: system } = peer;
      const metric = `${set}: ${ours.name},`;
      const less = { system, better: "less" } as const;
      printFigure("graph", {
        ...less,
        metric: `${metric} bytes`,
        unit: "MB",
        ours: ours.bytes / MB,
        baseline: peer.bytes / MB,
      });
      printFigure("graph", {
        ...less,
        metric: `${metric} process growth`,
        unit: "MB",
        ours: ours.rss / MB,
        baseline: peer.rss / MB,
      });
      printFigure("graph", {
        ...less,
        metric: `${metric} building`,
        unit: "s",
        ours: ours.seconds,
        baseline: peer.seconds,
      });
    }
  }
}

/** Twice the speed of peers that hold no more, and no less than that of any. */
function reportSpeed(set: SetName, ours: Curve, peer: Curve, recall: number): void {
  const speed = speedAt(ours, recall);
  const baseline = speedAt(peer, recall);
  const metric = `${set}: ${ours.name}, recall ${recall}`;
  const figure = { system: peer.name, metric, unit: "q/s", better: "more" } as const;
  const best = (curve: Curve): string => Math.max(...curve.points.map((point) => point.recall)).toFixed(4);
  if (speed === undefined)
    printFigure("graph", {
      ...figure,
      ours: 0,
      ...(baseline ? { baseline } : {}),
      note: `not reached: at most ${best(ours)}`,
    });
  else if (baseline === undefined)
    printFigure("graph", {
      ...figure,
      ours: speed,
      note: `${peer.name} does not reach it: at most ${best(peer)}`,
    });
  else printFigure("graph", { ...figure, ours: speed, baseline, atLeast: peer.bytes <= ours.bytes ? 2 : 1 });
}

function plot(set: SetName, all: readonly Curve[]): void {
  const drawn = all.map(({ name, bytes, points }) => ({
    label: `${name}, ${(bytes / MB).toFixed(0)} MB`,
    points: points.map(({ recall, speed }) => ({ x: speed, y: recall })),
  }));
  const svg = curves(`${set}: one thread`, "queries a second", "recall@10", LEAST, drawn);
  mkdirSync(join(repository, "bench/results"), { recursive: true });
  writeFileSync(join(repository, `bench/results/graph-${set}.svg`), svg);
}

async function main(): Promise<void> {
  for (const name of SETS.filter((set) => !switches.only || switches.only === set)) {
    const folder = mkdtempSync(join(tmpdir(), "mneme-bench-"));
    try {
      const set = await vectorSet(name, dataFolder(), switches.scale);
      const { metric, base, queries } = set;
      const facts = { metric, rows: base.rows, queries: queries.rows, dim: base.cols };
      writeFileSync(join(folder, "set.json"), JSON.stringify(facts));
      writeFileSync(
        join(folder, "base.f32"),
        Buffer.from(base.data.buffer, base.data.byteOffset, base.data.byteLength),
      );
      writeFileSync(join(folder, "queries.f32"), Buffer.from(queries.data.buffer));
      const all = await measure(set, folder);
      report(name, all);
      plot(name, all);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

const [flag, folder, system] = process.argv.slice(2);
if (flag === "--build") void build(folder!, system as SystemName);
else if (flag === "--serve") void serve(folder!, system as SystemName);
else void main();
