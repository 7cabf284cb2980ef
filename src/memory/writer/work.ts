/** Doing a task: the same code in a worker thread and, without workers, inline. */
import { bundledEmbedder } from "../../embed/bundled.ts";
import type { Embedder } from "../../embed/embedder.ts";
import { isMnemeError } from "../../errors.ts";
import { RowSet } from "../../index/row-set.ts";
import type { Parts } from "../../index/segment.ts";
import { itemFromFile } from "../ingest/read.ts";
import { itemHash } from "../item-hash.ts";
import type { SpaceEntry } from "../layout.ts";
import { vectorsPrefix } from "../spaces.ts";
import type { Item, Skipped } from "../types.ts";
import { type BuildItem, buildSegment, buildVectors, mergeSegments } from "./build.ts";
import { cutIntoRuns, noParts, type PagedParts } from "./page-runs.ts";
import { type PreparedItem, type Prior, prepareItem } from "./prepare.ts";
import { readFileItem } from "./read-file.ts";
import type {
  DocumentJob,
  PreparedSegment,
  ReadDocument,
  SeenFile,
  SegmentItemHead,
  SourceItem,
  Task,
  TaskResult,
  WorkerEmbedder,
} from "./tasks.ts";

/** Texts embedded per call: bounds the float32 rows held at once. */
const EMBED_BATCH = 1024;

export async function perform<T extends Task>(task: T): Promise<TaskResult<T>> {
  return (await dispatch(task)) as TaskResult<T>;
}

async function dispatch(task: Task): Promise<PreparedSegment | ReadDocument | PagedParts> {
  switch (task.kind) {
    case "warm":
      await embedderFor(task.embedder);
      return noParts;
    case "files":
      return prepareFiles(task.files, task);
    case "items":
      return prepareItems(task.items, task);
    case "document":
      return readDocument(task.document, task.segmentText, task);
    case "build":
      return cutIntoRuns(buildSegment(task.items, task.space));
    case "merge":
      return cutIntoRuns(mergeSegments(task.inputs, RowSet.fromBytes(task.live), task.spaces));
    case "vectors":
      return cutIntoRuns(await embedParts(task.passages, task.space, task.embedder));
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
  readonly prepared: PreparedItem[];
  readonly heads: SegmentItemHead[];
}

async function prepareFiles(files: readonly SeenFile[], context: Context): Promise<PreparedSegment> {
  const collected: Collected = { prepared: [], heads: [] };
  const unchanged: { id: string; modifiedAt: number; sourceBytes: number }[] = [];
  const skipped: Skipped[] = [];
  let sourceBytes = 0;
  for (const file of files) {
    try {
      const item = await readFileItem(file);
      const source = sourceOf(item);
      sourceBytes += source.sourceBytes;
      if (item.text.trim() === "") {
        skipped.push({ id: file.id, code: "EMPTY", reason: `${file.path}: no text` });
      } else if (!collect(collected, item, file.prior, context.now, source)) {
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
  return { ...(await finish(collected, context)), unchanged, skipped, sourceBytes };
}

async function prepareItems(items: readonly SourceItem[], context: Context): Promise<PreparedSegment> {
  const collected: Collected = { prepared: [], heads: [] };
  const unchanged: { id: string; modifiedAt: number; sourceBytes: number }[] = [];
  for (const { item, prior } of items) {
    const source = sourceOf(item);
    if (!collect(collected, item, prior, context.now, source)) unchanged.push({ id: item.id, ...source });
  }
  return { ...(await finish(collected, context)), unchanged, skipped: [], sourceBytes: 0 };
}

async function readDocument(
  { name, bytes, id, meta, prior }: DocumentJob,
  segmentText: number,
  context: Context,
): Promise<ReadDocument> {
  const item = { ...(await itemFromFile(name, bytes, meta)), id };
  if (item.text.length < segmentText) return { item };
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
  now: number,
  source: { modifiedAt: number; sourceBytes: number },
): boolean {
  const hash = itemHash(item);
  if (prior && hash.startsWith(prior.hash)) return false;
  const one = prepareItem(item, prior, now, hash);
  const { version, createdAt, bytes } = one.record.head;
  prepared.push(item.vector ? ({ ...one, vectors: item.vector } as PreparedItem) : one);
  heads.push({ id: item.id, rows: one.passages.length, hash, bytes, version, createdAt, ...source });
  return true;
}

async function finish(
  { prepared, heads }: Collected,
  context: Context,
): Promise<Pick<PreparedSegment, "heads" | "rows" | "parts" | "passages">> {
  const rows = heads.reduce((sum, head) => sum + head.rows, 0);
  const embedder = await embedderFor(context.embedder);
  if (rows === 0) return { heads, rows, parts: noParts };
  if (!embedder)
    return {
      heads,
      rows,
      parts: cutIntoRuns(buildSegment(prepared, context.space)),
      passages: prepared.flatMap((one) => one.passages),
    };
  const items: BuildItem[] = [];
  for (const one of prepared)
    items.push({ ...one, vectors: (one as BuildItem).vectors ?? (await embedAll(embedder, one.passages)) });
  return { heads, rows, parts: cutIntoRuns(buildSegment(items, context.space)) };
}

async function embedParts(
  passages: readonly string[],
  space: SpaceEntry,
  config: WorkerEmbedder,
): Promise<Parts> {
  const embedder = (await embedderFor(config))!;
  const runs: Float32Array[] = [];
  for (let at = 0; at < passages.length; at += EMBED_BATCH)
    runs.push((await embedder.embed(passages.slice(at, at + EMBED_BATCH))).data);
  const parts = buildVectors(runs, space);
  return new Map([...parts].map(([name, bytes]) => [vectorsPrefix(space.id) + name, bytes]));
}

async function embedAll(embedder: Embedder, passages: readonly string[]): Promise<Float32Array> {
  return (await embedder.embed(passages)).data;
}

let loaded: { dim: number; embedder: Promise<Embedder> } | undefined;

function embedderFor({ bundledDim }: WorkerEmbedder): Promise<Embedder> | undefined {
  if (bundledDim === null) return undefined;
  if (loaded?.dim !== bundledDim)
    loaded = { dim: bundledDim, embedder: bundledEmbedder({ dim: bundledDim as 512 }) };
  return loaded.embedder;
}

function codeOf(error: unknown): string {
  return isMnemeError(error) ? error.code : ((error as NodeJS.ErrnoException)?.code ?? "UNREADABLE");
}
