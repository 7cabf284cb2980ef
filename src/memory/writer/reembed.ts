/**
 * reembed: a second space is filled in segment by segment while the first one answers; when every segment has it, one batch
 * switches. What is done is in the manifest, so an interrupted run goes on where it was.
 */
import type { Embedder } from "../../embed/embedder.ts";
import { sameSpace } from "../../embed/space.ts";
import { throwIfAborted } from "../../errors.ts";
import type { Parts } from "../../index/segment.ts";
import { writePages } from "../../storage/pages.ts";
import type { ItemRecord } from "../item-record.ts";
import { type Manifest, NS, type SpaceEntry } from "../layout.ts";
import type { Library, OpenSegment } from "../library.ts";
import { passageTexts } from "../passage-text.ts";
import { newSpaceEntry, vectorsPrefix } from "../spaces.ts";
import { StoredSegment } from "../stored-segment.ts";
import type { WorkOptions } from "../types.ts";
import { buildVectors, joinVectors } from "./build.ts";
import { dropParts, partsGone } from "./drop-parts.ts";
import { flushTail } from "./flush.ts";
import { mergeIfMany } from "./maintain.ts";
import type { Writer } from "./writer.ts";

/** Passages read and embedded at once: few enough that reading them does not hold up the event loop for long. */
const RUN_PASSAGES = 256;
/** Places of passages count a leading byte order mark. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export async function reembed(
  writer: Writer,
  embedder: Embedder,
  options: WorkOptions,
): Promise<{ passages: number }> {
  if (sameSpace(writer.library.activeSpace.space, embedder.space)) {
    await keepOrigin(writer, embedder);
    return { passages: 0 };
  }
  let passages = 0;
  await writer.inBackground(async () => {
    const target = await begin(writer, embedder);
    const embed = await embedRun(writer, target, embedder, options.signal);
    do {
      await flushTail(writer);
      passages += await fillMissing(writer, target, embed, options);
    } while (!(await finish(writer, target, embedder)));
  });
  mergeIfMany(writer);
  return { passages };
}

/** Equal vectors from an embedder that is made in another way, as of an endpoint that moved: later openings take that way. */
async function keepOrigin(writer: Writer, embedder: Embedder): Promise<void> {
  const { origin } = embedder;
  if (!origin || JSON.stringify(origin) === JSON.stringify(writer.library.activeSpace.origin)) return;
  await writer.alone(() =>
    rewrite(writer, {
      change: (old) => ({
        ...old,
        spaces: old.spaces.map((one) => (one.id === old.active ? { ...one, origin } : one)),
      }),
      switched: () => {
        writer.embedder = embedder;
      },
    }),
  );
}

/** Fills the new space in for each segment that lacks it. @returns passages embedded */
async function fillMissing(
  writer: Writer,
  target: SpaceEntry,
  embed: EmbedRun,
  options: WorkOptions,
): Promise<number> {
  const { segments } = writer.library;
  const rowsOf = (some: readonly OpenSegment[]): number =>
    some.reduce((sum, { stored }) => sum + stored.rows.count, 0);
  const missing = segments.filter((segment) => !hasSpace(writer, segment, target));
  const total = rowsOf(segments);
  const before = total - rowsOf(missing);
  let passages = 0;
  for (const segment of missing) {
    const done = before + passages;
    passages += await fill(writer, segment, embed, (rows) => {
      options.onProgress?.({ phase: "embed", done: done + rows, total, bytes: 0, totalBytes: 0 });
      throwIfAborted(options.signal, "reembed");
    });
  }
  return passages;
}

