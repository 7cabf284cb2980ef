/** Building and merging whole segments: pure functions over bytes, run by a worker or inline. */

import { concat } from "../../bytes.ts";
import { mergeCubes } from "../../index/cube/cube-kind.ts";
import { columnsKind } from "../../index/filter/columns.ts";
import type { Meta } from "../../index/filter/where.ts";
import { RowSet } from "../../index/row-set.ts";
import { contiguousRows, type Parts, type RowIds, type SegmentInput } from "../../index/segment.ts";
import { sparseKind } from "../../index/sparse/sparse-kind.ts";
import type { SparseVector } from "../../index/sparse/weights.ts";
import { ANALYSER_PART, wordsKind } from "../../index/text/words-kind.ts";
import { type BuiltIndex, buildIndex } from "../../index/vector/kinds.ts";
import { vectorsKind } from "../../index/vector/vectors-kind.ts";
import { encodeItemRecord, type ItemRecord } from "../item-record.ts";
import { buildItems, mergeItems, passagesOf } from "../items-kind.ts";
import { type CubeEntry, cubePrefix, type SpaceEntry } from "../layout.ts";
import { codersOf, vectorsPrefix } from "../spaces.ts";

/** One item, ready to become rows of a segment. */
export interface BuildItem {
  readonly record: ItemRecord;
  readonly text: Uint8Array;
  readonly passages: readonly string[];
  readonly columns: Meta;
  /** rows x dim; absent when another thread makes the vectors. */
  readonly vectors?: Float32Array;
  readonly sparse?: SparseVector;
}

/** All parts of a new segment, each under its room's prefix. Ordinals only: the rows are given at commit. */
export function buildSegment(items: readonly BuildItem[], space: SpaceEntry): Parts {
  const parts: Parts = new Map();
  const rowsOf = (item: BuildItem): number => item.passages.length;
  addParts(
    parts,
    "items/",
    buildItems(
      items.map((item) => ({ record: encodeItemRecord(item.record), text: item.text, rows: rowsOf(item) })),
    ),
  );
  addParts(
    parts,
    "columns/",
    columnsKind.build(items.map((item) => ({ meta: item.columns, rows: rowsOf(item) }))),
  );
  addParts(parts, "words/", wordsKind.build(items.flatMap((item) => item.passages)));
  addParts(
    parts,
    "sparse/",
    sparseKind.build(items.flatMap(({ passages, sparse }) => passages.map(() => sparse))),
  );
  if (items.every((item) => item.vectors)) {
    const runs = items.map((item) => item.vectors!);
    for (const [name, bytes] of buildVectors(runs, space)) parts.set(name, bytes);
  }
  return parts;
}

/** Vector parts of the space, under its prefix, from runs of rows x dim values. */
export function buildVectors(runs: readonly Float32Array[], space: SpaceEntry): Parts {
  const dim = space.space.dim;
  const rows: Float32Array[] = [];
  for (const run of runs) for (let at = 0; at < run.length; at += dim) rows.push(run.subarray(at, at + dim));
  const parts: Parts = new Map();
  addParts(parts, vectorsPrefix(space.id), vectorsKind(codersOf(space)).build(rows));
  return parts;
}

/** Parts of an index over a segment's fine codes, under the space's prefix. @throws MnemeError CANCELLED */
export async function indexVectors(
  {
    index,
    fine,
    space,
    mostEffort,
  }: { index: BuiltIndex; fine: Uint8Array; space: SpaceEntry; mostEffort?: number },
  { signal, onRows }: { signal?: AbortSignal; onRows?: (rows: number) => void },
): Promise<Parts> {
  const options = { metric: "cosine", signal, mostEffort, ...(onRows ? { onBuilt: onRows } : {}) } as const;
  const parts: Parts = new Map();
  addParts(parts, vectorsPrefix(space.id), await buildIndex(index, fine, codersOf(space), options));
  return parts;
}

/** Vector parts of runs of rows, in order, as those of all rows: codes have a fixed size a row, so joining is copying. */
export function joinVectors(runs: readonly Parts[]): Parts {
  const names = [...(runs[0]?.keys() ?? [])];
  return new Map(
    names.map((name) => {
      const pieces = runs.map((run) => run.get(name)!);
      return [
        name,
        concat(
          pieces,
          pieces.reduce((sum, { byteLength }) => sum + byteLength, 0),
        ),
      ];
    }),
  );
}

/** A segment to merge: its rows and all its parts, prefixed. */
export interface MergeInput {
  readonly rows: RowIds;
  readonly parts: Parts;
}

/** One segment from several, without the rows that are not in `live`. */
export function mergeSegments(
  inputs: readonly MergeInput[],
  live: RowSet,
  { spaces, cube }: { readonly spaces: readonly SpaceEntry[]; readonly cube?: CubeEntry },
): Parts {
  const parts: Parts = new Map();
  const under = (prefix: string): SegmentInput[] =>
    inputs.map(({ rows, parts: all }) => ({ rows, parts: partsUnder(prefix, all) }));
  addParts(parts, "items/", mergeItems(under("items/"), live));
  addParts(parts, "columns/", columnsKind.merge(under("columns/"), live));
  addParts(parts, "words/", wordsKind.merge(inputs.map(currentWords), live));
  addParts(parts, "sparse/", sparseKind.merge(under("sparse/"), live));
  const isInEach = (prefix: string): boolean =>
    inputs.every(({ parts: all }) => [...all.keys()].some((name) => name.startsWith(prefix)));
  for (const space of spaces) {
    const prefix = vectorsPrefix(space.id);
    if (isInEach(prefix)) addParts(parts, prefix, vectorsKind(codersOf(space)).merge(under(prefix), live));
  }
  // what is not filed in every input is filed anew, behind the merge
  const prefix = cube && cubePrefix(cube.id);
  if (prefix && isInEach(prefix)) addParts(parts, prefix, mergeCubes(cube.dimensions, under(prefix), live));
  return parts;
}

/** Words of a segment; those of an older analyser are made anew from its texts. */
function currentWords({ rows, parts }: MergeInput): SegmentInput {
  const words = partsUnder("words/", parts);
  if (words.has(ANALYSER_PART)) return { rows, parts: words };
  return { rows, parts: wordsOf(passagesOf(partsUnder("items/", parts))) };
}

/** Passages are taken so many at a time: those of a whole segment may be more than memory holds. */
const BATCH_PASSAGES = 8192;

function wordsOf(passages: Iterable<string>): Parts {
  const built: SegmentInput[] = [];
  let first = 0;
  let batch: string[] = [];
  const build = (): void => {
    built.push({ rows: contiguousRows(first, batch.length), parts: wordsKind.build(batch) });
    first += batch.length;
    batch = [];
  };
  for (const passage of passages) if (batch.push(passage) === BATCH_PASSAGES) build();
  if (batch.length > 0 || built.length === 0) build();
  return built.length === 1 ? built[0]!.parts : wordsKind.merge(built, RowSet.range(0, first));
}

/** Parts of one room, by their names in it. */
function partsUnder(prefix: string, all: Parts): Parts {
  const own = [...all].filter(([name]) => name.startsWith(prefix));
  return new Map(own.map(([name, bytes]) => [name.slice(prefix.length), bytes]));
}

function addParts(all: Parts, prefix: string, parts: Parts): void {
  for (const [name, bytes] of parts) all.set(prefix + name, bytes);
}
