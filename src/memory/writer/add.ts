/** add: a few items go to the log and the tail, many become a segment at once. Both are one atomic, durable commit. */
import { MnemeError, throwIfAborted } from "../../errors.ts";
import type { Claim } from "../../storage/budget.ts";
import { itemHash } from "../item-hash.ts";
import { type IdEntry, NS } from "../layout.ts";
import { encodeLogRecord } from "../log-record.ts";
import type { TailItem } from "../tail.ts";
import type { AddResult, Item, WorkOptions } from "../types.ts";
import { checkItem } from "../validate.ts";
import { evenShare } from "./even-share.ts";
import { fileBehind, flushIfLarge } from "./maintain.ts";
import { count, nothing, type Outcome } from "./outcome.ts";
import { ownVector, type PreparedItem, type Prior, prepareItem } from "./prepare.ts";
import { reserve, tailRam } from "./reserve.ts";
import { addSegment } from "./segment-commit.ts";
import type { SourceItem } from "./tasks.ts";
import { sourceOf } from "./work.ts";
import type { Change, VectorSource, Writer } from "./writer.ts";

/**
 * Text, in UTF-16 units, from which an `add` becomes a segment of its own, made by a worker. Less goes through the log, prepared on
 * this thread: as much as takes it some twenty milliseconds.
 */
export const SEGMENT_TEXT: number = 64 << 10;
/**
 * Text and items handed to a worker at once, and so a segment: bounds its memory, and the pages that its commit leaves free; every search
 * visits every segment. Of a stream nobody knows whether there is work for all threads, so its first batches are smaller; what is collected
 * for one takes RAM that a list's does not.
 */
const LIST_TEXT = 28 << 20;
const STREAM_TEXT = 24 << 20;
const FIRST_TEXT = 16 << 20;
const BATCH_ITEMS = 16_384;
/** Somebody waits for an `add` of less than this, rather than for a long stream. */
const URGENT_TEXT = 1 << 20;

export async function addItems(
  writer: Writer,
  items: Item | Iterable<Item> | AsyncIterable<Item>,
  options: WorkOptions,
): Promise<AddResult> {
  const space = writer.library.activeSpace.space;
  if (!isIterable(items)) {
    throwIfAborted(options.signal, "add");
    checkItem(items, space);
    const result = await writer.idOrder.run([items.id], () => addOne(writer, items));
    const { bytes } = result;
    options.onProgress?.({ phase: "write", done: 1, total: 0, bytes, totalBytes: bytes });
    return result;
  }
  const outcome = nothing();
  const now = Date.now();
  const under: Promise<void>[] = [];
  let done = 0;
  const report = (bytes: number, count: number): void => {
    done += count;
    options.onProgress?.({ phase: "write", done, total: 0, bytes: outcome.bytes, totalBytes: bytes });
  };
  for await (const batch of batches(items, Math.max(1, writer.pool.size))) {
    throwIfAborted(options.signal, "add");
    for (const item of batch.items) checkItem(item, space);
    const worth = batch.items.filter((item) => hasContent(item, outcome));
    const ids = worth.map(({ id }) => id);
    const work = writer.idOrder
      .run(ids, () => addBatch(writer, worth, batch.size, now, outcome))
      .then(() => report(outcome.bytes, batch.items.length));
    under.push(work);
    work.catch(() => {});
    if (under.length > writer.pool.size) await under.shift();
  }
  await Promise.all(under);
  return outcome;
}

/** One item that was checked, for a caller that keeps the order of its id. */
export async function addOne(writer: Writer, item: Item): Promise<AddResult> {
  const outcome = nothing();
  if (hasContent(item, outcome)) await addBatch(writer, [item], sizeOf(item), Date.now(), outcome);
  return outcome;
}

/** A blank text without an own vector, dense or sparse, could never be found: it is skipped, and said. */
function hasContent({ id, text, data, vector, sparse }: Item, outcome: Outcome): boolean {
  if (vector || sparse || data?.byteLength || text.trim() !== "") return true;
  outcome.skipped.push({ id, code: "EMPTY", reason: `${id}: no text` });
  return false;
}

function addBatch(
  writer: Writer,
  items: readonly Item[],
  size: number,
  now: number,
  outcome: Outcome,
): Promise<void> {
  return size >= SEGMENT_TEXT
    ? addAsSegment(writer, items, now, outcome, size < URGENT_TEXT)
    : addThroughLog(writer, items.map(withOwnData), now, outcome);
}

/** What goes to the tail stays there, while data is borrowed. */
function withOwnData(item: Item): Item {
  return item.data ? { ...item, data: new Uint8Array(item.data) } : item;
}

interface ItemBatch {
  readonly items: Item[];
  readonly size: number;
}

/** Cuts a stream into batches; of one id only the last item of a batch counts. */
async function* batches(
  items: Iterable<Item> | AsyncIterable<Item>,
  threads: number,
): AsyncGenerator<ItemBatch> {
  const all = Array.isArray(items) ? items.reduce((sum: number, item: Item) => sum + sizeOf(item), 0) : 0;
  const share = all > 0 ? Math.max(FIRST_TEXT, evenShare(all, threads, LIST_TEXT)) : 0;
  let batch = new Map<string, Item>();
  let size = 0;
  let before = 0;
  for await (const item of items) {
    batch.set(item?.id, item);
    size += sizeOf(item);
    const most = share || (before < threads ? FIRST_TEXT : STREAM_TEXT);
    if (size < most && batch.size < BATCH_ITEMS) continue;
    yield { items: [...batch.values()], size };
    batch = new Map();
    size = 0;
    before++;
  }
  if (batch.size > 0) yield { items: [...batch.values()], size };
}

