/** Doing a task: the same code in a worker thread and, without workers, inline. */
import { bundledEmbedder } from "../../embed/bundled.ts";
import type { Embedder } from "../../embed/embedder.ts";
import { sameSpace } from "../../embed/space.ts";
import { isMnemeError } from "../../errors.ts";
import { RowSet } from "../../index/row-set.ts";
import type { Parts } from "../../index/segment.ts";
import { Pacer } from "../../pacer.ts";
import { standAside } from "../../stand-aside.ts";
import { itemFromFile } from "../ingest/read.ts";
import { itemHash } from "../item-hash.ts";
import type { SpaceEntry } from "../layout.ts";
import type { Item, Skipped } from "../types.ts";
import { type BuildItem, buildSegment, buildVectors, indexVectors, mergeSegments } from "./build.ts";
import { cutIntoRuns, noParts, type PagedParts } from "./page-runs.ts";
import { fileTexts } from "./paged-cube.ts";
import { ownVector, type Prior, prepareItem } from "./prepare.ts";
import { readFileItem } from "./read-file.ts";
import { shardTexts } from "./shard-texts.ts";
import type {
  DocumentJob,
  PreparedSegment,
  ReadDocument,
  SeenFile,
  SegmentItemHead,
  SourceItem,
  Task,
  TaskControl,
  TaskResult,
  WorkerEmbedder,
} from "./tasks.ts";

export async function perform<T extends Task>(task: T, control: TaskControl = {}): Promise<TaskResult<T>> {
  return (await dispatch(task, control)) as TaskResult<T>;
}

async function dispatch(
  task: Task,
  control: TaskControl,
): Promise<PreparedSegment | ReadDocument | PagedParts | Parts> {
  switch (task.kind) {
    case "warm":
      await embedderFor(task.embedder, task.space);
      return noParts;
    case "files":
      return prepareFiles(task.files, task.binary, task, control.signal);
    case "items":
      return prepareItems(task.items, task);
    case "document":
      return readDocument(task.document, task.segmentText, task);
    case "build":
      return cutIntoRuns(buildSegment(task.items, task.space));
    case "merge":
      return cutIntoRuns(mergeSegments(task.inputs, RowSet.fromBytes(task.live), task));
    case "file":
      return fileTexts(task);
    case "index":
      return cutIntoRuns(await indexVectors(task, control));
    case "substrings":
      return cutIntoRuns(await shardTexts(task, control));
    case "vectors":
      return embedParts(task.passages, task.space, task.embedder);
    default:
      return task satisfies never;
  }
}

interface Context {
  readonly now: number;
  readonly space: SpaceEntry;
  readonly embedder: WorkerEmbedder;
}

interface Collected {
  readonly prepared: BuildItem[];
  readonly heads: SegmentItemHead[];
}

