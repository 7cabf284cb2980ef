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
import { LoopWatch, NOTICED_MS, type Slices } from "./loop-watch.ts";
import { dataFolder, type Figure, printFigure, quantile, repository, switches } from "./row.ts";
import { htmlOf, judgedQueries, noteOf, pdfOf, writeMarkdown } from "./serving-data.ts";

const NOTES = 5_000;
const MB = 1e6;
const UPLOAD_BYTES = 5 * MB;
/** Searches of each idle measurement, and the pause between two: a reader looks at what was found. */
const IDLE_SEARCHES = 500;
const PAUSE_MS = 20;
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

/** Milliseconds of searches, each with another query, until `enough`. */
async function searchUntil(
  memory: Memory,
  queries: readonly string[],
  enough: (done: number) => boolean,
): Promise<number[]> {
  const times: number[] = [];
  while (!enough(times.length)) {
    const before = performance.now();
    await memory.search(queries[times.length % queries.length]!);
    times.push(performance.now() - before);
    await pause(PAUSE_MS);
  }
  return times;
}

/** Half of the corpus is there; the other half comes while searches go on. Idle is measured on both sides of it. */
async function indexing(): Promise<void> {
  const data = dataFolder();
  const documents = readCorpus(data);
  const queries = judgedQueries(data);
  await inTemporary(async (folder) => {
    const half = Math.floor(documents.length / 2);
    writeMarkdown(join(folder, "first"), documents.slice(0, half));
    writeMarkdown(join(folder, "second"), documents.slice(half));
    await using serving = await serve(join(folder, "library"));
    const { memory, url } = serving;
    await memory.index(join(folder, "first"));
    await memory.idle();
    const http = startClient(url);
    const idleSearches = (): Promise<number[]> =>
      searchUntil(memory, queries, (done) => done === IDLE_SEARCHES);
    await idleSearches(); // warms what is cached up to what the budget lets it hold
    const idle = await idleSearches();
    const watch = new LoopWatch();
    const started = performance.now();
    let seconds = 0;
    const work = memory.index(join(folder, "second")).then(async () => {
      await memory.idle();
      seconds = (performance.now() - started) / 1000;
    });
    const during = await searchUntil(memory, [...queries].reverse(), () => seconds > 0);
    await work;
    const slices = watch.stop();
    idle.push(...(await idleSearches()));
    await http.end();
    reportSearches(idle, during);
    reportSlices(
      "indexing",
      slices,
      `32 MB in ${seconds.toFixed(1)} s, searched over HTTP and directly meanwhile`,
    );
  });
}

function reportSearches(idle: readonly number[], during: readonly number[]): void {
  for (const [name, share] of [
    ["p50", 0.5],
    ["p99", 0.99],
  ] as const) {
    const [rest, busy] = [quantile(idle, share), quantile(during, share)];
    print({
      metric: `search ${name}, idle`,
      unit: "ms",
      ours: rest,
      better: "less",
      note: `${idle.length} searches`,
    });
    print({
      metric: `search ${name}, while indexing`,
      unit: "ms",
      ours: busy,
      better: "less",
      note: `${during.length} searches`,
    });
  }
  const ratio = quantile(during, 0.99) / quantile(idle, 0.99);
  print({
    metric: "search p99, while indexing / idle",
    unit: "times",
    ours: ratio,
    better: "less",
    atMost: 2,
  });
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
