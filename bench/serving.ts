/**
 * Does Mneme serve while it works? Single durable adds, the disk after forgetting half, searches beside indexing, and how long the event
 * loop is held at a time while a folder is indexed or documents are uploaded. Each part runs in a process of its own; a client in another
 * one asks over HTTP. Switch: --only adds, indexing or uploads.
 */
import { fork, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Memory } from "../src/memory/types.ts";
import type { MnemeServer } from "../src/server/index.ts";
import { type Doc, readCorpus } from "./library-data.ts";
import { openMneme } from "./library-systems.ts";
import { joinedSlices, LoopWatch, NOTICED_MS, type Slices, waitedForCore } from "./loop-watch.ts";
import { dataFolder, type Figure, printFigure, quantile, repository, switches } from "./row.ts";
import { htmlOf, judgedQueries, noteOf, pdfOf, writeMarkdown } from "./serving-data.ts";

const NOTES = 5_000;
const MB = 1e6;
const UPLOAD_BYTES = 5 * MB;
/** The corpus comes in so many parts: the first is there before, and searches go on while each of the others comes. */
const PARTS = 3;
/** Times that indexing is measured: some 300 searches fit beside it, of which p99 is the third slowest. */
const ROUNDS = 5;
/** Searches of each idle measurement, before, between and after the parts. */
const IDLE_SEARCHES = 400;
/** Pause between two searches: a reader looks at what was found. */
const PAUSE_MS = 10;
/** Pause of the HTTP client between two requests. */
const CLIENT_PAUSE_MS = 100;

const print = (figure: Figure): void => printFigure("serving", figure);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function inTemporary(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mneme-bench-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function diskBytes(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + diskBytes(join(path, name)), 0);
}

/** @returns milliseconds of each add, awaited one after the other */
async function addEach(memory: Memory, notes: readonly Doc[]): Promise<number[]> {
  const times: number[] = [];
  for (const note of notes) {
    const before = performance.now();
    await memory.add(note);
    times.push(performance.now() - before);
  }
  return times;
}

async function adds(): Promise<void> {
  const notes = readCorpus(dataFolder()).slice(0, NOTES).map(noteOf);
  await inTemporary(async (folder) => {
    const [worn, fresh] = [join(folder, "worn"), join(folder, "fresh")];
    const memory = await openMneme(worn, "write");
    const times = await addEach(memory, notes);
    const note = `${times.length} durable adds of one item, one after the other`;
    print({ metric: "add p50", unit: "ms", ours: quantile(times, 0.5), better: "less", atMost: 10, note });
    print({ metric: "add p99", unit: "ms", ours: quantile(times, 0.99), better: "less" });
    const survivors = notes.filter((_, i) => i % 2 === 0);
    await memory.forget({ ids: notes.filter((_, i) => i % 2 === 1).map(({ id }) => id) });
    await memory.compact();
    await memory.close();
    const again = await openMneme(fresh, "write");
    await addEach(again, survivors);
    await again.compact();
    await again.close();
    print({
      metric: "disk after forgetting half / live",
      unit: "times",
      ours: diskBytes(worn) / diskBytes(fresh),
      better: "less",
      atMost: 1.3,
      note: `${(diskBytes(worn) / MB).toFixed(2)} MB; live: a new library of the survivors, added and compacted the same way`,
    });
  });
}

