/**
 * How fast are graphs and cells over compressed vectors? Queries a second against recall@10, beside hnswlib, usearch (f32, f16, i8, bits),
 * LanceDB and FAISS, in rounds that take turns; bytes that each system counts itself and what its process grows by; processor seconds of
 * building. Speeds on one thread are by processor time of the whole process, so that a busy machine matters less; on two by the clock.
 * Where there are eight cores or more, systems are built side by side; speeds are measured alone.
 * Switches: --only fashion-mnist | lsa-words | passages | sentences | manifold (the last two, of 1,000,000 x 512 and 5,000,000 x 128, only
 * when named), --scale N for N times the rows, --settings '{"buildMinutes": N, "without": [...], "buildOnly": true, "rounds": N}': systems
 * that are not built by then are left out, and those that are named; nothing is measured yet; so many rounds after the first. Sets and
 * indexes, and figures of the large sets, stay in a folder of temporary files: a run that was broken off goes on where it was. Plots go to
 * docs/images when the scale is 1, all points to bench/results.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  build,
  built,
  type Held,
  type Served,
  type SystemName,
  serve,
  start,
  systems,
} from "./graph-children.ts";
import {
  factsOf,
  K,
  LARGE,
  makePart,
  makeSet,
  type Part,
  recallOf,
  SETS,
  type SetName,
} from "./graph-data.ts";
import type { NodeSystem } from "./graph-systems.ts";
import { dataFolder, printFigure, quantile, repository, switches } from "./row.ts";
import { cores, sideBySide } from "./side-by-side.ts";
import { curves } from "./svg.ts";

const ROUNDS = typeof switches.settings.rounds === "number" ? switches.settings.rounds : 3;
const RECALLS = [0.95, 0.99];
/** Large sets are harder: those that do not get there are compared at less. */
const LARGE_RECALLS = [0.85, ...RECALLS];
/** Peers that hold so many times what ours holds are to be no faster. */
const SMALLER = 8;
/** Plots begin here, of large sets there, and this is enough. */
const LEAST = 0.9;
const LARGE_LEAST = 0.7;
const ENOUGH = 0.998;
const MB = 1e6;
/** A system that takes longer for all queries is asked once. */
const SLOW_MS = 5000;

interface Point {
  readonly effort: number;
  readonly recall: number;
  /** Queries a second. */
  readonly speed: number;
  /** On two threads, where the system has them. */
  readonly speedOfTwo?: number;
}
interface Curve extends Held {
  readonly name: SystemName;
  readonly seconds: number;
  readonly points: readonly Point[];
}

/** Threads that build one of several systems; the slowest has twice as many. */
const BUILDERS = 4;
/** In the order in which they are begun: those that take longest first. */
const SLOW: readonly SystemName[] = ["FAISS HNSW-SQ8", "hnswlib", "usearch f32", "LanceDB IVF_HNSW_SQ"];

/** Builds what is not built yet. @returns the systems that are there, in their order */
async function buildAll(folder: string): Promise<SystemName[]> {
  const { buildMinutes, without } = switches.settings;
  const names = systems().filter((name) => !(Array.isArray(without) && without.includes(name)));
  const signal = typeof buildMinutes === "number" ? AbortSignal.timeout(buildMinutes * 60_000) : undefined;
  const jobs = [...new Set([...SLOW, ...names])]
    .filter((name) => names.includes(name))
    .map((name) => {
      const threads = cores === 1 ? 1 : name === "FAISS HNSW-SQ8" ? 2 * BUILDERS : BUILDERS;
      const building = { threads, ...(signal ? { signal } : {}) };
      return { threads, run: () => built(folder, name, import.meta.url, building).then(() => name) };
    });
  const ended = await sideBySide(jobs);
  const there = ended.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
  for (const end of ended) if (end.status === "rejected") console.log(`# ${end.reason}`);
  return names.filter((name) => {
    if (!there.includes(name)) console.log(`# ${name} is left out: it was not built`);
    return there.includes(name);
  });
}

/** Of the large sets one system at a time is open, since together they are larger than memory, and its figures stay in the folder. */
async function measure(folder: string, together: boolean): Promise<Curve[]> {
  const names = await buildAll(folder);
  console.log("# building has ended");
  if (together) return measureGroup(folder, names, LEAST);
  const all: Curve[] = [];
  for (const name of names) {
    const file = join(folder, `${name.replaceAll(" ", "-")}.curve.json`);
    if (!existsSync(file))
      writeFileSync(file, JSON.stringify((await measureGroup(folder, [name], LARGE_LEAST))[0]));
    all.push(JSON.parse(readFileSync(file, "utf8")) as Curve);
  }
  return all;
}

