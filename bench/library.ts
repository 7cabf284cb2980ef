/**
 * Is Mneme faster and smaller than the libraries that people use today? One corpus, the same passages and vectors for Mneme, Orama and
 * LanceDB, each in processes of its own: one that builds, a fresh one that opens what lies on disk and searches. Peers are given the
 * passages and the vectors of the queries for nothing; the time to embed the passages is added to theirs, as Mneme's includes its own.
 * Switches: --scale N for N - 1 edited copies beside the corpus, --only NAME for one system, or those that begin so, "NAME;NAME" for several:
 * what is built and measured is kept in the temporary folder, and so is a run that breaks off. The next run goes on from there; one without
 * --only deletes it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countCollections } from "./collections.ts";
import { type Prepared, prepare, QUERIES, readFloats, WARM_UP } from "./library-data.ts";
import { DIM, K, systems } from "./library-systems.ts";
import { dataFolder, keptFolder, printFigure, quantile, repository, switches } from "./row.ts";

/** A system that needs longer is stopped: the first queries must do. */
const WARM_UP_MS = 60_000;
const QUERIES_MS = 40_000;
/** What a process that just opened its library asks first. */
const FIRST_QUERIES = 600;
const ROUNDS = 5;
const MB = 1e6;

/** What is claimed: how many times better than a peer, by metric. */
const CLAIMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  indexing: { orama: 3, lancedb: 1 },
  "search p50": { orama: 3, lancedb: 3 },
  "search p99": { orama: 3, lancedb: 3 },
  "resident while searching": { orama: 4 },
};

interface Task {
  readonly name: string;
  readonly step: "build" | "search";
  readonly work: string;
}

interface Built {
  readonly seconds: number;
  readonly peak: number;
}

interface Searched {
  readonly p50: number;
  readonly p99: number;
  readonly coldP99: number;
  readonly rss: number;
  readonly anonymous: number;
  readonly opened: number;
  readonly queries: number;
  /** Collections while the queries ran, a thousand of them. */
  readonly small: number;
  readonly whole: number;
}

type Figures = Built & Searched & { readonly disk: number; readonly rounds: number };

async function child({ name, step, work }: Task): Promise<void> {
  const system = systems[name]!;
  const result = step === "build" ? await built(() => system.build(work)) : await searched(name, work);
  writeFileSync(join(work, "result.json"), JSON.stringify(result));
  process.exit(0);
}

async function built(build: () => Promise<number>): Promise<Built> {
  const seconds = await build();
  return { seconds, peak: process.resourceUsage().maxRSS * 1024 };
}

async function searched(name: string, work: string): Promise<Searched> {
  const queries = JSON.parse(readFileSync(join(work, "queries.json"), "utf8")) as string[];
  const vectors = readFloats(join(work, "queries.f32"));
  const started = performance.now();
  const search = await systems[name]!.open(work);
  const opened = (performance.now() - started) / 1000;
  const vectorOf = (i: number): Float32Array => vectors.slice(i * DIM, (i + 1) * DIM);
  const warming = performance.now();
  const first = queries.length - WARM_UP;
  const cold: number[] = [];
  for (let i = first; i < queries.length && performance.now() - warming < WARM_UP_MS; i++) {
    const vector = vectorOf(i);
    const before = performance.now();
    await search(queries[i]!, vector);
    if (cold.length < FIRST_QUERIES) cold.push(performance.now() - before);
  }
  const times: number[] = [];
  const collections = countCollections();
  let found = 0;
  const searching = performance.now();
  for (let i = 0; i < first && performance.now() - searching < QUERIES_MS; i++) {
    const vector = vectorOf(i);
    const before = performance.now();
    found += (await search(queries[i]!, vector)).length;
    times.push(performance.now() - before);
  }
  const { small, whole } = await collections();
  if (found < times.length * K * 0.5)
    throw new Error(`bench: ${name} found ${found} hits for ${times.length} queries`);
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    queries: times.length,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    coldP99: quantile(cold, 0.99),
    rss: process.memoryUsage.rss(),
    anonymous: anonymousBytes(),
    opened,
    small: (1000 * small) / times.length,
    whole: (1000 * whole) / times.length,
  };
}

