/**
 * Every substring of a corpus from an FM-index: bytes against the text, construction and its peak memory against SDSL's fastest, count and
 * locate, resident memory, and equality with a scan. Each part in a process of its own. --scale 15 for 1 GB of copies with edits, there
 * part by part: --only sdsl, build, small, query or verify, with $FM_BENCH the folder that keeps the text, the index and SDSL's figures from
 * one to the next ($SDSL is a prefix of that library other than /usr).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FmIndex } from "../src/index/text/fm-index/fm-index.ts";
import { Random } from "../src/linalg/random.ts";
import { documentsIn, END, prepare } from "./fm-index-data.ts";
import { compileSdsl, runSdsl, type SdslFigures } from "./fm-index-sdsl.ts";
import { peakBytes } from "./peak.ts";
import { printFigure, quantile, switches } from "./row.ts";

const BENCH = "fm-index";
const MIB = 2 ** 20;
const PART = process.env.FM_BENCH_PART;
const CHECKED = 100;
const LOCATED = 500_000;

interface Built {
  readonly cpu: number;
  readonly wall: number;
  readonly peak: number;
  readonly indexBytes: number;
  readonly textBytes: number;
  readonly shards: number;
}

const seconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1e6;

async function measured(work: () => Promise<FmIndex>): Promise<Built> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await using index = await work();
  return {
    cpu: seconds(process.cpuUsage(before)),
    wall: (performance.now() - started) / 1000,
    peak: peakBytes(),
    indexBytes: index.indexBytes,
    textBytes: index.textBytes,
    shards: index.shardCount,
  };
}

/** Bytes of a block, which is sorted in memory beside the shard that it is merged into: few, for the memory that SDSL's peak leaves us. */
const blockBytes = (textBytes: number): number =>
  (textBytes > 512 * MIB ? 42 : Math.max(1, Math.floor(textBytes / MIB / 64))) * MIB;
/** Bytes of the small shards whose merging is measured. */
const smallBytes = (textBytes: number): number =>
  Math.min(16, Math.max(3, Math.floor(textBytes / MIB / 20))) * MIB;
/** Bytes of a shard: copies are found only within one, and the memory to merge a large one is there where SDSL takes 5 bytes a byte. */
const shardBytes = (textBytes: number): number =>
  textBytes > 512 * MIB ? 460 * MIB : Math.min(128, Math.max(12, Math.floor(textBytes / MIB / 5))) * MIB;
/** Copies leave room for more samples than text without repetition does, which has the default. */
const sampling = switches.scale > 1 ? { sampleRate: 21 } : {};

const parts: Record<string, (folder: string) => Promise<unknown>> = {
  build(folder) {
    const text = join(folder, "text.bin");
    const { size } = statSync(text);
    const options = {
      folder: join(folder, "index"),
      blockBytes: blockBytes(size),
      shardBytes: shardBytes(size),
      ...sampling,
    };
    return measured(() => FmIndex.build(documentsIn(text), options));
  },
  small(folder) {
    const text = join(folder, "text.bin");
    const bytes = smallBytes(statSync(text).size);
    const options = { folder: join(folder, "small"), blockBytes: bytes, shardBytes: bytes, ...sampling };
    return measured(() => FmIndex.build(documentsIn(text), options));
  },
  merge(folder) {
    return measured(async () => {
      const index = await FmIndex.open(join(folder, "small"));
      await index.merge({ shardBytes: shardBytes(index.textBytes) });
      return index;
    });
  },
  query,
  verify,
};

