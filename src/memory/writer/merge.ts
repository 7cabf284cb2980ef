/**
 * merge: neighbouring segments become one without their dead rows. Size-tiered, as log-structured stores do (O'Neil et al., The
 * Log-Structured Merge-Tree, 1996): a row is rewritten a logarithmic number of times.
 */
import { MnemeError } from "../../errors.ts";
import type { RowSet } from "../../index/row-set.ts";
import { type RowIds, rowAt, rowIdsOf } from "../../index/segment.ts";
import { ANALYSER_PART } from "../../index/text/words-kind.ts";
import { type Manifest, NS, type SegmentEntry } from "../layout.ts";
import type { OpenSegment } from "../library.ts";
import { isIndexPart } from "../plan-vectors.ts";
import { SUBSTRINGS } from "../substrings/substrings.ts";
import type { MergeInput } from "./build.ts";
import { noParts, type PagedParts } from "./page-runs.ts";
import { nameSegment, namingStaged, stageSegment } from "./stage.ts";
import type { Writer } from "./writer.ts";

export const mergeDefaults = {
  /** Neighbours of one tier that are merged together. */
  fanIn: 8,
  /** Rows of the largest segment that merging behind makes: a merge needs its size in free pages, which only `compact` gives back. */
  maxRows: 65_536,
  /** Rows of the largest segment that `compact` makes: bounds the RAM of merging. */
  compactRows: 262_144,
  /** Uncompressed bytes of texts and headers of the largest segment that merging makes: a segment counts them in 32 bits. */
  maxBytes: 2 ** 30,
  /** Rows of the smallest tier; tiers grow by fanIn. */
  firstTier: 1024,
  /** A segment with a larger share of dead rows is rewritten. */
  deadShare: 0.4,
} as const;

export type MergeLimits = { readonly [limit in keyof typeof mergeDefaults]: number };

/**
 * The first run of neighbours worth merging, or undefined: as many of one tier as fanIn says, with the smaller ones between them, or
 * a worn one alone. None while a reembed fills in a second space.
 */
export function pickMerge(
  writer: Writer,
  limits: MergeLimits = mergeDefaults,
): readonly OpenSegment[] | undefined {
  const { segments, manifest } = writer.library;
  if (manifest.spaces.length > 1) return undefined;
  const { deadShare, maxRows, maxBytes } = limits;
  for (const run of likeNeighbours(segments))
    if (rowCount(run) <= maxRows && byteCount(run) <= maxBytes) return run;
  const gone = goneRows(writer);
  const worn = segments.find(({ stored }) => goneOf(stored.rows, gone) > deadShare * stored.rows.count);
  return worn && [worn];
}

/** Runs that begin and end with a segment of one tier, hold fanIn of it and none of a higher one; lowest tier first. */
function* likeNeighbours(segments: readonly OpenSegment[]): Generator<readonly OpenSegment[]> {
  const tiers = segments.map(({ stored }) => tierOf(stored.rows.count));
  for (const tier of [...new Set(tiers)].sort((a, b) => a - b)) {
    for (let start = 0; start < segments.length; start++) {
      if (tiers[start] !== tier) continue;
      let found = 0;
      for (let at = start; at < segments.length && tiers[at]! <= tier; at++) {
        if (tiers[at] !== tier || ++found < mergeDefaults.fanIn) continue;
        yield segments.slice(start, at + 1);
        break;
      }
    }
  }
}

/** Whether rows of the tail stand between those of a run. Merging it would make a segment that theirs must overlap one day. */
export function hasTailWithin({ library }: Writer, run: readonly OpenSegment[]): boolean {
  const [first, last] = [run[0]!.stored.entry.first, run.at(-1)!.stored.entry.last];
  return library.tail.items.some(({ firstRow }) => firstRow > first && firstRow < last);
}

/** Everything that compaction should rewrite: worn segments and those with words of an older analyser alone, small neighbours together. */
export function compactionRuns(
  writer: Writer,
  { compactRows, maxBytes }: MergeLimits = mergeDefaults,
): (readonly OpenSegment[])[] {
  const isTooLarge = (run: readonly OpenSegment[]): boolean =>
    rowCount(run) > compactRows || byteCount(run) > maxBytes;
  const runs: OpenSegment[][] = [];
  let run: OpenSegment[] = [];
  for (const segment of writer.library.segments) {
    const more = [...run, segment];
    if (run.length > 0 && (isTooLarge(more) || hasTailWithin(writer, more))) {
      runs.push(run);
      run = [];
    }
    run = [...run, segment];
  }
  if (run.length > 0) runs.push(run);
  const gone = goneRows(writer);
  return runs.filter(
    ([first, ...others]) =>
      others.length > 0 || goneOf(first!.stored.rows, gone) > 0 || !hasCurrentWords(first!),
  );
}

/** Merges a run of neighbours into one segment. Call it only from background work, with no tail rows between the run's. */
export async function mergeRun(writer: Writer, run: readonly OpenSegment[]): Promise<void> {
  const { library } = writer;
  const keep = library.live.or(writer.trash.rows);
  const kept = keptRows(run, keep);
  assertAscending(kept);
  const rows = rowIdsOf(kept);
  const parts = rows.count === 0 ? noParts : await mergedParts(writer, run, keep);
  const staged = rows.count === 0 ? undefined : await stageSegment(writer, parts);
  const name = (): Promise<void> =>
    writer.alone(async () => {
      let manifest!: Manifest;
      await writer.store.batch((batch) => {
        const old = library.manifest;
        const merged = staged ? [nameSegment(batch, staged, rows)] : [];
        manifest = {
          ...old,
          segments: replaced(old.segments, run, merged),
          nextSegment: Math.max(old.nextSegment, (staged?.id ?? 0) + 1),
        };
        writer.putManifest(batch, manifest);
      });
      await library.adopt(manifest);
      // only now: searches read the old segments until the switch. A crash before leaves orphans, which the next opening drops
      await writer.store.batch((batch) => {
        for (const { stored } of run) batch.deletePrefix(NS.segments, [stored.entry.id]);
      });
    });
  await namingStaged(writer, staged?.id, name);
}

/** Every part of a merged segment relies on it, so a broken order must not get into one. */
function assertAscending(rows: Uint32Array): void {
  const at = rows.findIndex((row, i) => i > 0 && row <= rows[i - 1]!);
  if (at >= 0)
    throw new MnemeError(
      "INTERNAL",
      `merge: row ${rows[at]} comes after row ${rows[at - 1]}, so segments overlap; nothing was changed, please report it`,
    );
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

/** The inputs change hands: no copy of them is made for the thread. Indexes are built anew, over the merged rows. */
async function mergedParts(writer: Writer, run: readonly OpenSegment[], keep: RowSet): Promise<PagedParts> {
  const inputs: MergeInput[] = [];
  for (const { stored } of run)
    inputs.push(await stored.input((part) => !isIndexPart(part) && !part.startsWith(SUBSTRINGS)));
  const transfer = inputs.flatMap(({ parts }) =>
    [...parts.values()].map(({ buffer }) => buffer as ArrayBuffer),
  );
  const { spaces, cube } = writer.library.manifest;
  const filed = cube ? { cube } : {};
  return writer.pool.run({ kind: "merge", inputs, live: keep.toBytes(), spaces, ...filed }, { transfer });
}

function hasCurrentWords({ stored }: OpenSegment): boolean {
  return `words/${ANALYSER_PART}` in stored.entry.parts;
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

function byteCount(run: readonly OpenSegment[]): number {
  return run.reduce((sum, { items }) => sum + items.rawBytes, 0);
}
