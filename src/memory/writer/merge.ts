/**
 * merge: neighbouring segments become one without their dead rows. Size-tiered, as log-structured stores do (O'Neil et al., The
 * Log-Structured Merge-Tree, 1996): a row is rewritten a logarithmic number of times.
 */
import type { RowSet } from "../../index/row-set.ts";
import { type RowIds, rowAt, rowIdsOf } from "../../index/segment.ts";
import { type Manifest, NS, type SegmentEntry } from "../layout.ts";
import type { OpenSegment } from "../library.ts";
import type { MergeInput } from "./build.ts";
import { noParts, type PagedParts } from "./page-runs.ts";
import { nameSegment, stageSegment } from "./stage.ts";
import type { Writer } from "./writer.ts";

export const mergeDefaults = {
  /** Neighbours of one tier that are merged together. */
  fanIn: 8,
  /** Rows of the largest segment a merge makes: bounds the RAM of merging. */
  maxRows: 262_144,
  /** Rows of the smallest tier; tiers grow by fanIn. */
  firstTier: 1024,
  /** A segment with a larger share of dead rows is rewritten. */
  deadShare: 0.4,
} as const;

/** Queues a merge when there is one to do. */
export function mergeIfMany(writer: Writer): void {
  if (writer.mergeQueued || !pickMerge(writer)) return;
  writer.mergeQueued = true;
  void writer
    .inBackground(async () => {
      writer.mergeQueued = false;
      for (let run = pickMerge(writer); run; run = pickMerge(writer)) await mergeRun(writer, run);
    })
    .catch(() => {}); // reported by inBackground and thrown by idle
}

/** The first run of neighbours worth merging, or undefined. None while a reembed fills in a second space. */
function pickMerge(writer: Writer): readonly OpenSegment[] | undefined {
  const { segments, manifest } = writer.library;
  if (manifest.spaces.length > 1) return undefined;
  const { fanIn, deadShare, maxRows } = mergeDefaults;
  for (let at = 0; at + fanIn <= segments.length; at++) {
    const run = segments.slice(at, at + fanIn);
    const tiers = run.map(({ stored }) => tierOf(stored.rows.count));
    if (Math.max(...tiers) === Math.min(...tiers) && rowCount(run) <= maxRows) return run;
  }
  const gone = goneRows(writer);
  const worn = segments.find(({ stored }) => goneOf(stored.rows, gone) > deadShare * stored.rows.count);
  return worn && [worn];
}

/** Everything that compaction should rewrite: worn segments alone, small neighbours together. */
export function compactionRuns(writer: Writer): (readonly OpenSegment[])[] {
  const runs: OpenSegment[][] = [];
  let run: OpenSegment[] = [];
  for (const segment of writer.library.segments) {
    if (rowCount(run) + segment.stored.rows.count > mergeDefaults.maxRows && run.length > 0) {
      runs.push(run);
      run = [];
    }
    run.push(segment);
  }
  if (run.length > 0) runs.push(run);
  const gone = goneRows(writer);
  return runs.filter((one) => one.length > 1 || goneOf(one[0]!.stored.rows, gone) > 0);
}

/** Merges a run of neighbours into one segment. Call it only from background work. */
export async function mergeRun(writer: Writer, run: readonly OpenSegment[]): Promise<void> {
  const { library } = writer;
  const keep = library.live.or(writer.trash.rows);
  const rows = rowIdsOf(keptRows(run, keep));
  const parts = rows.count === 0 ? noParts : await mergedParts(writer, run, keep);
  const staged = rows.count === 0 ? undefined : await stageSegment(writer, parts);
  await writer.alone(async () => {
    let manifest!: Manifest;
    await writer.store.batch((batch) => {
      const old = library.manifest;
      for (const { stored } of run) batch.deletePrefix(NS.segments, [stored.entry.id]);
      const merged = staged ? [nameSegment(batch, staged, rows)] : [];
      manifest = {
        ...old,
        segments: replaced(old.segments, run, merged),
        nextSegment: Math.max(old.nextSegment, (staged?.id ?? 0) + 1),
      };
      writer.putManifest(batch, manifest);
    });
    await library.adopt(manifest);
  });
}

function replaced(
  old: readonly SegmentEntry[],
  run: readonly OpenSegment[],
  merged: readonly SegmentEntry[],
): SegmentEntry[] {
  const away = new Set(run.map(({ stored }) => stored.entry.id));
  return [...old.filter((entry) => !away.has(entry.id)), ...merged].sort((a, b) => a.first - b.first);
}

function keptRows(run: readonly OpenSegment[], keep: RowSet): Uint32Array {
  const kept = new Uint32Array(rowCount(run));
  let count = 0;
  for (const { stored } of run) {
    for (let i = 0; i < stored.rows.count; i++) {
      const row = rowAt(stored.rows, i);
      if (keep.has(row)) kept[count++] = row;
    }
  }
  return kept.subarray(0, count);
}

/** The inputs change hands: no copy of them is made for the thread. */
async function mergedParts(writer: Writer, run: readonly OpenSegment[], keep: RowSet): Promise<PagedParts> {
  const inputs: MergeInput[] = [];
  for (const { stored } of run) inputs.push(await stored.input());
  const transfer = inputs.flatMap(({ parts }) =>
    [...parts.values()].map(({ buffer }) => buffer as ArrayBuffer),
  );
  const { spaces } = writer.library.manifest;
  return writer.pool.run({ kind: "merge", inputs, live: keep.toBytes(), spaces }, { transfer });
}

/** Rows that a rewrite would drop: dead and not kept for `undo`. */
function goneRows({ library, trash }: Writer): RowSet {
  return library.dead.andNot(trash.rows);
}

/** How many of `gone` a segment holds. Dead rows that an earlier merge dropped lie between its own. */
function goneOf(rows: RowIds, gone: RowSet): number {
  if (rows.base !== null) return gone.countIn(rows.base, rows.base + rows.count);
  const between = gone.countIn(rows.ids![0]!, rows.ids!.at(-1)! + 1);
  return between === 0 ? 0 : rows.ids!.reduce((sum, row) => sum + (gone.has(row) ? 1 : 0), 0);
}

function tierOf(rows: number): number {
  return Math.max(0, Math.ceil(Math.log(rows / mergeDefaults.firstTier) / Math.log(mergeDefaults.fanIn)));
}

function rowCount(run: readonly OpenSegment[]): number {
  return run.reduce((sum, { stored }) => sum + stored.rows.count, 0);
}
