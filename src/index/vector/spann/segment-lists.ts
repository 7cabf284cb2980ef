/**
 * The lists of a segment: built by SPANN in memory from the fine codes that the segment has, packed into parts, calibrated. In RAM are the
 * centres and the lists read last; the others are read from the segment's pages.
 */

import type { Metric } from "../../../codecs/codec.ts";
import { MnemeError, throwIfAborted } from "../../../errors.ts";
import { type Matrix, matrix } from "../../../linalg/matrix.ts";
import { standAside } from "../../../stand-aside.ts";
import { memoryStore } from "../../../storage/memory-store.ts";
import type { ReadableStore } from "../../../storage/store.ts";
import { RowSet } from "../../row-set.ts";
import { type Parts, type RowIds, rowAt, type SegmentSource } from "../../segment.ts";
import { type Finder, type FindOptions, usualRecall } from "../finder.ts";
import { fineSource } from "../fine-source.ts";
import type { BuildIndexOptions } from "../graph/walked-segment.ts";
import { decodeTable, encodeTable, type RecallTable, reachedBy, recallAt } from "../recall-table.ts";
import type { RowSource } from "../row-source.ts";
import { measureRecall, sampleQueries } from "../sample-queries.ts";
import type { VectorCoders } from "../vectors-kind.ts";
import { buildSpann } from "./build.ts";
import { openPacked, packStore } from "./packed-store.ts";
import { NAMESPACE } from "./postings.ts";
import { SpannIndex } from "./spann.ts";

/** Parts of a segment's lists, under its space's prefix. */
export const LISTS_PREFIX = "lists/";
const RECALL = `${LISTS_PREFIX}recall`;
const NAME = "lists";
/** A bit a value: product codes would read a fifth less, but each segment would hold a rotation and codebooks, 4 MB with 1,024 values. */
const CODES = "rabitq1";
/** Lists that a search may read. */
const MOST_LISTS = 512;
/** Efforts that are tried: lists may be so many times as far as the k-th row found, in hundredths. */
const EFFORTS = [90, 95, 100, 105, 110, 115, 120, 130, 145, 170, 200];
/** More hits than are asked for: the segment's own fine codes have the last word on them. */
const BESIDE = 8;
/** Kept lists and pages in RAM for each row, and at least what a round of a search needs. */
const CACHE_PER_ROW = 8;
const LEAST_CACHE = 256 << 10;
/** From so many hits on the effort is that for a hundred. */
const MANY = 30;

/** @param fine codes of all rows, borrowed. @throws MnemeError CANCELLED */
export async function buildSegmentLists(
  fine: Uint8Array,
  coders: VectorCoders,
  { metric, signal, onBuilt }: BuildIndexOptions,
): Promise<Parts> {
  if (metric === "dot")
    throw new MnemeError("UNSUPPORTED", "vectors: lists know no dot product; use flat or graph");
  const source = fineSource(fine, coders);
  const { rows, ids } = nonZero(source);
  await using store = memoryStore();
  await buildSpann(store, NAME, rows, { metric, ids, codes: CODES, ...(signal ? { signal } : {}) });
  throwIfAborted(signal, "lists");
  onBuilt?.(source.rows);
  const parts = packStore(store, NAMESPACE, LISTS_PREFIX);
  using index = await SpannIndex.open(store, NAME, { cacheBytes: 64 << 20 });
  const sample = await sampleQueries(source, fine, coders, metric as Metric);
  const tables: RecallTable[] = [];
  for (const k of [10, 100])
    tables.push(
      await measureRecall(sample, EFFORTS, (query, effort) => {
        throwIfAborted(signal, "lists");
        standAside();
        return rowsOf(index, query, { k: k + BESIDE, effort });
      }),
    );
  return parts.set(RECALL, encodeTable({ ...tables[0]!, at100: tables[1]!.at100 }));
}

/** Rows that are not zero, which have no cosine, and their ordinals; where all are, something in the place of the first. */
function nonZero(source: RowSource): { rows: Matrix; ids: Uint32Array } {
  const step = 4096;
  const values = matrix(source.rows, source.cols);
  const ids = new Uint32Array(source.rows);
  let count = 0;
  for (let first = 0; first < source.rows; first += step) {
    const some = source.read(first, Math.min(step, source.rows - first));
    for (let at = 0; at < some.length; at += source.cols) {
      const row = some.subarray(at, at + source.cols);
      if (row.every((value) => value === 0)) continue;
      values.data.set(row, count * source.cols);
      ids[count++] = first + at / source.cols;
    }
  }
  if (count === 0) values.data[source.cols * count++] = 1;
  return {
    rows: matrix(count, source.cols, values.data.subarray(0, count * source.cols)),
    ids: ids.slice(0, count),
  };
}