/** @param least recall from which on speeds are measured round after round */
async function measureGroup(folder: string, names: readonly SystemName[], least: number): Promise<Curve[]> {
  const running: Served[] = [];
  for (const name of names) running.push(await start(folder, name, import.meta.url));
  const steps = Math.max(...running.map(({ held }) => held.efforts.length));
  const times = new Map<string, Times>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (let step = 0; step < steps; step++) {
      for (const served of running) await ask(folder, served, { step, round, least }, times);
    }
    console.log(`# ${names.length > 1 ? "" : `${names[0]}: `}round ${round} of ${ROUNDS}`);
  }
  for (const served of running) served.end();
  return running.map(({ name, held, seconds }) => ({
    name,
    ...held,
    seconds,
    points: held.efforts.flatMap((effort) => {
      const known = times.get(`${name} ${effort}`);
      return known ? [pointOf(effort, known)] : [];
    }),
  }));
}

/** Milliseconds of asking everything: of the processor on one thread, of the clock on two. */
interface Times {
  readonly recall: number;
  readonly asked: number;
  /** The first round's. */
  readonly once: number;
  readonly ms: number[];
  readonly wall: number[];
}

function pointOf(effort: number, { recall, asked, once, ms, wall }: Times): Point {
  const speedOf = (times: number[]): number => (1000 * asked) / quantile(times, 0.5);
  return {
    effort,
    recall,
    speed: speedOf(ms.length ? ms : [once]),
    ...(wall.length ? { speedOfTwo: speedOf(wall) } : {}),
  };
}

/** The first round warms up, and is judged; what no figure is made of is asked no more, or not at all. */
async function ask(
  folder: string,
  { name, held, ask: search }: Served,
  { step, round, least }: { readonly step: number; readonly round: number; readonly least: number },
  times: Map<string, Times>,
): Promise<void> {
  const recallAt = (at: number): number => times.get(`${name} ${held.efforts[at]}`)?.recall ?? 1;
  const effort = held.efforts[step];
  if (effort === undefined) return;
  const key = `${name} ${effort}`;
  const known = times.get(key);
  if (!known) {
    if (step > 0 && recallAt(step - 1) >= ENOUGH) return;
    const { rows, ms } = await search(effort, 1);
    const first = ms > SLOW_MS ? [ms] : [];
    times.set(key, { recall: recallOf(folder, rows), asked: rows.length / K, ms: first, wall: [], once: ms });
    return;
  }
  const isPlotted = known.recall >= least || recallAt(step + 1) >= least;
  if (!isPlotted || known.ms[0]! > SLOW_MS) return;
  known.ms.push((await search(effort, 1)).ms);
  if (!held.threads) return;
  const { wall } = await search(effort, 2);
  // threads start in the first of these rounds
  if (round > 1) known.wall.push(wall);
}

type Speed = "speed" | "speedOfTwo";

/** Queries a second at a recall, between the two measured efforts around it; undefined when it is not reached. */
function speedAt({ points }: Curve, recall: number, of: Speed): number | undefined {
  const at = points.findIndex((point) => point.recall >= recall);
  if (at <= 0) return points[at]?.[of];
  const [a, b] = [points[at - 1]!, points[at]!];
  const share = (recall - a.recall) / (b.recall - a.recall);
  const [before, after] = [a[of], b[of]];
  return before && after && Math.exp(Math.log(before) * (1 - share) + Math.log(after) * share);
}

const isOurs = ({ name }: Curve): boolean => name.startsWith("mneme");

function report(set: SetName, all: readonly Curve[]): void {
  const recalls = LARGE.includes(set) ? LARGE_RECALLS : RECALLS;
  for (const curve of all) {
    const { name, bytes, rss, seconds, points } = curve;
    const figure = { metric: `${set}: ${name}` } as const;
    for (const recall of recalls) {
      const speed = speedAt(curve, recall, "speed");
      const metric = `${figure.metric}, recall ${recall}`;
      const most = Math.max(...points.map((point) => point.recall)).toFixed(4);
      const two = speedAt(curve, recall, "speedOfTwo");
      const note =
        speed === undefined ? `not reached: at most ${most}` : two && `${two.toFixed(0)} on two threads`;
      printFigure("graph", {
        metric,
        unit: "q/s",
        ours: speed ?? 0,
        better: "more",
        ...(note ? { note } : {}),
      });
    }
    printFigure("graph", {
      metric: `${figure.metric}, bytes`,
      unit: "MB",
      ours: bytes / MB,
      better: "less",
      note: `process grew by ${(rss / MB).toFixed(0)} MB; built in ${seconds.toFixed(1)} s of processor time`,
    });
  }
  const isTwoMeasured = all.some(({ points }) => points.some(({ speedOfTwo }) => speedOfTwo !== undefined));
  const speeds: readonly Speed[] = isTwoMeasured ? ["speed", "speedOfTwo"] : ["speed"];
  for (const recall of recalls) {
    for (const of of speeds) {
      judgeBySize(set, all, recall, of);
      judgeSmall(set, all, recall, of);
    }
  }
}

