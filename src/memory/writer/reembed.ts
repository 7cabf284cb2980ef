/**
 * reembed: a second space is filled in segment by segment while the first one answers; when every segment has it, one batch
 * switches. What is done is in the manifest, so an interrupted run goes on where it was.
 */
import type { Embedder } from "../../embed/embedder.ts";
import { sameSpace } from "../../embed/space.ts";
import { throwIfAborted } from "../../errors.ts";
import type { Parts } from "../../index/segment.ts";
import { writePages } from "../../storage/pages.ts";
import { type Manifest, NS, type SpaceEntry } from "../layout.ts";
import type { OpenSegment } from "../library.ts";
import { passageTexts } from "../passage-text.ts";
import { newSpaceEntry, vectorsPrefix } from "../spaces.ts";
import type { WorkOptions } from "../types.ts";
import { buildVectors } from "./build.ts";
import { flushTail } from "./flush.ts";
import type { Writer } from "./writer.ts";

const EMBED_BATCH = 256;

export async function reembed(
  writer: Writer,
  embedder: Embedder,
  options: WorkOptions,
): Promise<{ passages: number }> {
  if (sameSpace(writer.library.activeSpace.space, embedder.space)) return { passages: 0 };
  let passages = 0;
  await writer.inBackground(async () => {
    const target = await begin(writer, embedder);
    for (;;) {
      await flushTail(writer);
      const missing = writer.library.segments.filter((segment) => !hasSpace(writer, segment, target));
      const total = writer.library.segments.reduce((sum, { stored }) => sum + stored.rows.count, 0);
      for (const segment of missing) {
        const done =
          total -
          missing.slice(missing.indexOf(segment)).reduce((sum, { stored }) => sum + stored.rows.count, 0);
        passages += await fill(writer, segment, target, embedder, (rows) => {
          options.onProgress?.({ phase: "embed", done: done + rows, total, bytes: 0, totalBytes: 0 });
          throwIfAborted(options.signal, "reembed");
        });
      }
      if (await finish(writer, target, embedder)) return;
    }
  });
  return { passages };
}

/** The space being filled in: one begun earlier for the same model, or a new one; another unfinished one is dropped. */
async function begin(writer: Writer, embedder: Embedder): Promise<SpaceEntry> {
  const { manifest } = writer.library;
  const begun = manifest.spaces.find(
    (entry) => entry.id !== manifest.active && sameSpace(entry.space, embedder.space),
  );
  if (begun) return begun;
  const target = newSpaceEntry(Math.max(...manifest.spaces.map((entry) => entry.id)) + 1, embedder.space);
  await writer.alone(() =>
    rewrite(writer, (old) => ({
      ...withoutOtherSpaces(old),
      spaces: [old.spaces.find((one) => one.id === old.active)!, target],
    })),
  );
  return target;
}

function withoutOtherSpaces(manifest: Manifest): Manifest {
  const prefix = vectorsPrefix(manifest.active);
  const segments = manifest.segments.map((entry) => ({
    ...entry,
    parts: Object.fromEntries(
      Object.entries(entry.parts).filter(([name]) => !name.startsWith("vectors") || name.startsWith(prefix)),
    ),
  }));
  return { ...manifest, segments };
}

function hasSpace(writer: Writer, segment: OpenSegment, target: SpaceEntry): boolean {
  const entry = writer.library.manifest.segments.find(({ id }) => id === segment.stored.entry.id);
  return (
    entry !== undefined && Object.keys(entry.parts).some((part) => part.startsWith(vectorsPrefix(target.id)))
  );
}

/** Vectors of one segment in the new space, committed as parts of that segment. */
async function fill(
  writer: Writer,
  segment: OpenSegment,
  target: SpaceEntry,
  embedder: Embedder,
  step: (rows: number) => void,
): Promise<number> {
  const runs: Float32Array[] = [];
  let batch: string[] = [];
  let rows = 0;
  const embed = async (): Promise<void> => {
    if (batch.length === 0) return;
    runs.push((await embedder.embed(batch)).data);
    rows += batch.length;
    batch = [];
    step(rows);
  };
  for (let item = 0; item < segment.items.count; item++) {
    const record = await segment.items.record(item);
    batch.push(...passageTexts(record, new TextDecoder().decode(await segment.items.text(item))));
    if (batch.length >= EMBED_BATCH) await embed();
  }
  await embed();
  const parts = new Map(
    [...buildVectors(runs, target)].map(([name, bytes]) => [vectorsPrefix(target.id) + name, bytes]),
  );
  await writer.alone(() =>
    rewrite(writer, (old) => withParts(old, segment.stored.entry.id, parts), parts, segment.stored.entry.id),
  );
  return rows;
}

function withParts(manifest: Manifest, id: number, parts: Parts): Manifest {
  const sizes = Object.fromEntries([...parts].map(([name, bytes]) => [name, bytes.byteLength]));
  return {
    ...manifest,
    segments: manifest.segments.map((entry) =>
      entry.id === id ? { ...entry, parts: { ...entry.parts, ...sizes } } : entry,
    ),
  };
}

/** Switches when nothing came in meanwhile. @returns false when there is more to fill in. */
async function finish(writer: Writer, target: SpaceEntry, embedder: Embedder): Promise<boolean> {
  const { library } = writer;
  return writer.alone(async () => {
    if (library.tail.rows > 0 || library.segments.some((segment) => !hasSpace(writer, segment, target)))
      return false;
    await rewrite(writer, (manifest) =>
      withoutOtherSpaces({ ...manifest, spaces: [target], active: target.id }),
    );
    writer.embedder = embedder;
    return true;
  });
}

/** Commits a changed manifest with new parts of one segment, or without the vectors of a space that is gone. */
async function rewrite(
  writer: Writer,
  change: (old: Manifest) => Manifest,
  parts?: Parts,
  segment?: number,
): Promise<void> {
  const { library } = writer;
  const manifest = change(library.manifest);
  await writer.store.batch((batch) => {
    for (const [name, bytes] of parts ?? []) writePages(batch, NS.segments, [segment!, name], bytes);
    for (const entry of library.manifest.segments) {
      const kept = new Set(Object.keys(manifest.segments.find(({ id }) => id === entry.id)?.parts ?? {}));
      for (const name of Object.keys(entry.parts))
        if (!kept.has(name)) batch.deletePrefix(NS.segments, [entry.id, name]);
    }
    writer.putManifest(batch, manifest);
  });
  await library.adopt(manifest);
}
