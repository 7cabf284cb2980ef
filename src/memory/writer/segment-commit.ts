/** Committing a prepared segment: rows are given, replaced items buried, the manifest grown, all in one batch. */
import type { Embedder } from "../../embed/embedder.ts";
import { contiguousRows } from "../../index/segment.ts";
import { Pacer } from "../../pacer.ts";
import type { Batch } from "../../storage/store.ts";
import { encodeIdEntry, type IdEntry, type Manifest, NS } from "../layout.ts";
import { vectorsPrefix } from "../spaces.ts";
import { buildVectors } from "./build.ts";
import { mergeIfMany } from "./merge.ts";
import { count, type Outcome } from "./outcome.ts";
import { cutIntoRuns, joined, type PagedParts } from "./page-runs.ts";
import { nameSegment, type StagedSegment, stageSegment } from "./stage.ts";
import type { PreparedSegment } from "./tasks.ts";
import type { Change, Writer } from "./writer.ts";

/** Texts embedded per call when the embedder lives on this thread. */
const EMBED_BATCH = 256;

export async function addSegment(
  writer: Writer,
  prepared: PreparedSegment,
  embedder: Embedder,
  outcome: Outcome,
): Promise<void> {
  outcome.unchanged += prepared.unchanged.length;
  outcome.skipped.push(...prepared.skipped);
  await touch(writer, prepared.unchanged);
  if (prepared.rows === 0) return;
  const parts = prepared.passages
    ? await withVectors(writer, prepared.parts, prepared.passages, embedder)
    : prepared.parts;
  const staged = await stageSegment(writer, parts);
  await writer.commitAlone(() => segmentChange(writer, prepared, staged, outcome));
  mergeIfMany(writer);
}

/** Vectors made on this thread, for embedders that no worker can load. */
export async function withVectors(
  writer: Writer,
  parts: PagedParts,
  passages: readonly string[],
  embedder: Embedder,
): Promise<PagedParts> {
  const space = writer.library.activeSpace;
  const runs: Float32Array[] = [];
  for (let at = 0; at < passages.length; at += EMBED_BATCH) {
    runs.push((await embedder.embed(passages.slice(at, at + EMBED_BATCH))).data);
  }
  const vectors = [...buildVectors(runs, space)];
  const named = new Map(vectors.map(([name, bytes]) => [vectorsPrefix(space.id) + name, bytes]));
  return joined(parts, cutIntoRuns(named));
}

async function segmentChange(
  writer: Writer,
  prepared: PreparedSegment,
  staged: StagedSegment,
  outcome: Outcome,
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
    applied: () => library.adopt(manifest, () => library.enliven(rows)),
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