async function query(folder: string): Promise<unknown> {
  const bare = process.memoryUsage.rss();
  await using index = await FmIndex.open(join(folder, "index"));
  const phrases = readFileSync(join(folder, "phrases.txt"), "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const ms: number[] = [];
  let found = 0;
  for (const phrase of [...phrases, ...phrases]) {
    const started = performance.now();
    found += await index.count(phrase);
    ms.push(performance.now() - started);
  }
  const words = [...new Set(phrases.flatMap((phrase) => phrase.split(" ")))].filter(
    (word) => word.length > 3,
  );
  let [located, locateSeconds, locateCpu] = [0, 0, 0];
  for (const word of words) {
    const count = await index.count(word);
    if (count < 200 || count > 20_000) continue;
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    located += (await index.locate(word)).documents.length;
    locateSeconds += (performance.now() - started) / 1000;
    locateCpu += seconds(process.cpuUsage(cpu));
    if (located > LOCATED) break;
  }
  return {
    found: found / 2,
    ms: ms.slice(phrases.length),
    located,
    locateSeconds,
    locateCpu,
    bare,
    resident: process.memoryUsage.rss(),
    held: index.memoryBytes,
  };
}

/** Substrings of every length, across borders of documents, absent ones, with bytes that do not occur; against a scan of the text. */
async function verify(folder: string): Promise<unknown> {
  await using index = await FmIndex.open(join(folder, "index"));
  const text = readFileSync(join(folder, "text.bin"));
  const starts = [0];
  for (let at = text.indexOf(END); at >= 0; at = text.indexOf(END, at + 1)) starts.push(at + 1);
  const source = new Random(75);
  const random = (): number => source.uniform();
  let [equal, occurrences, crossing] = [0, 0, 0];
  for (let i = 0; i < CHECKED; i++) {
    const at =
      i % 10 === 0
        ? starts[1 + Math.floor(random() * (starts.length - 2))]! - 4
        : Math.floor(random() * text.length);
    const cut = text.subarray(at, at + 2 + Math.floor(random() ** 3 * 200));
    const pattern = Buffer.from(cut.filter((byte) => byte !== END));
    if (pattern.length < cut.length) crossing++;
    if (i % 10 === 5) pattern[pattern.length >> 1] = Math.floor(random() * 256);
    const places: number[] = [];
    for (let hit = text.indexOf(pattern); hit >= 0; hit = text.indexOf(pattern, hit + 1)) places.push(hit);
    const same = pattern.includes(END)
      ? (await index.count(pattern)) === 0
      : await sameAs(index, pattern, places, starts);
    if (same) equal++;
    occurrences += places.length;
  }
  let whole = 0;
  for (let i = 0; i < CHECKED; i++) {
    const document = Math.floor(random() * (starts.length - 1));
    const bytes = await index.extract(document);
    if (Buffer.from(bytes).equals(text.subarray(starts[document], starts[document + 1]! - 1))) whole++;
  }
  return { equal, occurrences, crossing, whole };
}

async function sameAs(
  index: FmIndex,
  pattern: Buffer,
  places: readonly number[],
  starts: readonly number[],
): Promise<boolean> {
  if ((await index.count(pattern)) !== places.length) return false;
  if (places.length > 200_000) return true;
  const { documents, offsets } = await index.locate(pattern);
  return places.every((place, i) => starts[documents[i]!]! + offsets[i]! === place);
}

/** Runs a part in a process of its own. */
function run<T>(part: string, folder: string): T {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [process.argv[1]!, ...process.argv.slice(2)],
    {
      env: { ...process.env, FM_BENCH_PART: part, FM_BENCH: folder },
      encoding: "utf8",
      maxBuffer: 1 << 28,
    },
  );
  if (status !== 0) throw new Error(`bench: ${part} failed: ${stderr}`);
  return JSON.parse(stdout.slice(stdout.lastIndexOf("\n{") + 1)) as T;
}

/** Size, speed and memory of building, beside the faster and the smaller of SDSL's. */
function buildRows(folder: string, sdsl: readonly SdslFigures[], megabytes: number): void {
  const built = run<Built>("build", folder);
  share("index", built);
  speed("construction", built.cpu, built, sdsl, megabytes);
  peak("construction, peak memory", [built], sdsl);
}

/** The same of small shards, and of merging them. */
function smallRows(folder: string, sdsl: readonly SdslFigures[], megabytes: number): void {
  const small = run<Built>("small", folder);
  share("index, small shards", small);
  speed("construction of small shards", small.cpu, small, sdsl, megabytes);
  const merged = run<Built>("merge", folder);
  share("index, merged", merged);
  printFigure(BENCH, {
    ...{ metric: "merging, a second of CPU", unit: "MB/s", ours: megabytes / merged.cpu },
    ...{ better: "more", least: 8, note: `${small.shards} shards to ${merged.shards}` },
  });
  peak("small shards and merging, peak memory", [small, merged], sdsl);
}

function peak(metric: string, parts: readonly Built[], sdsl: readonly SdslFigures[]): void {
  const peaks = parts.map((part) => part.peak);
  printFigure(BENCH, {
    ...(sdsl.length > 0 ? { system: "SDSL", baseline: Math.min(...sdsl.map((one) => one.peak)) / 1e6 } : {}),
    ...{ metric, unit: "MB", better: "less", atLeast: 3.2 },
    ours: Math.max(...peaks) / 1e6,
    note: `${peaks.map((bytes) => (bytes / 1e6).toFixed(0)).join(", ")} MB`,
  });
}

/** SDSL's figures, measured once for a folder: they take minutes where the text is large. */
function peersOf(folder: string): SdslFigures[] {
  const keptAt = join(folder, "sdsl.json");
  if (existsSync(keptAt)) return JSON.parse(readFileSync(keptAt, "utf8")) as SdslFigures[];
  const program = compileSdsl(folder);
  if (!program) return [];
  const peers = (["plain", "rrr"] as const).map((kind) =>
    runSdsl(program, join(folder, "text.bin"), kind, folder, join(folder, "phrases.txt")),
  );
  writeFileSync(keptAt, JSON.stringify(peers));
  return peers;
}

function speed(
  metric: string,
  cpu: number,
  { shards, wall }: Built,
  sdsl: readonly SdslFigures[],
  megabytes: number,
): void {
  const fastest = Math.min(...sdsl.map((figures) => figures.cpu));
  printFigure(BENCH, {
    ...(sdsl.length > 0 ? { system: "SDSL", baseline: megabytes / fastest } : {}),
    ...{ metric: `${metric}, a second of CPU`, unit: "MB/s", better: "more", atLeast: 1 },
    ours: megabytes / cpu,
    note: `${shards} shards, ${wall.toFixed(0)} s of wall`,
  });
}