interface Serving {
  readonly memory: Memory;
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

async function serve(path: string): Promise<Serving> {
  const memory = await openMneme(path, "write");
  const { createServer } = (await import(
    join(repository, "dist/server/index.js")
  )) as typeof import("../src/server/index.ts");
  const server: MnemeServer = createServer(memory);
  const { url } = await server.listen({ port: 0 });
  const close = async (): Promise<void> => {
    await server.close();
    await memory.close();
  };
  return { memory, url, [Symbol.asyncDispose]: close };
}

interface Client {
  /** Has the client send a document. @returns what the server answered */
  upload(name: keyof typeof UPLOADS): Promise<{ readonly added: number; readonly passages: number }>;
  end(): Promise<void>;
}

const UPLOADS = { "book.html": htmlOf, "book.pdf": pdfOf } as const;

/** The process behind `startClient`: searches over HTTP, and uploads what it is told to. */
async function client(url: string): Promise<void> {
  const queries = judgedQueries(dataFolder());
  process.on("message", (name: keyof typeof UPLOADS) => {
    const bytes = UPLOADS[name](readCorpus(dataFolder()), UPLOAD_BYTES);
    const form = new FormData();
    form.append("file", new Blob([bytes]), name);
    void post(`${url}/v1/upload`, { body: form }).then((answer) => process.send!(answer));
  });
  const headers = { "content-type": "application/json" };
  for (let i = 0; process.connected; i++) {
    await post(`${url}/v1/search`, { headers, body: JSON.stringify({ query: queries[i % queries.length] }) });
    await pause(CLIENT_PAUSE_MS);
  }
}

async function post(url: string, init: RequestInit): Promise<unknown> {
  const send = (): Promise<Response> => fetch(url, { method: "POST", ...init });
  const answer = await send().catch(send); // a kept connection may end the moment it is used again
  if (!answer.ok) throw new Error(`bench: ${url} answered ${answer.status} ${await answer.text()}`);
  return answer.json();
}

function startClient(url: string): Client {
  const child = fork(process.argv[1]!, { env: { ...process.env, MNEME_BENCH_CLIENT: url } });
  return {
    upload: (name) =>
      new Promise((resolve) => {
        child.once("message", (answer) => resolve(answer as { added: number; passages: number }));
        child.send(name);
      }),
    end: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.disconnect();
      await ended;
    },
  };
}

/** What one search took. */
interface Took {
  readonly ms: number;
  /** Of it waits for a core, which other processes have a share in. */
  readonly waited: number;
}

/** Searches one after the other, each with another query than the one before. */
class Reader {
  readonly #memory: Memory;
  readonly #queries: readonly string[];
  #asked = 0;

  constructor(memory: Memory, queries: readonly string[]) {
    this.#memory = memory;
    this.#queries = queries;
  }

  /** @returns what each search took until `enough` */
  async searchUntil(enough: (done: number) => boolean): Promise<Took[]> {
    const searches: Took[] = [];
    while (!enough(searches.length)) {
      const query = this.#queries[this.#asked++ % this.#queries.length]!;
      const [before, waited] = [performance.now(), waitedForCore()];
      await this.#memory.search(query);
      searches.push({ ms: performance.now() - before, waited: waitedForCore() - waited });
      await pause(PAUSE_MS);
    }
    return searches;
  }

  idly(): Promise<Took[]> {
    return this.searchUntil((done) => done === IDLE_SEARCHES);
  }

  /** Until `work` is done. */
  async beside(work: Promise<void>): Promise<Took[]> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    const searches = await this.searchUntil(() => isDone);
    await done;
    return searches;
  }
}

interface Round {
  readonly idle: readonly Took[];
  readonly during: readonly Took[];
  readonly slices: Slices;
}

/** A part of the corpus is there; the others come while searches go on, which are idle before, between and behind them. */
async function indexingRound(folder: string, parts: readonly string[]): Promise<Round> {
  await using serving = await serve(join(folder, "library"));
  const { memory, url } = serving;
  const take = async (part: string): Promise<void> => {
    await memory.index(part);
    await memory.idle();
  };
  await take(parts[0]!);
  const http = startClient(url);
  const reader = new Reader(memory, judgedQueries(dataFolder()));
  await reader.idly(); // warms what is cached up to what the budget lets it hold
  const idle = await reader.idly();
  const during: Took[] = [];
  const watches: Slices[] = [];
  for (const part of parts.slice(1)) {
    const watch = new LoopWatch();
    during.push(...(await reader.beside(take(part))));
    watches.push(watch.stop());
    idle.push(...(await reader.idly()));
  }
  await http.end();
  return { idle, during, slices: joinedSlices(watches) };
}

