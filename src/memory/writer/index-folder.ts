/** index: brings a folder into the library. Reads only what changed, in parallel; forgets files that are gone. */

import { stat } from "node:fs/promises";
import { basename, dirname, relative, resolve, sep } from "node:path";
import { MnemeError, throwIfAborted } from "../../errors.ts";
import type { Meta } from "../../index/filter/where.ts";
import { Pacer } from "../../pacer.ts";
import { idPages } from "../id-pages.ts";
import { MAX_READ_BYTES } from "../ingest/read.ts";
import { type WalkedFile, walk } from "../ingest/walk.ts";
import { decodeJson, encodeJson, type IdEntry, NS, SKIPPED_KEY } from "../layout.ts";
import { withRun } from "../skip-log.ts";
import type { IndexOptions, IndexResult, Skipped } from "../types.ts";
import { checkMeta } from "../validate.ts";
import { bundledDim, priorFrom } from "./add.ts";
import { evenShare } from "./even-share.ts";
import { forgetIds } from "./forget.ts";
import { nothing, type Outcome } from "./outcome.ts";
import { addSegment } from "./segment-commit.ts";
import type { SeenFile, Task } from "./tasks.ts";
import type { VectorSource, Writer } from "./writer.ts";

export const indexDefaults = { maxFileBytes: 256_000_000, prune: true } as const;

/** Source bytes handed to a worker at once, and so a segment, which every search visits: lost at most when the process is killed. */
const BATCH_BYTES = 48 << 20;
/** The same where a model of the caller's makes the vectors, which takes far longer than all else. */
const SLOW_BATCH_BYTES = 1 << 20;
/** Each thread's first batch, so that a run that is killed early has kept something. */
const FIRST_BATCH_BYTES = 1 << 19;
const BATCH_FILES = 16_384;

const ROOTS_KEY = ["roots"] as const;

interface Run {
  readonly writer: Writer;
  readonly outcome: Outcome;
  readonly options: IndexOptions;
  /** Whether what is no text becomes items of bytes. */
  readonly binary: boolean;
  readonly now: number;
  /** Files passed over, by extension. */
  readonly unknown: Record<string, number>;
  readonly totals: { files: number; bytes: number; doneFiles: number; doneBytes: number };
}

export async function indexFolder(writer: Writer, path: string, options: IndexOptions): Promise<IndexResult> {
  const started = performance.now();
  if (options.meta !== undefined) checkMeta(options.meta, "index");
  const root = resolve(path);
  const info = await stat(root).catch((cause: unknown) => {
    throw new MnemeError(
      "NOT_FOUND",
      `index: ${root} does not exist or cannot be read; name a folder or a file`,
      { cause },
    );
  });
  const within = info.isFile() ? placeIn(knownRoots(writer), root) : undefined;
  const { name, isNew } = within ? { name: within.name, isNew: false } : await rootName(writer, root);
  const run: Run = {
    writer,
    outcome: nothing(),
    options,
    binary: options.binary ?? writer.library.wantsSubstrings,
    now: Date.now(),
    unknown: Object.create(null) as Record<string, number>, // an extension may be called "constructor"
    totals: { files: 0, bytes: 0, doneFiles: 0, doneBytes: 0 },
  };
  const { jobs, seen } = await scan(run, root, info.isFile() ? (within?.id ?? name) : undefined, name);
  await indexJobs(run, jobs);
  const prunes = options.prune !== false && !info.isFile() && !isNew;
  const removed = prunes ? await prune(writer, name, seen) : 0;
  if (!within) await keepSkipped(run, name);
  return {
    ...run.outcome,
    removed,
    files: run.totals.files,
    unknown: run.unknown,
    ms: performance.now() - started,
  };
}