/** Twice the speed of the best peer that holds no more; for the one of ours that does best. */
function judgeBySize(set: SetName, all: readonly Curve[], recall: number, of: Speed): void {
  const pairs = all.filter(isOurs).flatMap((ours) => {
    const peer = fastest(
      all.filter((curve) => !isOurs(curve) && curve.bytes <= ours.bytes),
      recall,
      of,
    );
    const speed = speedAt(ours, recall, of);
    return speed ? [{ ours, speed, peer, ratio: peer ? speed / peer.speed : Number.POSITIVE_INFINITY }] : [];
  });
  const best = pairs.sort((a, b) => (b.peer ? 1 : 0) - (a.peer ? 1 : 0) || b.ratio - a.ratio)[0];
  printClaim(`${set}: as many bytes, recall ${recall}${threadsOf(of)}`, best, 2);
}

/** No slower than the best peer of any memory, with an eighth of its bytes. */
function judgeSmall(set: SetName, all: readonly Curve[], recall: number, of: Speed): void {
  const peer = fastest(
    all.filter((curve) => !isOurs(curve)),
    recall,
    of,
  );
  if (!peer) return;
  const small = all.filter((curve) => isOurs(curve) && curve.bytes * SMALLER <= peer.curve.bytes);
  const ours = fastest(small, recall, of);
  const metric = `${set}: an eighth of the bytes, recall ${recall}${threadsOf(of)}`;
  printClaim(metric, ours && { ours: ours.curve, speed: ours.speed, peer }, 1);
}

const threadsOf = (of: Speed): string => (of === "speed" ? "" : ", two threads");

interface Fastest {
  readonly curve: Curve;
  readonly speed: number;
}

function fastest(all: readonly Curve[], recall: number, of: Speed): Fastest | undefined {
  return all
    .flatMap((curve) => {
      const speed = speedAt(curve, recall, of);
      return speed ? [{ curve, speed }] : [];
    })
    .sort((a, b) => b.speed - a.speed)[0];
}

function printClaim(
  metric: string,
  best: { readonly ours: Curve; readonly speed: number; readonly peer: Fastest | undefined } | undefined,
  atLeast: number,
): void {
  const figure = { metric, unit: "q/s", better: "more" } as const;
  if (!best)
    printFigure("graph", { ...figure, ours: 0, least: 1, note: "none of ours reaches it within the bytes" });
  else if (!best.peer)
    printFigure("graph", {
      ...figure,
      ours: best.speed,
      note: `${best.ours.name}; no peer reaches it within the bytes`,
    });
  else {
    const { ours, speed, peer } = best;
    const sizes = `${(ours.bytes / MB).toFixed(1)} MB against ${(peer.curve.bytes / MB).toFixed(1)}`;
    printFigure("graph", {
      ...figure,
      system: peer.curve.name,
      ours: speed,
      baseline: peer.speed,
      atLeast,
      note: `${ours.name}, ${sizes}; processes grew by ${(ours.rss / MB).toFixed(1)} and ${(peer.curve.rss / MB).toFixed(1)}`,
    });
  }
}

function plot(set: SetName, all: readonly Curve[]): void {
  const least = LARGE.includes(set) ? LARGE_LEAST : LEAST;
  const drawn = all.map(({ name, bytes, points }) => ({
    label: `${name}, ${(bytes / MB).toFixed(0)} MB`,
    points: points.map(({ recall, speed }) => ({ x: speed, y: recall })),
  }));
  const results = join(repository, "bench/results");
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, `graph-${set}.json`), JSON.stringify(all, undefined, 1));
  const svg = curves(`${set}: one thread`, "queries a second", "recall@10", least, drawn);
  const folder = switches.scale === 1 ? join(repository, "docs/images") : results;
  writeFileSync(join(folder, `graph-${set}.svg`), svg);
}

async function main(): Promise<void> {
  const wanted = SETS.filter((set) => (switches.only ? switches.only === set : !LARGE.includes(set)));
  for (const name of wanted) {
    const folder = await makeSet(name, dataFolder(), switches.scale, import.meta.url);
    const { rows, dim, metric, queries } = factsOf(folder);
    console.log(`# ${name}: ${rows} x ${dim}, ${metric}, ${queries} queries`);
    if (switches.settings.buildOnly === true) {
      await buildAll(folder);
      continue;
    }
    const all = await measure(folder, !LARGE.includes(name));
    report(name, all);
    plot(name, all);
  }
}

const [flag, first, system, threads] = process.argv.slice(2);
if (flag === "--make") void makePart(JSON.parse(first!) as Part).then((rows) => process.send!(rows));
else if (flag === "--build") void build(first!, system as NodeSystem, Number(threads));
else if (flag === "--serve") void serve(first!, system as NodeSystem);
else void main();
