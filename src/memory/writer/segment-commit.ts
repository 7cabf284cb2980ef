/** Committing a prepared segment: rows are given, replaced items buried, the manifest grown, all in one batch. */
import { throwIfAborted } from "../../errors.ts";
import { contiguousRows } from "../../index/segment.ts";
import { matrix } from "../../linalg/matrix.ts";
import { Pacer } from "../../pacer.ts";
import type { Claim } from "../../storage/budget.ts";
import type { Batch } from "../../storage/store.ts";
import { encodeIdEntry, type IdEntry, type Manifest, NS } from "../layout.ts";
import { buildVectors } from "./build.ts";
import { mergeIfMany } from "./maintain.ts";
import { count, type Outcome } from "./outcome.ts";
import { cutIntoRuns, joined, type PagedParts } from "./page-runs.ts";
import { newSegmentRam, reserve } from "./reserve.ts";
import { nameSegment, namingStaged, type StagedSegment, stageSegment } from "./stage.ts";
import type { PreparedSegment } from "./tasks.ts";
import type { Change, VectorSource, Writer } from "./writer.ts";

/** Texts embedded per call when the embedder lives on this thread. */
const EMBED_BATCH = 256;

/**
 * @param signal ends the making of vectors on this thread; what needs none is committed in any case
 * @returns false, with nothing written, when the library moved to another space since it was prepared, or one of the items was replaced or
 * forgotten, so that its version is another: prepare it again, with the entries of then
 */
export async function addSegment(
  writer: Writer,
  prepared: PreparedSegment,
  source: VectorSource,
  outcome: Outcome,
  signal?: AbortSignal,
): Promise<boolean> {
  if (prepared.rows > 0 && !(await commitSegment(writer, prepared, source, outcome, signal))) return false;
  outcome.unchanged += prepared.unchanged.length;
  outcome.skipped.push(...prepared.skipped);
  await touch(writer, prepared.unchanged);
  return true;
}

async function commitSegment(
  writer: Writer,
  prepared: PreparedSegment,
  source: VectorSource,
  outcome: Outcome,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const parts = prepared.missing
    ? await withVectors(prepared.parts, prepared.missing, source, signal)
    : prepared.parts;
  using room = await reserve(writer, newSegmentRam(parts.sizes, prepared.rows));
  const staged = await stageSegment(writer, parts);
  let isCurrent = true;
  await namingStaged(writer, staged.id, () =>
    writer.commitAlone(async () => {
      isCurrent = writer.isCurrent(source) && (await areNext(writer, prepared.heads));
      return isCurrent ? segmentChange(writer, prepared, staged, outcome, room) : null;
    }),
  );
  if (isCurrent) mergeIfMany(writer);
  else await writer.store.batch((batch) => batch.deletePrefix(NS.segments, [staged.id]));
  return isCurrent;
}

/** Vectors made on this thread, for embedders that no worker can load; items that bring their own keep them. */
async function withVectors(
  parts: PagedParts,
  missing: NonNullable<PreparedSegment["missing"]>,
  { embedder, space }: VectorSource,
  signal: AbortSignal | undefined,
): Promise<PagedParts> {
  const texts = missing.flatMap((one) => (one instanceof Float32Array ? [] : one));
  const made = matrix(texts.length, space.space.dim);
  for (let at = 0; at < texts.length; at += EMBED_BATCH) {
    throwIfAborted(signal, "index");
    const { data } = await embedder.embed(texts.slice(at, at + EMBED_BATCH));
    made.data.set(data, at * made.cols);
  }
  let row = 0;
  const runs = missing.map((one) => {
    if (one instanceof Float32Array) return one;
    row += one.length;
    return made.data.subarray((row - one.length) * made.cols, row * made.cols);
  });
  return joined(parts, cutIntoRuns(buildVectors(runs, space)));
}

/** Whether each item still follows what it was prepared to follow: its version and first day are in its record. */
async function areNext(writer: Writer, heads: PreparedSegment["heads"]): Promise<boolean> {
  const pacer = new Pacer();
  for (const { id, version, createdAt } of heads) {
    const before = writer.entryOf(id);
    if (version !== (before?.version ?? 0) + 1 || (before && createdAt !== before.createdAt)) return false;
    if (pacer.isDue) await pacer.pause();
  }
  return true;
}

async function segmentChange(
  writer: Writer,
  prepared: PreparedSegment,
  staged: StagedSegment,
  outcome: Outcome,
  room: Claim,
): Promise<Change> {
  const { library } = writer;
  const rows = contiguousRows(writer.takeRows(prepared.rows, true), prepared.rows);
  const entries = new Map<string, IdEntry>();
  const replaced: IdEntry[] = [];
  const encoded = new Map<string, Uint8Array>();
  const pacer = new Pacer();
  let firstRow = rows.base!;
  for (const head of prepared.heads) {
    const before = writer.entryOf(head.id);
    if (before) replaced.push(before);
    count(outcome, before !== undefined, head.rows, head.bytes);
    const entry = { ...head, firstRow, hash: head.hash.slice(0, 32) };
    entries.set(head.id, entry);
    encoded.set(head.id, encodeIdEntry(entry));
    firstRow += head.rows;
    if (pacer.isDue) await pacer.pause();
  }
  let manifest: Manifest;
  return {
    entries,
    replaced,
    encoded,
    fill: (batch) => {
      const old = library.manifest;
      const segments = [...old.segments, nameSegment(batch, staged, rows)];
      manifest = { ...old, segments, nextSegment: Math.max(old.nextSegment, staged.id + 1) };
      writer.putManifest(batch, manifest);
    },
    applied: () =>
      library.adopt(manifest, () => {
        room[Symbol.dispose](); // the structures claim it from now on
        library.enliven(rows);
      }),
  };
}

/** Files found unchanged by their content get their new time and size, so that the next run need not read them. */
async function touch(writer: Writer, unchanged: PreparedSegment["unchanged"]): Promise<void> {
  if (unchanged.length === 0) return;
  await writer.alone(async () => {
    const renewed = new Map<string, IdEntry>();
    const pacer = new Pacer();
    for (const { id, modifiedAt, sourceBytes } of unchanged) {
      const entry = modifiedAt === 0 ? undefined : writer.entryOf(id);
      if (entry && entry.modifiedAt !== modifiedAt) renewed.set(id, { ...entry, modifiedAt, sourceBytes });
      if (pacer.isDue) await pacer.pause();
    }
    if (renewed.size === 0) return;
    await writer.store.batch((batch: Batch) => {
      for (const [id, entry] of renewed) batch.put(NS.ids, [id], encodeIdEntry(entry));
    });
  });
}