async function keepSkipped({ writer, outcome, now }: Run, name: string): Promise<void> {
  const { library, store } = writer;
  await writer.alone(async () => {
    const log = withRun(library.skipped, name, now, outcome.skipped);
    if (log.length === 0 && library.skipped.length === 0) return;
    await store.batch((batch) => batch.put(NS.library, SKIPPED_KEY, encodeJson(log)));
    library.skipped = log;
  });
}

/** Absolute paths that were indexed, by how their ids begin. */
function knownRoots(writer: Writer): Readonly<Record<string, string>> {
  const bytes = writer.store.get(NS.library, ROOTS_KEY);
  return bytes ? decodeJson<Record<string, string>>(bytes) : {};
}

/** A file by the innermost folder that holds it and was indexed, so that it is the same item whichever way it comes. */
function placeIn(
  roots: Readonly<Record<string, string>>,
  file: string,
): { readonly name: string; readonly id: string } | undefined {
  const [innermost] = Object.entries(roots)
    .filter(([, folder]) => file.startsWith(folder.endsWith(sep) ? folder : folder + sep))
    .sort(([, a], [, b]) => b.length - a.length);
  if (!innermost) return undefined;
  const [name, folder] = innermost;
  return { name, id: `${name}/${relative(folder, file).replaceAll("\\", "/")}` };
}

/** The prefix of this folder's ids: its name, numbered when another folder has it already, also one that is indexed at the same time. */
function rootName(writer: Writer, root: string): Promise<{ name: string; isNew: boolean }> {
  return writer.alone(async () => {
    const roots = knownRoots(writer);
    const known = Object.keys(roots).find((name) => roots[name] === root);
    if (known) return { name: known, isNew: false };
    const base = basename(root) || "root";
    let name = base;
    for (let number = 2; Object.hasOwn(roots, name); number++) name = `${base}-${number}`;
    await writer.store.batch((batch) =>
      batch.put(NS.library, ROOTS_KEY, encodeJson({ ...roots, [name]: root })),
    );
    return { name, isNew: true };
  });
}

/**
 * What is there: jobs for files that look changed, ids of all that exist.
 * @param single id of the file that the root is; undefined for a folder
 */
async function scan(
  run: Run,
  root: string,
  single: string | undefined,
  name: string,
): Promise<{ jobs: SeenFile[]; seen: Set<string> }> {
  const jobs: SeenFile[] = [];
  const seen = new Set<string>();
  const pacer = new Pacer();
  const maxFileBytes = Math.min(run.options.maxFileBytes ?? indexDefaults.maxFileBytes, MAX_READ_BYTES);
  const onUnknown = (extension: string): void => {
    run.unknown[extension] = (run.unknown[extension] ?? 0) + 1;
  };
  for await (const found of walk(root, { ...run.options, binary: run.binary, maxFileBytes, onUnknown })) {
    throwIfAborted(run.options.signal, "index");
    if (pacer.isDue) await pacer.pause();
    if ("reason" in found) {
      run.outcome.skipped.push({ ...found, id: `${name}/${found.id}` });
      continue;
    }
    const id = single ?? `${name}/${found.relative}`;
    seen.add(id);
    run.totals.files++;
    if (single !== undefined && found.bytes > maxFileBytes) {
      run.outcome.skipped.push(tooLarge(id, found, maxFileBytes));
      continue;
    }
    const entry = run.writer.entryOf(id);
    if (entry && entry.modifiedAt === found.modifiedAt && entry.sourceBytes === found.bytes)
      run.outcome.unchanged++;
    else take(run, jobs, jobOf(run.options, placed(found, id, name), id));
  }
  return { jobs, seen };
}

/** A file in a folder goes by its path there, also where it comes alone. */
function placed(file: WalkedFile, id: string, name: string): WalkedFile {
  return id.startsWith(`${name}/`) ? { ...file, relative: id.slice(name.length + 1) } : file;
}