/** Resident bytes that are no file's pages; 0 where the system does not tell. */
function anonymousBytes(): number {
  try {
    const [, kilobytes] = /RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function diskBytes(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + diskBytes(join(path, name)), 0);
}

function runChild<T>(task: Task): T {
  const { status } = spawnSync(
    process.execPath,
    // Orama passes all results of a search as the arguments of one call
    ["--expose-gc", "--max-old-space-size=12000", "--stack-size=7000", process.argv[1]!],
    {
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        LANCEDB_LOG: "error",
        RUST_LOG: "error",
        MNEME_BENCH_TASK: JSON.stringify(task),
      },
    },
  );
  if (status !== 0) throw new Error(`bench: ${task.name} failed to ${task.step}`);
  return JSON.parse(readFileSync(join(task.work, "result.json"), "utf8")) as T;
}

/** What an earlier run wrote under a name, else what `make` makes, written there. */
async function kept<T>(work: string, name: string, make: () => T | Promise<T>): Promise<T> {
  const path = join(work, `${name}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as T;
  const made = await make();
  writeFileSync(path, JSON.stringify(made));
  return made;
}

/** Another build of Mneme is measured anew; peers and passages stay. */
function forgetOtherBuilds(work: string): void {
  const build = String(statSync(join(repository, "dist/index.js")).mtimeMs);
  const path = join(work, "build.txt");
  if (existsSync(path) && readFileSync(path, "utf8") !== build)
    for (const file of readdirSync(work))
      if (/^(mneme|add\.|index\.)/.test(file)) rmSync(join(work, file), { recursive: true });
  writeFileSync(path, build);
}

/** Builds what is not built yet. Systems that search in what another one built share it. */
async function buildAll(names: readonly string[], work: string): Promise<Map<string, Built>> {
  const built = new Map<string, Built>();
  for (const name of names) {
    const { place } = systems[name]!;
    const made = await kept(work, `${name.split(" ")[0]} built ${place}`, () => {
      rmSync(join(work, place), { recursive: true, force: true });
      return runChild<Built>({ name, step: "build", work });
    });
    built.set(name, made);
    console.log(`# ${name}: built in ${made.seconds.toFixed(1)} s`);
  }
  return built;
}