/** Rounds, each with a library of its own. */
async function indexing(): Promise<void> {
  const documents = readCorpus(dataFolder());
  await inTemporary(async (folder) => {
    const parts = Array.from({ length: PARTS }, (_, i) => {
      const [from, to] = [i, i + 1].map((part) => Math.floor((part * documents.length) / PARTS));
      writeMarkdown(join(folder, `part-${i}`), documents.slice(from, to));
      return join(folder, `part-${i}`);
    });
    const rounds: Round[] = [];
    for (let i = 0; i < ROUNDS; i++)
      await inTemporary(async (own) => void rounds.push(await indexingRound(own, parts)));
    reportSearches(rounds);
    const what = `${PARTS - 1} parts of ${PARTS} of the corpus in each of ${ROUNDS} rounds, searched over HTTP and directly meanwhile`;
    reportSlices("indexing", joinedSlices(rounds.map(({ slices }) => slices)), what);
  });
}

/** Medians of the rounds. */
function reportSearches(rounds: readonly Round[]): void {
  const phases = [
    ["idle", ({ idle }: Round) => idle],
    ["while indexing", ({ during }: Round) => during],
  ] as const;
  for (const share of [0.5, 0.99])
    for (const [when, searches] of phases)
      print({
        metric: `search p${share * 100}, ${when}`,
        unit: "ms",
        ours: quantile(
          rounds.map((round) =>
            quantile(
              searches(round).map(({ ms }) => ms),
              share,
            ),
          ),
          0.5,
        ),
        better: "less",
        note: `searches: ${rounds.map((round) => searches(round).length).join(", ")}`,
      });
  reportSlowest("search p99, while indexing / idle", rounds, ({ ms }) => ms);
  reportSlowest(
    "of it without waits for a core, while indexing / idle",
    rounds,
    (one) => one.ms - one.waited,
  );
}

function reportSlowest(metric: string, rounds: readonly Round[], time: (one: Took) => number): void {
  const ratios = rounds.map(
    ({ idle, during }) => quantile(during.map(time), 0.99) / quantile(idle.map(time), 0.99),
  );
  const note = `rounds: ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}`;
  print({ metric, unit: "times", ours: quantile(ratios, 0.5), better: "less", atMost: 2, note });
}

function reportSlices(when: string, { longest, longestWork, noticed, others }: Slices, what: string): void {
  const note = `${what}; other processes used ${others.toFixed(2)} cores`;
  print({
    metric: `longest slice, ${when}`,
    unit: "ms",
    ours: longest,
    better: "less",
    atMost: NOTICED_MS,
    note,
  });
  print({
    metric: `of it without waits for a core, ${when}`,
    unit: "ms",
    ours: longestWork,
    better: "less",
    atMost: NOTICED_MS,
  });
  print({
    metric: `slices over ${NOTICED_MS} ms, ${when}`,
    unit: "",
    ours: noticed,
    better: "less",
    atMost: 0,
  });
}

async function uploads(): Promise<void> {
  await inTemporary(async (folder) => {
    await using serving = await serve(join(folder, "library"));
    const { memory, url } = serving;
    await memory.add(readCorpus(dataFolder()).slice(0, 500));
    await memory.idle();
    const http = startClient(url);
    await pause(1000);
    for (const name of Object.keys(UPLOADS) as (keyof typeof UPLOADS)[]) {
      const watch = new LoopWatch();
      const started = performance.now();
      const { added, passages } = await http.upload(name);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const slices = watch.stop();
      if (added !== 1) throw new Error(`bench: uploading ${name} added ${added} items`);
      reportSlices(
        `uploading ${name}`,
        slices,
        `${UPLOAD_BYTES / MB} MB, ${passages} passages in ${seconds} s`,
      );
    }
    await http.end();
  });
}

const parts: Readonly<Record<string, () => Promise<void>>> = { adds, indexing, uploads };

async function main(): Promise<void> {
  if (process.env.MNEME_BENCH_CLIENT) return client(process.env.MNEME_BENCH_CLIENT);
  if (switches.only) return parts[switches.only]!();
  for (const part of Object.keys(parts)) {
    const { status } = spawnSync(
      process.execPath,
      [process.argv[1]!, ...process.argv.slice(2), "--only", part],
      { stdio: "inherit" },
    );
    if (status !== 0) throw new Error(`bench: the part ${part} failed`);
  }
}

void main();
