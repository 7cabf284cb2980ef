/**
 * The graph of a segment: built from the fine codes that the segment has anyway, and calibrated. It keeps none of its own to re-score with,
 * since those on disk decide, and more links than a graph that stands alone: questions lie far from passages.
 */

import { asU32 } from "../../../bytes.ts";
import type { Metric } from "../../../codecs/codec.ts";
import { throwIfAborted } from "../../../errors.ts";
import { coarseStride, graphWidth } from "../../../kernels/index.ts";
import { ordinalOf, type Parts, rowAt, type SegmentSource } from "../../segment.ts";
import { type Finder, type FindOptions, usualRecall } from "../finder.ts";
import { fineSource } from "../fine-source.ts";
import { decodeTable, effortFor, encodeTable, type RecallTable, recallAt } from "../recall-table.ts";
import { measureRecall, sampleQueries } from "../sample-queries.ts";
import type { VectorCoders } from "../vectors-kind.ts";
import { GraphIndex } from "./graph-index.ts";
import { MOST_DIRECT, PROJECTED_DIMS, ROOM } from "./options.ts";
import { graphParts, restoreGraph } from "./parts.ts";

/** Parts of a segment's graph, under its space's prefix. */
export const GRAPH_PREFIX = "graph/";
const KEPT = ["shape", "coarse", "links", "rows", "entries"] as const;
const RECALL = "recall";

const SHAPE = { fineBits: 0, degree: 48, forward: 24 } as const;
/** Efforts tried are so much apart. */
const STEP = 1.25;

export interface BuildIndexOptions {
  readonly metric: Metric;
  readonly signal?: AbortSignal | undefined;
  readonly onBuilt?: (rows: number) => void;
}

/** @param fine codes of all rows, borrowed. @throws MnemeError CANCELLED */
export async function buildSegmentGraph(
  fine: Uint8Array,
  coders: VectorCoders,
  { metric, signal, onBuilt }: BuildIndexOptions,
): Promise<Parts> {
  const source = fineSource(fine, coders);
  const ordinals = Uint32Array.from({ length: source.rows }, (_, i) => i);
  const shape = { ...SHAPE, coarseDims: coarseDimsOf(source.cols) };
  const growing = { ...shape, metric, signal, ...(onBuilt ? { onLinked: onBuilt } : {}) };
  using graph = await GraphIndex.buildFrom(source, growing, ordinals);
  throwIfAborted(signal, "graph");
  const sample = await sampleQueries(source, fine, coders, metric);
  const table = await measureRecall(
    sample,
    effortsFor(source.rows),
    (query, effort) => graph.search(query, { k: effort, effort }).rows,
  );
  throwIfAborted(signal, "graph");
  const all = graphParts(graph);
  const parts: Parts = new Map(KEPT.map((name) => [GRAPH_PREFIX + name, all.get(name)!]));
  return parts.set(GRAPH_PREFIX + RECALL, encodeTable(table));
}

/** What is walked over is known before there are rows: plans of memory count it. */
function coarseDimsOf(dim: number): number {
  const width = graphWidth(dim);
  return width <= MOST_DIRECT ? width : PROJECTED_DIMS;
}

function effortsFor(rows: number): number[] {
  const efforts: number[] = [];
  const most = Math.min(ROOM, rows);
  for (let effort = 10; effort < most; effort = Math.ceil(effort * STEP)) efforts.push(effort);
  return [...efforts, most];
}

/** RAM of a graph of so many vectors of `dim` values: codes, links and the rows' names, and what a walk works in. */
export function graphBytes(rows: number, dim: number): number {
  const width = graphWidth(dim);
  const dims = coarseDimsOf(dim);
  const projection = dims < width ? dims * width * 2 : 0;
  const walking = 32_768 + 16 * ROOM + rows / 8 + 14 * width;
  return Math.ceil(rows * (coarseStride(dims) + 4 * SHAPE.degree + 8) + projection + walking);
}

export const hasGraph = (source: SegmentSource): boolean => source.size(`${GRAPH_PREFIX}shape`) > 0;

/** @throws MnemeError CORRUPT, VERSION: the parts are no graph of this segment */
export async function openSegmentGraph(source: SegmentSource): Promise<Finder> {
  const names = [...KEPT, RECALL].map((name) => GRAPH_PREFIX + name);
  const bytes = await source.read(names.map((part) => ({ part, start: 0, end: source.size(part) })));
  const table = decodeTable(bytes.pop()!, GRAPH_PREFIX + RECALL);
  const parts: Parts = new Map(KEPT.map((name, i) => [name, bytes[i]!]));
  const ordinals = asU32(parts.get("rows")!);
  if (ordinals.length !== source.rows.count || ordinals.some((ordinal) => ordinal >= source.rows.count))
    parts.delete("rows"); // of another segment: refused as missing
  else parts.set("rows", namesOf(ordinals, source));
  return new SegmentGraph(restoreGraph(parts.set("fine", new Uint8Array(0))), source, table);
}

/** What filters know the rows by, in the graph's order. */
function namesOf(ordinals: Uint32Array, { rows }: SegmentSource): Uint8Array {
  const names = ordinals.map((ordinal) => rowAt(rows, ordinal));
  return new Uint8Array(names.buffer, names.byteOffset, names.byteLength);
}

class SegmentGraph implements Finder {
  readonly #graph: GraphIndex;
  readonly #source: SegmentSource;
  readonly #table: RecallTable;

  constructor(graph: GraphIndex, source: SegmentSource, table: RecallTable) {
    this.#graph = graph;
    this.#source = source;
    this.#table = table;
  }

  find(query: Float32Array, { k, recall, filter, matching }: FindOptions): Uint32Array | undefined {
    const effort = this.#effort(k, recall);
    if (effort === undefined) return undefined;
    const { rows } = this.#graph.search(query, {
      k: effort,
      effort,
      matching,
      ...(filter ? { filter } : {}),
    });
    return rows.map((row) => ordinalOf(this.#source.rows, row));
  }

  expected({ k, recall }: Pick<FindOptions, "k" | "recall">, best: number): number {
    const effort = this.#effort(k, recall);
    return effort === undefined ? 1 : recallAt(this.#table, best, effort);
  }

  memory(): readonly { name: string; bytes: number }[] {
    return this.#graph.memory();
  }

  [Symbol.dispose](): void {
    this.#graph[Symbol.dispose]();
  }

  /** Without a wish what reaches the usual recall at 10 on the sample, and no less than half again the hits. */
  #effort(k: number, recall: number | undefined): number | undefined {
    if (recall === undefined)
      return Math.max(Math.ceil(1.5 * k), effortFor(this.#table, 10, usualRecall) ?? ROOM);
    const effort = effortFor(this.#table, k, recall);
    return effort === undefined || effort > ROOM ? undefined : Math.max(k, effort);
  }
}