/** Rounds of all systems, one after the other, so that a slow spell of the machine meets all; one that leaves queries has but one. */
async function searchAll(names: readonly string[], work: string): Promise<Map<string, Searched[]>> {
  const rounds = new Map<string, Searched[]>(names.map((name) => [name, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const name of names) {
      const known = rounds.get(name)!;
      if (known.some(({ queries }) => queries < QUERIES)) continue;
      const one = await kept(work, `${name} round ${round}`, () =>
        runChild<Searched>({ name, step: "search", work }),
      );
      known.push(one);
      const [p50, p99] = [one.p50.toFixed(2), one.p99.toFixed(2)];
      console.log(`# round ${round} of ${ROUNDS}, ${name}: p50 ${p50} ms, p99 ${p99} ms`);
    }
  }
  return rounds;
}

/** The median of each figure. */
function medians(rounds: readonly Searched[]): Searched {
  const of = (pick: (one: Searched) => number): number => quantile(rounds.map(pick), 0.5);
  return {
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    coldP99: of(({ coldP99 }) => coldP99),
    rss: of(({ rss }) => rss),
    anonymous: of(({ anonymous }) => anonymous),
    opened: of(({ opened }) => opened),
    queries: of(({ queries }) => queries),
    small: of(({ small }) => small),
    whole: of(({ whole }) => whole),
  };
}

function report(all: ReadonlyMap<string, Figures>, prepared: Prepared): void {
  const isOurs = (name: string): boolean => name.startsWith("mneme");
  const megabytes = prepared.bytes / MB;
  const speed = (name: string, { seconds }: Figures): number =>
    megabytes / (seconds + (isOurs(name) ? 0 : prepared.embedSeconds));
  const metrics: [string, string, "more" | "less", (name: string, figures: Figures) => number][] = [
    ["indexing", "MB/s", "more", speed],
    ["search p50", "ms", "less", (_, { p50 }) => p50],
    ["search p99", "ms", "less", (_, { p99 }) => p99],
    [`p99 of the first ${FIRST_QUERIES}`, "ms", "less", (_, { coldP99 }) => coldP99],
    ["small collections", "in 1000", "less", (_, { small }) => small],
    ["collections of the whole heap", "in 1000", "less", (_, { whole }) => whole],
    ["resident while searching", "MB", "less", (_, { rss }) => rss / MB],
    ["of it anonymous", "MB", "less", (_, { anonymous }) => anonymous / MB],
    ["peak while indexing", "MB", "less", (_, { peak }) => peak / MB],
    ["on disk", "MB", "less", (_, { disk }) => disk / MB],
    ["opening", "s", "less", (_, { opened }) => opened],
  ];
  for (const [metric, unit, better, of] of metrics) {
    for (const [name, figures] of all) {
      const ours = of(name, figures);
      const note = noteOn(metric, figures);
      const bound = isOurs(name) && metric === "on disk" ? { atMost: megabytes } : {};
      const figure = {
        metric: `${name}: ${metric}`,
        unit,
        ours,
        better,
        ...(note ? { note } : {}),
        ...bound,
      };
      const peers = isOurs(name) ? [...all].filter(([other]) => !isOurs(other)) : [];
      if (peers.length === 0) printFigure("library", figure);
      for (const [peer, theirs] of peers) {
        const atLeast = CLAIMS[metric]?.[peer];
        const claim = atLeast === undefined ? {} : { atLeast };
        printFigure("library", { ...figure, system: peer, baseline: of(peer, theirs), ...claim });
      }
    }
  }
}

function noteOn(metric: string, { seconds, queries, rounds }: Figures): string | undefined {
  if (metric === "indexing") return `index alone ${seconds.toFixed(1)} s`;
  return metric.startsWith("search") ? `${queries} queries, median of ${rounds}` : undefined;
}

function isAsked(name: string): boolean {
  const { only } = switches;
  return !only || only.split(";").some((one) => (one in systems ? name === one : name.startsWith(one)));
}

async function main(): Promise<void> {
  if (process.env.MNEME_BENCH_TASK) return child(JSON.parse(process.env.MNEME_BENCH_TASK) as Task);
  const work = keptFolder(`mneme-bench-library-${switches.scale}`);
  mkdirSync(work, { recursive: true });
  forgetOtherBuilds(work);
  const prepared = await kept(work, "prepared", () => prepare(dataFolder(), work, switches.scale));
  const row = {
    metric: "embedding the passages, one thread",
    unit: "s",
    ours: prepared.embedSeconds,
    better: "less",
  } as const;
  const note = `${prepared.documents} documents, ${prepared.passages} passages, ${(prepared.bytes / MB).toFixed(1)} MB`;
  printFigure("library", { ...row, note });
  const all = new Map<string, Figures>();
  const names = Object.keys(systems).filter(isAsked);
  const built = await buildAll(names, work);
  for (const [name, rounds] of await searchAll(names, work))
    all.set(name, {
      ...built.get(name)!,
      ...medians(rounds),
      rounds: rounds.length,
      disk: diskBytes(join(work, systems[name]!.place)),
    });
  report(all, prepared);
  if (switches.only) console.log(`# kept in ${work}; a run without --only goes on from there and deletes it`);
  else rmSync(work, { recursive: true, force: true });
}

void main();
