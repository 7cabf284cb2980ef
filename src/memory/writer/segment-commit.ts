/** Committing a prepared segment: rows are given, replaced items buried, the manifest grown, all in one batch. */
import { contiguousRows, type Parts } from "../../index/segment.ts";
import { matrix } from "../../linalg/matrix.ts";
import type { Batch } from "../../storage/store.ts";
import { encodeIdEntry, type IdEntry, type Manifest, NS } from "../layout.ts";
import { buildVectors } from "./build.ts";
import { mergeIfMany } from "./maintain.ts";
import { count, type Outcome } from "./outcome.ts";
import { type StagedSegment, stagedEntry, stageSegment } from "./stage.ts";
import type { PreparedSegment } from "./tasks.ts";
import type { Change, VectorSource, Writer } from "./writer.ts";

/** Texts embedded per call when the embedder lives on this thread. */
const EMBED_BATCH = 256;

/** @returns false, with nothing written, when the library moved to another space since it was prepared: prepare it again */
export async function addSegment(
  writer: Writer,
  prepared: PreparedSegment,
  source: VectorSource,
  outcome: Outcome,
): Promise<boolean> {
  if (prepared.rows > 0 && !(await commitSegment(writer, prepared, source, outcome))) return false;
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
): Promise<boolean> {
  const parts = prepared.missing
    ? await withVectors(prepared.parts, prepared.missing, source)
    : prepared.parts;
  const ids = prepared.heads.map((head) => head.id);
  const staged = await stageSegment(writer, parts);
  let isCurrent = true;
  const make = (): Change | null => {
    isCurrent = writer.isCurrent(source);
    return isCurrent ? segmentChange(writer, prepared, staged, outcome) : null;
  };
  await writer.commit(ids, make, { alone: true });
  if (isCurrent) mergeIfMany(writer);
  else await writer.store.batch((batch) => batch.deletePrefix(NS.segments, [staged.id]));
  return isCurrent;
}

/** Vectors made on this thread, for embedders that no worker can load; items that bring their own keep them. */
async function withVectors(
  parts: Parts,
  missing: NonNullable<PreparedSegment["missing"]>,
  { embedder, space }: VectorSource,
): Promise<Parts> {
  const texts = missing.flatMap((one) => (one instanceof Float32Array ? [] : one));
  const made = matrix(texts.length, space.space.dim);
  for (let at = 0; at < texts.length; at += EMBED_BATCH) {
    const { data } = await embedder.embed(texts.slice(at, at + EMBED_BATCH));
    made.data.set(data, at * made.cols);
  }
  let row = 0;
  const runs = missing.map((one) => {
    if (one instanceof Float32Array) return one;
    row += one.length;
    return made.data.subarray((row - one.length) * made.cols, row * made.cols);
  });
  return new Map([...parts, ...buildVectors(runs, space)]);
}

function segmentChange(
  writer: Writer,
  prepared: PreparedSegment,
  staged: StagedSegment,
  outcome: Outcome,
): Change {
  const { library } = writer;
  const rows = contiguousRows(writer.takeRows(prepared.rows, true), prepared.rows);
  const entries = new Map<string, IdEntry>();
  let firstRow = rows.base!;
  for (const head of prepared.heads) {
    count(outcome, writer.entryOf(head.id) !== undefined, head.rows, head.bytes);
    entries.set(head.id, { ...head, firstRow, hash: head.hash.slice(0, 32) });
    firstRow += head.rows;
  }
  let manifest: Manifest;
  return {
    entries,
    fill: (batch) => {
      const old = library.manifest;
      const segments = [...old.segments, stagedEntry(staged, rows)];
      manifest = { ...old, segments, nextSegment: Math.max(old.nextSegment, staged.id + 1) };
      writer.putManifest(batch, manifest);
    },
    applied: () =>
      library.gate.write(async () => {
        await library.adopt(manifest);
        library.enliven(rows);
      }),
  };
}

/** Files found unchanged by their content get their new time and size, so that the next run need not read them. */
async function touch(writer: Writer, unchanged: PreparedSegment["unchanged"]): Promise<void> {
  const stale = unchanged.filter(
    ({ id, modifiedAt }) => modifiedAt !== 0 && writer.entryOf(id)?.modifiedAt !== modifiedAt,
  );
  if (stale.length === 0) return;
  await writer.alone(() =>
    writer.store.batch((batch: Batch) => {
      for (const { id, modifiedAt, sourceBytes } of stale) {
        const entry = writer.entryOf(id);
        if (entry) batch.put(NS.ids, [id], encodeIdEntry({ ...entry, modifiedAt, sourceBytes }));
      }
    }),
  );
}
