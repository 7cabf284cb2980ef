/** index: brings a folder into the library. Reads only what changed, in parallel; forgets files that are gone. */

import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { MnemeError, throwIfAborted } from "../../errors.ts";
import type { Meta } from "../../index/filter/where.ts";
import { type WalkedFile, walk } from "../ingest/walk.ts";
import { decodeJson, encodeJson, NS } from "../layout.ts";
import type { IndexOptions, IndexResult } from "../types.ts";
import { bundledDim, priorOf } from "./add.ts";
import { forgetIds } from "./forget.ts";
import { nothing, type Outcome } from "./outcome.ts";
import { addSegment } from "./segment-commit.ts";
import type { FileJob } from "./tasks.ts";
import type { Writer } from "./writer.ts";

export const indexDefaults = { maxFileBytes: 256_000_000, prune: true } as const;

/** Source bytes handed to a worker at once: a commit's worth, lost at most when the process is killed. */
const BATCH_BYTES = 16 << 20;
const BATCH_FILES = 4096;

const ROOTS_KEY = ["roots"] as const;

interface Run {
  readonly writer: Writer;
  readonly outcome: Outcome;
  readonly options: IndexOptions;
  readonly now: number;
  readonly totals: { files: number; bytes: number; doneFiles: number; doneBytes: number };
}

export async function indexFolder(writer: Writer, path: string, options: IndexOptions): Promise<IndexResult> {
  const started = performance.now();
  const root = resolve(path);
  const info = await stat(root).catch((cause: unknown) => {
    throw new MnemeError(
      "NOT_FOUND",
      `index: ${root} does not exist or cannot be read; name a folder or a file`,
      { cause },
    );
  });
  const name = await rootName(writer, root);
  const run: Run = {
    writer,
    outcome: nothing(),
    options,
    now: Date.now(),
    totals: { files: 0, bytes: 0, doneFiles: 0, doneBytes: 0 },
  };
  const { jobs, seen } = await scan(run, root, info.isFile(), name);
  await indexJobs(run, jobs);
  const removed = options.prune === false || info.isFile() ? 0 : await prune(writer, name, seen);
  return { ...run.outcome, removed, files: run.totals.files, ms: performance.now() - started };
}

/** The prefix of this folder's ids: its name, numbered when another folder has it already. */
async function rootName(writer: Writer, root: string): Promise<string> {
  const bytes = writer.store.get(NS.library, ROOTS_KEY);
  const roots = bytes ? decodeJson<Record<string, string>>(bytes) : {};
  const known = Object.keys(roots).find((name) => roots[name] === root);
  if (known) return known;
  const base = basename(root) || "root";
  let name = base;
  for (let number = 2; roots[name] !== undefined; number++) name = `${base}-${number}`;
  await writer.store.batch((batch) =>
    batch.put(NS.library, ROOTS_KEY, encodeJson({ ...roots, [name]: root })),
  );
  return name;
}

/** What is there: jobs for files that look changed, ids of all that exist. */
async function scan(
  run: Run,
  root: string,
  single: boolean,
  name: string,
): Promise<{ jobs: (FileJob & { bytes: number })[]; seen: Set<string> }> {
  const jobs: (FileJob & { bytes: number })[] = [];
  const seen = new Set<string>();
  for await (const found of walk(root, run.options)) {
    throwIfAborted(run.options.signal, "index");
    if ("reason" in found) {
      run.outcome.skipped.push({ ...found, id: `${name}/${found.id}` });
      continue;
    }
    const id = single ? name : `${name}/${found.relative}`;
    seen.add(id);
    run.totals.files++;
    const entry = run.writer.entryOf(id);
    if (entry && entry.modifiedAt === found.modifiedAt && entry.sourceBytes === found.bytes) {
      run.outcome.unchanged++;
      continue;
    }
    jobs.push(jobOf(run, found, id));
    run.totals.bytes += found.bytes;
    run.options.onProgress?.({
      phase: "scan",
      done: jobs.length,
      total: 0,
      bytes: 0,
      totalBytes: run.totals.bytes,
      current: found.relative,
    });
  }
  return { jobs, seen };
}

function jobOf({ writer, options }: Run, file: WalkedFile, id: string): FileJob & { bytes: number } {
  const prior = priorOf(writer, id);
  const folder = dirname(file.relative);
  const meta: Meta = {
    ...options.meta,
    path: file.relative,
    folder: folder === "." ? "" : folder,
    name: basename(file.path),
  };
  return {
    path: file.path,
    relative: file.relative,
    id,
    meta,
    bytes: file.bytes,
    ...(prior ? { prior } : {}),
  };
}

/** Batches of files to the workers; as many under way as there are threads, plus one being committed. */
async function indexJobs(run: Run, jobs: readonly (FileJob & { bytes: number })[]): Promise<void> {
  const under = new Set<Promise<void>>();
  let failure: unknown;
  for (const files of cut(jobs, Math.max(1, run.writer.pool.size))) {
    throwIfAborted(run.options.signal, "index");
    if (failure) throw failure;
    const work = indexBatch(run, files)
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => under.delete(work));
    under.add(work);
    if (under.size > run.writer.pool.size) await Promise.race(under);
  }
  await Promise.all(under);
  if (failure) throw failure;
}

function* cut(
  jobs: readonly (FileJob & { bytes: number })[],
  threads: number,
): Generator<(FileJob & { bytes: number })[]> {
  const total = jobs.reduce((sum, job) => sum + job.bytes, 0);
  const limit = Math.min(BATCH_BYTES, Math.max(total / (2 * threads), 1 << 18));
  let batch: (FileJob & { bytes: number })[] = [];
  let bytes = 0;
  for (const job of jobs) {
    batch.push(job);
    bytes += job.bytes;
    if (bytes < limit && batch.length < BATCH_FILES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

async function indexBatch(run: Run, files: readonly (FileJob & { bytes: number })[]): Promise<void> {
  const { writer, options, now, outcome, totals } = run;
  const { source } = writer;
  const prepared = await writer.pool.run({
    kind: "files",
    files,
    maxFileBytes: options.maxFileBytes ?? indexDefaults.maxFileBytes,
    now,
    space: source.space,
    embedder: { bundledDim: bundledDim(source) },
  });
  throwIfAborted(options.signal, "index");
  if (!(await addSegment(writer, prepared, source, outcome))) return indexBatch(run, files);
  totals.doneFiles += files.length;
  totals.doneBytes += files.reduce((sum, file) => sum + file.bytes, 0);
  const current = files.at(-1)!.relative;
  options.onProgress?.({
    phase: "write",
    done: totals.doneFiles,
    total: totals.files,
    bytes: totals.doneBytes,
    totalBytes: totals.bytes,
    current,
  });
}

async function prune(writer: Writer, name: string, seen: ReadonlySet<string>): Promise<number> {
  const prefix = `${name}/`;
  const gone: string[] = [];
  for (const { key } of writer.store.range(NS.ids, { start: [prefix], end: [`${name}0`] })) {
    const id = String(key[0]);
    if (id.startsWith(prefix) && !seen.has(id)) gone.push(id);
  }
  await forgetIds(writer, gone);
  return gone.length;
}