function share(metric: string, { indexBytes, textBytes }: Built): void {
  const ours = indexBytes / textBytes;
  const claim = metric === "index, small shards" ? {} : { atMost: 0.44 };
  printFigure(BENCH, { metric, unit: "x text", ours, better: "less", ...claim });
}

interface Queried {
  readonly found: number;
  readonly ms: readonly number[];
  readonly located: number;
  readonly locateSeconds: number;
  readonly locateCpu: number;
  readonly bare: number;
  readonly resident: number;
  readonly held: number;
}

/** Processes that query, one after the other: told are the median of each speed, and the most memory. */
const ROUNDS = 5;

function queryRows(folder: string, sdsl: SdslFigures | undefined): void {
  const rounds = Array.from({ length: ROUNDS }, () => run<Queried>("query", folder));
  const { found, located, bare, held } = rounds[0]!;
  const median = (of: (round: Queried) => number): number => quantile(rounds.map(of), 0.5);
  const meanMs = ({ ms }: Queried): number => ms.reduce((sum, one) => sum + one, 0) / ms.length;
  const speeds = rounds.map(({ located, locateCpu }) => located / locateCpu);
  const [unit, better] = ["ms", "less"] as const;
  printFigure(BENCH, {
    metric: "count of ten words, median",
    unit,
    ours: median(({ ms }) => quantile(ms, 0.5)),
    better,
    atMost: 1,
    note: `${ROUNDS} rounds`,
  });
  printFigure(BENCH, {
    ...(sdsl ? { system: "SDSL rrr", baseline: (1000 * sdsl.countSeconds) / rounds[0]!.ms.length } : {}),
    ...{
      metric: "count of ten words, mean",
      unit,
      ours: median(meanMs),
      better,
    },
    note: sdsl ? `${found} found, SDSL ${sdsl.found}` : `${found} found`,
  });
  printFigure(BENCH, {
    ...(sdsl ? { system: "SDSL rrr", baseline: sdsl.located / sdsl.locateSeconds } : {}),
    ...{ metric: "located, a second of CPU", unit: "1/s", ours: quantile(speeds, 0.5), better: "more" },
    least: 100_000,
    note: `${located} occurrences; rounds ${Math.round(Math.min(...speeds))} to ${Math.round(Math.max(...speeds))}; ${Math.round(median((round) => located / round.locateSeconds))} a second of wall, as SDSL's`,
  });
  printFigure(BENCH, {
    metric: "resident while querying",
    unit: "MB",
    ours: Math.max(...rounds.map((round) => round.resident - round.bare)) / 1e6,
    better,
    atMost: 64,
    note: `above a bare process of ${(bare / 1e6).toFixed(0)} MB; ${(held / 1e6).toFixed(0)} MB held by the index`,
  });
}

function verifyRows(folder: string): void {
  const { equal, occurrences, crossing, whole } = run<{
    equal: number;
    occurrences: number;
    crossing: number;
    whole: number;
  }>("verify", folder);
  const note = `${occurrences} occurrences, ${crossing} patterns across documents`;
  printFigure(BENCH, {
    metric: "patterns equal to a scan",
    unit: "%",
    ours: (100 * equal) / CHECKED,
    better: "more",
    least: 100,
    note,
  });
  printFigure(BENCH, {
    metric: "documents extracted whole",
    unit: "%",
    ours: (100 * whole) / CHECKED,
    better: "more",
    least: 100,
  });
}

async function main(): Promise<void> {
  if (PART !== undefined) {
    console.log(`\n${JSON.stringify(await parts[PART]!(process.env.FM_BENCH!))}`);
    return;
  }
  const kept = process.env.FM_BENCH;
  const folder = kept ?? mkdtempSync(join(tmpdir(), "mneme-fm-bench-"));
  const wants = (part: string): boolean => switches.only === undefined || switches.only === part;
  try {
    mkdirSync(folder, { recursive: true });
    if (!existsSync(join(folder, "text.bin"))) prepare(folder, switches.scale);
    const text = join(folder, "text.bin");
    const megabytes = statSync(text).size / 1e6;
    console.log(`${megabytes.toFixed(1)} MB of text in ${folder}`);
    const peers = wants("verify") && switches.only !== undefined ? [] : peersOf(folder);
    for (const { wall, cpu, peak: bytes } of switches.only === "sdsl" ? peers : [])
      console.log(`SDSL: ${wall} s of wall, ${cpu} s of CPU, ${(bytes / 1e6).toFixed(0)} MB at most`);
    if (wants("build")) {
      rmSync(join(folder, "index"), { recursive: true, force: true });
      buildRows(folder, peers, megabytes);
    }
    if (wants("small")) {
      rmSync(join(folder, "small"), { recursive: true, force: true });
      smallRows(folder, peers, megabytes);
    }
    if (wants("query")) queryRows(folder, peers[1]);
    if (wants("verify")) verifyRows(folder);
  } finally {
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

void main();