async function rowsOf(
  index: SpannIndex,
  query: Float32Array,
  {
    k,
    effort,
    filter,
    signal,
  }: { k: number; effort: number; filter?: RowSet | undefined; signal?: AbortSignal | undefined },
): Promise<Uint32Array> {
  const pruning = { rule: "kth", most: effort / 100 } as const;
  const options = {
    k,
    pruning,
    lists: MOST_LISTS,
    ...(filter ? { filter } : {}),
    ...(signal ? { signal } : {}),
  };
  return (await index.search(query, options)).rows;
}

/** RAM of the lists of so many vectors of `dim` values: centres of some fifty rows each, their directory, what is kept of the lists. */
export function listsBytes(rows: number, dim: number): number {
  const centres = Math.ceil(rows / CENTRE_ROWS);
  const centre = dim + dim / 8 + 28 + 140;
  return Math.ceil(centres * centre + rows * PAGES_PER_ROW + cacheBytes(rows) + SCRATCH_BYTES);
}

/** As SPANN builds by default: half of a list's ninety-six rows and some are of its own centre. */
const CENTRE_ROWS = 48;
const PAGES_PER_ROW = 0.7;
const SCRATCH_BYTES = 200_000;

const cacheBytes = (rows: number): number => Math.max(LEAST_CACHE, rows * CACHE_PER_ROW);

/** @throws MnemeError CORRUPT, VERSION: the parts are no lists of this segment */
export async function openSegmentLists(source: SegmentSource): Promise<Finder> {
  const [bytes] = await source.read([{ part: RECALL, start: 0, end: source.size(RECALL) }]);
  const table = decodeTable(bytes!, RECALL);
  const store = await openPacked(source, LISTS_PREFIX);
  const index = await SpannIndex.open(store, NAME, { cacheBytes: cacheBytes(source.rows.count) });
  if (index.about.lastRow < source.rows.count) return new SegmentLists(index, store, source, table);
  index[Symbol.dispose]();
  throw new MnemeError(
    "CORRUPT",
    `vectors: part ${LISTS_PREFIX}values is of another segment; build the index anew`,
  );
}

class SegmentLists implements Finder {
  readonly #index: SpannIndex;
  readonly #store: ReadableStore & { readonly bytes: number };
  readonly #source: SegmentSource;
  readonly #table: RecallTable;

  constructor(
    index: SpannIndex,
    store: ReadableStore & { readonly bytes: number },
    source: SegmentSource,
    table: RecallTable,
  ) {
    this.#index = index;
    this.#store = store;
    this.#source = source;
    this.#table = table;
  }

  async find(query: Float32Array, options: FindOptions): Promise<Uint32Array | undefined> {
    const { k, recall, filter, signal } = options;
    const effort = this.#effort(k, recall);
    if (effort === undefined) return undefined;
    const among = filter && ordinalsOf(filter, this.#source.rows);
    return rowsOf(this.#index, query, { k: k + BESIDE, effort, filter: among, signal });
  }

  expected({ k, recall }: Pick<FindOptions, "k" | "recall">, best: number): number {
    const effort = this.#effort(k, recall);
    return effort === undefined ? 1 : recallAt(this.#table, best, effort);
  }

  memory(): readonly { name: string; bytes: number }[] {
    const held = this.#index
      .memory()
      .map(({ name, bytes }) => ({ name: name.replace("spann", "lists"), bytes }));
    return [...held, { name: "lists: keys", bytes: this.#store.bytes }];
  }

  [Symbol.dispose](): void {
    this.#index[Symbol.dispose]();
  }

  #effort(k: number, recall: number | undefined): number | undefined {
    const measured = k < MANY ? this.#table.at10 : this.#table.at100;
    if (recall !== undefined) return reachedBy(this.#table.efforts, measured, recall);
    return reachedBy(this.#table.efforts, this.#table.at10, usualRecall) ?? EFFORTS.at(-1);
  }
}

/** A filter of rows as one of the segment's ordinals: its very words where the segment's rows are whole ones. */
function ordinalsOf(filter: RowSet, rows: RowIds): RowSet {
  if (rows.base !== null && rows.base % 32 === 0) {
    const words = filter.words.slice(rows.base / 32, Math.ceil((rows.base + rows.count) / 32));
    return RowSet.fromBytes(new Uint8Array(words.buffer));
  }
  const ordinals = new RowSet(rows.count);
  for (let ordinal = 0; ordinal < rows.count; ordinal++)
    if (filter.has(rowAt(rows, ordinal))) ordinals.add(ordinal);
  return ordinals;
}