/** The space being filled in: one begun earlier for the same model, or a new one; another unfinished one is dropped. */
async function begin(writer: Writer, embedder: Embedder): Promise<SpaceEntry> {
  const { manifest } = writer.library;
  const begun = manifest.spaces.find(
    (entry) => entry.id !== manifest.active && sameSpace(entry.space, embedder.space),
  );
  if (begun) return begun;
  const target = newSpaceEntry(Math.max(...manifest.spaces.map((entry) => entry.id)) + 1, embedder);
  await writer.alone(() =>
    rewrite(writer, {
      change: (old) => ({
        ...withoutOtherSpaces(old),
        spaces: [old.spaces.find((one) => one.id === old.active)!, target],
      }),
    }),
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
  embed: EmbedRun,
  step: (rows: number) => void,
): Promise<number> {
  const runs: Promise<Parts>[] = [];
  let rows = 0;
  for await (const passages of passageRuns(segment)) {
    const run = embed.run(passages).then((parts) => {
      rows += passages.length;
      step(rows);
      return parts;
    });
    run.catch(() => {}); // thrown where it is awaited
    runs.push(run);
    if (runs.length > embed.atOnce) await runs[runs.length - 1 - embed.atOnce];
  }
  const added = { segment: segment.stored.entry.id, parts: joinVectors(await Promise.all(runs)) };
  await writer.alone(() =>
    rewrite(writer, { change: (old) => withParts(old, added.segment, added.parts), added }),
  );
  return rows;
}

/** What embeds a run of passages, and how many runs may be under way beside the one being read. */
interface EmbedRun {
  readonly atOnce: number;
  run(passages: readonly string[]): Promise<Parts>;
}

/** Workers load the bundled model by themselves, which leaves this thread to answer; other embedders live here. */
async function embedRun(
  writer: Writer,
  target: SpaceEntry,
  embedder: Embedder,
  signal: AbortSignal | undefined,
): Promise<EmbedRun> {
  const { pool } = writer;
  const task = { kind: "vectors", space: target, embedder: { bundledDim: target.space.dim } } as const;
  const workersCan =
    embedder.isBundled && pool.size > 0 && (await pool.run({ ...task, passages: [""] })).size > 0;
  if (workersCan)
    return {
      atOnce: pool.size,
      run: (passages) => pool.run({ ...task, passages }),
    };
  return {
    atOnce: 1,
    run: async (passages) => {
      const { data } = await embedder.embed(passages, signal ? { signal } : {});
      return buildVectors([data], target);
    },
  };
}

/** Texts of a segment's passages in order, in runs that hold whole items. */
async function* passageRuns({ items }: OpenSegment): AsyncGenerator<string[]> {
  let run: string[] = [];
  for (let item = 0; item < items.count; item++) {
    const record = await items.record(item);
    run.push(...passageTexts(record, decoder.decode(await items.text(item, 0, endOf(record)))));
    if (run.length < RUN_PASSAGES) continue;
    yield run;
    run = [];
    await new Promise((resolve) => setImmediate(resolve)); // items come from RAM or disk without a turn of the event loop
  }
  if (run.length > 0) yield run;
}

/** Bytes up to the end of the last passage: an item of bytes has none that are text. */
const endOf = ({ places }: ItemRecord): number => places.at(-1)?.endByte ?? 0;

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
    await rewrite(writer, {
      change: (manifest) => withoutOtherSpaces({ ...manifest, spaces: [target], active: target.id }),
      switched: () => {
        writer.embedder = embedder;
      },
    });
    return true;
  });
}

interface Rewrite {
  readonly change: (old: Manifest) => Manifest;
  /** New parts of one segment. */
  readonly added?: { readonly segment: number; readonly parts: Parts };
  /** Runs with the switch of searches to the changed manifest. */
  readonly switched?: () => void;
}

/** Commits a changed manifest, with the parts that it names anew and without those that it names no more. */
async function rewrite(writer: Writer, { change, added, switched }: Rewrite): Promise<void> {
  const { library } = writer;
  const old = library.manifest;
  const manifest = change(old);
  await writer.store.batch((batch) => {
    for (const [name, bytes] of added?.parts ?? [])
      writePages(batch, NS.segments, [added!.segment, name], bytes);
    writer.putManifest(batch, manifest);
  });
  await library.adopt(manifest, switched);
  await library.gate.write(async () => {
    library.segments = await Promise.all(library.segments.map((segment) => renewed(library, segment)));
  });
  await dropParts(writer, partsGone(old, manifest));
}

/** The open segment with the parts that the manifest gives it now: a merge reads them all. */
async function renewed({ store, cache, manifest }: Library, segment: OpenSegment): Promise<OpenSegment> {
  const entry = manifest.segments.find(({ id }) => id === segment.stored.entry.id)!;
  if (entry === segment.stored.entry) return segment;
  return { ...segment, stored: await StoredSegment.open(store, cache, entry) };
}