function take(run: Run, jobs: SeenFile[], job: SeenFile): void {
  // the threads load their model while the folder is still being walked
  if (jobs.length === 0) run.writer.pool.warm(warmTask(run.writer.source));
  jobs.push(job);
  run.totals.bytes += job.bytes;
  run.options.onProgress?.({
    phase: "scan",
    done: jobs.length,
    total: 0,
    bytes: 0,
    totalBytes: run.totals.bytes,
    current: job.relative,
  });
}

function warmTask(source: VectorSource): Task {
  return { kind: "warm", space: source.space, embedder: { bundledDim: bundledDim(source) } };
}

function tooLarge(id: string, { path, bytes }: WalkedFile, maxFileBytes: number): Skipped {
  return { id, code: "TOO_LARGE", reason: `${path}: ${bytes} bytes, at most ${maxFileBytes} are read` };
}

function jobOf(options: IndexOptions, file: WalkedFile, id: string): SeenFile {
  const folder = dirname(file.relative);
  const meta: Meta = {
    ...options.meta,
    path: file.relative,
    folder: folder === "." ? "" : folder,
    name: basename(file.path),
  };
  return { ...file, id, meta };
}

/** What is there under the file's id when its batch begins: it may have been added or forgotten since the walk. */
function withPrior(file: SeenFile, entry: IdEntry | undefined): SeenFile {
  return entry ? { ...file, prior: priorFrom(entry) } : file;
}

/**
 * Batches of files to the workers; as many under way as there are threads, plus one being committed. When it is cancelled, those under
 * way end with the files that they have come to, and are committed.
 */
async function indexJobs(run: Run, jobs: readonly SeenFile[]): Promise<void> {
  const { writer, options } = run;
  const under = new Set<Promise<void>>();
  const most = bundledDim(writer.source) === null ? SLOW_BATCH_BYTES : BATCH_BYTES;
  let failure: unknown;
  for (const files of cutIntoBatches(jobs, Math.max(1, writer.pool.size), most)) {
    if (failure || options.signal?.aborted) break;
    const ids = files.map(({ id }) => id);
    const work = writer.idOrder
      .run(ids, () => indexBatch(run, files))
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => under.delete(work));
    under.add(work);
    if (under.size > writer.pool.size) await Promise.race(under);
  }
  await Promise.all(under);
  throwIfAborted(options.signal, "index");
  if (failure) throw failure;
}

/** A small batch for each thread first, then as few as `most` bytes allow. */
function* cutIntoBatches(jobs: readonly SeenFile[], threads: number, most: number): Generator<SeenFile[]> {
  const first = threads * FIRST_BATCH_BYTES;
  const all = jobs.reduce((sum, job) => sum + job.bytes, 0);
  const share = Math.max(FIRST_BATCH_BYTES, evenShare(all - first, threads, most));
  let cut = 0;
  let batch: SeenFile[] = [];
  let bytes = 0;
  for (const job of jobs) {
    batch.push(job);
    bytes += job.bytes;
    if (bytes < (cut < threads ? FIRST_BATCH_BYTES : share) && batch.length < BATCH_FILES) continue;
    yield batch;
    cut++;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

async function indexBatch(run: Run, files: readonly SeenFile[]): Promise<void> {
  const { writer, options, binary, now, outcome, totals } = run;
  const { signal } = options;
  const { source } = writer;
  const prepared = await writer.pool.run(
    {
      kind: "files",
      files: files.map((file) => withPrior(file, writer.entryOf(file.id))),
      binary,
      now,
      space: source.space,
      embedder: { bundledDim: bundledDim(source) },
    },
    signal ? { signal } : {},
  );
  if (!(await addSegment(writer, prepared, source, outcome, signal))) return indexBatch(run, files);
  throwIfAborted(signal, "index");
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
  const pacer = new Pacer();
  for await (const page of idPages(writer, prefix, `${name}0`)) {
    for (const { id } of page) if (id.startsWith(prefix) && !seen.has(id)) gone.push(id);
    if (pacer.isDue) await pacer.pause();
  }
  await forgetIds(writer, gone);
  return gone.length;
}