/** When it is stopped, it ends with the files that it has come to: they have cost their time and may be kept. */
async function prepareFiles(
  files: readonly SeenFile[],
  binary: boolean,
  context: Context,
  signal?: AbortSignal,
): Promise<PreparedSegment> {
  const collected: Collected = { prepared: [], heads: [] };
  const unchanged: { id: string; modifiedAt: number; sourceBytes: number }[] = [];
  const skipped: Skipped[] = [];
  let sourceBytes = 0;
  for (const file of files) {
    standAside();
    if (signal?.aborted) break;
    try {
      const item = await readFileItem(file, binary);
      const source = sourceOf(item);
      sourceBytes += source.sourceBytes;
      if (item.data ? item.data.byteLength === 0 : item.text.trim() === "") {
        skipped.push({ id: file.id, code: "EMPTY", reason: `${file.path}: no text` });
      } else if (!collect(collected, item, file.prior, context, source)) {
        unchanged.push({ id: file.id, ...source });
      }
    } catch (error) {
      skipped.push({
        id: file.id,
        code: codeOf(error),
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return { ...(await finish(collected, context, signal)), unchanged, skipped, sourceBytes };
}

async function prepareItems(items: readonly SourceItem[], context: Context): Promise<PreparedSegment> {
  const collected: Collected = { prepared: [], heads: [] };
  const unchanged: { id: string; modifiedAt: number; sourceBytes: number }[] = [];
  for (const { item, prior } of items) {
    const source = sourceOf(item);
    if (!collect(collected, item, prior, context, source)) unchanged.push({ id: item.id, ...source });
  }
  return { ...(await finish(collected, context)), unchanged, skipped: [], sourceBytes: 0 };
}

async function readDocument(
  { name, bytes, id, meta, binary, prior }: DocumentJob,
  segmentText: number,
  context: Context,
): Promise<ReadDocument> {
  const item = { ...(await itemFromFile(name, bytes, meta, { binary })), id };
  if ((item.data?.byteLength ?? item.text.length) < segmentText) return { item };
  return { prepared: await prepareItems([{ item, ...(prior ? { prior } : {}) }], context) };
}

export function sourceOf(item: Item): { modifiedAt: number; sourceBytes: number } {
  return { modifiedAt: item.provenance?.modifiedAt ?? 0, sourceBytes: item.provenance?.sourceBytes ?? 0 };
}

/** @returns false when the item is as it was. */
function collect(
  { prepared, heads }: Collected,
  item: Item,
  prior: Prior | undefined,
  { now, space }: Context,
  source: { modifiedAt: number; sourceBytes: number },
): boolean {
  const hash = itemHash(item);
  if (prior && hash.startsWith(prior.hash)) return false;
  const one = prepareItem(item, prior, now, hash);
  const { version, createdAt, bytes } = one.record.head;
  prepared.push(item.vector ? { ...one, vectors: ownVector(item.vector, space.space) } : one);
  heads.push({ id: item.id, rows: one.passages.length, hash, bytes, version, createdAt, ...source });
  return true;
}

/** Items that have no vectors yet when it is stopped are left out. */
async function finish(
  { prepared, heads: all }: Collected,
  context: Context,
  signal?: AbortSignal,
): Promise<Pick<PreparedSegment, "heads" | "rows" | "parts" | "missing">> {
  const items: BuildItem[] = [];
  const embedder = all.length > 0 ? await embedderFor(context.embedder, context.space) : undefined;
  const pacer = new Pacer();
  for (const item of prepared) {
    if (pacer.isDue && signal) await pacer.pause();
    if (signal?.aborted) break;
    items.push(
      item.vectors || !embedder ? item : { ...item, vectors: await embedAll(embedder, item.passages) },
    );
  }
  const heads = all.slice(0, items.length);
  const rows = heads.reduce((sum, head) => sum + head.rows, 0);
  if (rows === 0) return { heads, rows, parts: noParts };
  const parts = cutIntoRuns(buildSegment(items, context.space));
  if (items.every((item) => item.vectors)) return { heads, rows, parts };
  return { heads, rows, parts, missing: items.map((item) => item.vectors ?? item.passages) };
}

/** @returns no parts when this thread has no embedder of that space */
async function embedParts(
  passages: readonly string[],
  space: SpaceEntry,
  config: WorkerEmbedder,
): Promise<Parts> {
  const embedder = await embedderFor(config, space);
  return embedder ? buildVectors([await embedAll(embedder, passages)], space) : new Map();
}

/** Passages that are embedded in one go; between two the thread may stand aside. */
const EMBEDDED_PASSAGES = 64;

async function embedAll(embedder: Embedder, passages: readonly string[]): Promise<Float32Array> {
  if (passages.length <= EMBEDDED_PASSAGES) return (await embedder.embed(passages)).data;
  const all = new Float32Array(passages.length * embedder.space.dim);
  for (let from = 0; from < passages.length; from += EMBEDDED_PASSAGES) {
    standAside();
    const { data } = await embedder.embed(passages.slice(from, from + EMBEDDED_PASSAGES));
    all.set(data, from * embedder.space.dim);
  }
  return all;
}

/** By dimension; more than one while a reembed is under way. */
const loaded = new Map<number, Promise<Embedder>>();

/** The bundled model when the space is its; a model of the same make but with other weights is not. */
async function embedderFor(
  { bundledDim }: WorkerEmbedder,
  { space }: SpaceEntry,
): Promise<Embedder | undefined> {
  if (bundledDim === null) return undefined;
  const embedder = loaded.get(bundledDim) ?? bundledEmbedder({ dim: bundledDim as 512 });
  loaded.set(bundledDim, embedder);
  embedder.catch(() => loaded.delete(bundledDim)); // the next task tries again
  return sameSpace((await embedder).space, space) ? embedder : undefined;
}

/** Some reasons to skip a file are finer than error codes, such as TOO_LARGE and BINARY. */
function codeOf(error: unknown): string {
  if (!isMnemeError(error)) return (error as NodeJS.ErrnoException)?.code ?? "UNREADABLE";
  return typeof error.details.code === "string" ? error.details.code : error.code;
}