/** Of an item that has not been looked at yet. */
function sizeOf(item: Item | undefined): number {
  return item?.data?.byteLength ?? item?.text?.length ?? 0;
}

function isIterable(
  items: Item | Iterable<Item> | AsyncIterable<Item>,
): items is Iterable<Item> | AsyncIterable<Item> {
  if (items === null || items === undefined)
    throw new MnemeError("ARGUMENT", "add: expected an item or a list of items, got nothing");
  return typeof items === "object" && (Symbol.iterator in items || Symbol.asyncIterator in items);
}

export function priorOf(writer: Writer, id: string): Prior | undefined {
  const entry = writer.entryOf(id);
  return entry && priorFrom(entry);
}

export function priorFrom({ version, createdAt, hash }: IdEntry): Prior {
  return { version, createdAt, hash };
}

async function addAsSegment(
  writer: Writer,
  items: readonly Item[],
  now: number,
  outcome: Outcome,
  urgent: boolean,
): Promise<void> {
  const sources: SourceItem[] = items.map((item) => {
    const prior = priorOf(writer, item.id);
    return prior ? { item, prior } : { item };
  });
  const { source } = writer;
  const prepared = await writer.pool.run(
    {
      kind: "items",
      items: sources,
      now,
      space: source.space,
      embedder: { bundledDim: bundledDim(source) },
    },
    { urgent },
  );
  if (!(await addSegment(writer, prepared, source, outcome)))
    await addAsSegment(writer, items, now, outcome, urgent);
}

/** Dimension of the bundled model when that is the embedder: workers then embed by themselves. */
export function bundledDim({ embedder }: VectorSource): number | null {
  return embedder.isBundled ? embedder.space.dim : null;
}

/** A batch of small items: prepared here, one commit. */
async function addThroughLog(
  writer: Writer,
  items: readonly Item[],
  now: number,
  outcome: Outcome,
): Promise<void> {
  const hashed = items
    .map((item) => ({ item, hash: itemHash(item), prior: priorOf(writer, item.id) }))
    .filter(({ hash, prior }) => !(prior && hash.startsWith(prior.hash)));
  const fresh = hashed.map(({ item }) => item);
  const prepared = hashed.map(({ item, hash, prior }) => prepareItem(item, prior, now, hash));
  const { source } = writer;
  const vectors = await embedPrepared(source, fresh, prepared);
  if (fresh.length > 0) {
    using room = await reserve(writer, tailRam(writer.library, prepared, vectors));
    let isCurrent = true;
    await writer.commit(
      fresh.map((item) => item.id),
      () => {
        isCurrent = writer.isCurrent(source);
        return isCurrent ? logChange(writer, fresh, prepared, vectors, outcome, room) : null;
      },
    );
    if (!isCurrent) return addThroughLog(writer, items, now, outcome);
  }
  outcome.unchanged += items.length - fresh.length;
  fileBehind(writer);
  await flushIfLarge(writer);
}

async function embedPrepared(
  { embedder, space }: VectorSource,
  items: readonly Item[],
  prepared: readonly PreparedItem[],
): Promise<Float32Array[]> {
  const texts = prepared.flatMap((one, i) => (items[i]!.vector ? [] : one.passages));
  const { cols: dim, data } =
    texts.length > 0 ? await embedder.embed(texts) : { cols: 0, data: new Float32Array(0) };
  let at = 0;
  return prepared.map((one, i) => {
    const own = items[i]!.vector;
    if (own) return ownVector(own, space.space);
    const run = data.slice(at, at + one.passages.length * dim);
    at += run.length;
    return run;
  });
}

/** The change that writes prepared items to the log. Versions and rows are those of the moment of commit. */
function logChange(
  writer: Writer,
  items: readonly Item[],
  prepared: readonly PreparedItem[],
  vectors: readonly Float32Array[],
  outcome: Outcome,
  room: Claim,
): Change {
  const entries = new Map<string, IdEntry>();
  const tail: TailItem[] = [];
  prepared.forEach((one, i) => {
    const head = one.record.head;
    const prior = priorOf(writer, head.id);
    const record = {
      ...one.record,
      head: { ...head, version: (prior?.version ?? 0) + 1, createdAt: prior?.createdAt ?? head.createdAt },
    };
    const firstRow = writer.takeRows(one.passages.length);
    tail.push({
      firstRow,
      rows: one.passages.length,
      record,
      text: one.text,
      passages: one.passages,
      vectors: vectors[i]!,
      columns: one.columns,
      ...(one.sparse ? { sparse: one.sparse } : {}),
    });
    entries.set(head.id, {
      firstRow,
      rows: one.passages.length,
      version: record.head.version,
      createdAt: record.head.createdAt,
      ...sourceOf(items[i]!),
      hash: head.contentHash.slice(0, 32),
      bytes: one.text.byteLength,
    });
    count(outcome, prior !== undefined, one.passages.length, one.text.byteLength);
  });
  return {
    entries,
    fill: (batch) => {
      for (const item of tail)
        batch.put(NS.log, [item.firstRow], encodeLogRecord(item, writer.library.activeSpace));
    },
    applied: () => {
      room[Symbol.dispose](); // the structures claim it from now on
      for (const item of tail) writer.library.appendTail(item);
      writer.library.account();
    },
  };
}
