/** Building a cell index: vectors become parts, that `CellIndex.open` searches. */
import type { Metric } from "../../../codecs/codec.ts";
import { serialize } from "../../../codecs/serial.ts";
import { MnemeError, throwIfAborted } from "../../../errors.ts";
import { graphWidth, type WasmGraph } from "../../../kernels/index.ts";
import { type Matrix, rowsOf } from "../../../linalg/matrix.ts";
import { Pacer } from "../../../pacer.ts";
import type { Parts } from "../../segment.ts";
import { checkIds, checkVectors } from "../graph/check.ts";
import { ENOUGH_KEPT, unitOf } from "../graph/fit-shape.ts";
import { matrixSource } from "../row-source.ts";
import { fitCentres, nearestCentres } from "./centres.ts";
import { CellEncoder, centresOf, encodeFine, fineRowBytes, quantise } from "./encode.ts";
import { type CellOptions, cellDefaults, MOST_DIRECT, PROJECTED_DIMS } from "./options.ts";
import { fitSpan, Projector, type Span } from "./span.ts";

/** Grows when the bytes change. */
export const CELLS_VERSION = 3;
/** Rows coded at once. */
const BATCH = 2048;

export interface CellBuildOptions extends CellOptions {
  readonly signal?: AbortSignal;
}

/**
 * Parts `shape`, `centres`, `links`, `entries`, `starts`, `blocks`, `ranges`, `factors`, `addends`, `rows`, and `fine`, which may stay on disk.
 * @param vectors n x dim f32, n from 1; borrowed until it settles @param ids of the rows, ascending; default 0, 1, ...
 * @throws MnemeError INSUFFICIENT_DATA, NOT_FINITE, ZERO_VECTOR, RANGE, DIMENSION, CANCELLED
 */
export async function buildCells(
  vectors: Matrix,
  options: CellBuildOptions = {},
  ids?: Uint32Array,
): Promise<Parts> {
  const settings = { ...cellDefaults, ...options };
  const { metric, bits, seed, fineBits } = settings;
  const most = dimsOf(vectors.cols, options.dims);
  if (vectors.rows === 0)
    throw new MnemeError("INSUFFICIENT_DATA", "cells: no vectors; an index is fitted to at least one");
  if (![1, 2, 3, 4].includes(bits)) throw new MnemeError("RANGE", `cells: bits must be 1 to 4, got ${bits}`);
  if (!(settings.cellRows >= 1))
    throw new MnemeError("RANGE", `cells: cellRows must be from 1, got ${settings.cellRows}`);
  const rows = ids ?? Uint32Array.from({ length: vectors.rows }, (_, i) => i);
  checkVectors("cells", vectors, vectors.cols, metric);
  checkIds("cells", rows, vectors.rows);
  const enough = options.dims === undefined ? ENOUGH_KEPT : undefined;
  const span = fitSpan(matrixSource(vectors), metric, most, seed, enough);
  const projector = new Projector(span);
  using graph = await fitCentres(vectors, span, projector, settings);
  const cells = await nearestCentres(graph, vectors, settings);
  const { order, starts } = sorted(cells, graph.rows);
  const encoder = new CellEncoder(centresOf(graph), span.dims, bits, vectors.rows, metric === "dot");
  const fineRows = new Uint8Array(vectors.rows * fineRowBytes(vectors.cols, fineBits));
  const fine = { bits: fineBits, rows: fineRows };
  await encodeAll(vectors, metric, projector, { order, cells, encoder, fine, signal: options.signal });
  const ranges = new Float32Array(graph.rows * 4);
  const factors = quantise(encoder.factors, starts, ranges, 0);
  const addends = quantise(encoder.addends, starts, ranges, 2);
  return new Map([
    ["shape", shapeBytes(span, graph, { metric, bits, rows: vectors.rows, fineBits })],
    ...centreParts(graph),
    ["starts", bytesOf(starts)],
    ["blocks", encoder.blocks],
    ["ranges", bytesOf(ranges)],
    ["factors", factors],
    ["addends", addends],
    ["rows", bytesOf(Uint32Array.from(order, (row) => rows[row]!))],
    ["fine", fineRows],
  ]);
}

/** @throws MnemeError RANGE */
function dimsOf(dim: number, wanted: number | undefined): number {
  const width = graphWidth(dim);
  const dims = wanted ?? (dim <= MOST_DIRECT ? Math.ceil(dim / 8) * 8 : PROJECTED_DIMS);
  if (Number.isInteger(dims) && dims >= 8 && dims % 8 === 0 && dims <= width) return dims;
  throw new MnemeError("RANGE", `cells: dims must be a multiple of 8 up to ${width}, got ${dims}`);
}

/** Rows by cell, and where each cell begins. */
function sorted(cells: Uint32Array, count: number): { order: Uint32Array; starts: Uint32Array } {
  const starts = new Uint32Array(count + 1);
  for (const cell of cells) starts[cell + 1]!++;
  for (let cell = 0; cell < count; cell++) starts[cell + 1]! += starts[cell]!;
  const next = starts.slice();
  const order = new Uint32Array(cells.length);
  cells.forEach((cell, row) => {
    order[next[cell]!++] = row;
  });
  return { order, starts };
}

interface Encoding {
  readonly order: Uint32Array;
  readonly cells: Uint32Array;
  readonly encoder: CellEncoder;
  readonly fine: { readonly bits: number; readonly rows: Uint8Array };
  readonly signal: AbortSignal | undefined;
}

async function encodeAll(
  vectors: Matrix,
  metric: Metric,
  projector: Projector,
  { order, cells, encoder, fine, signal }: Encoding,
): Promise<void> {
  const dim = vectors.cols;
  const stride = fineRowBytes(dim, fine.bits);
  const out = new DataView(fine.rows.buffer);
  const slots = new Uint32Array(order.length);
  order.forEach((row, slot) => {
    slots[row] = slot;
  });
  const pacer = new Pacer();
  for (let from = 0; from < vectors.rows; from += BATCH) {
    throwIfAborted(signal, "cells");
    const some = rowsOf(vectors, from, Math.min(vectors.rows, from + BATCH));
    const centred = projector.centre(unitOf(metric, some.data, dim));
    const projected = projector.project(centred);
    for (let r = 0; r < some.rows; r++) {
      let square = 0;
      for (let c = r * dim; c < (r + 1) * dim; c++) square += centred[c]! * centred[c]!;
      const slot = slots[from + r]!;
      encoder.put(slot, cells[from + r]!, projected, r, square);
      if (fine.bits > 0) encodeFine(centred.subarray(r * dim, (r + 1) * dim), fine.bits, out, slot * stride);
    }
    if (pacer.isDue) await pacer.pause();
  }
}

interface Facts {
  readonly metric: Metric;
  readonly bits: number;
  readonly rows: number;
  readonly fineBits: number;
}

function shapeBytes({ mean, projection, dims }: Span, graph: WasmGraph, facts: Facts): Uint8Array {
  const header = { id: "cells", version: CELLS_VERSION, dim: mean.length, dims, cells: graph.rows, ...facts };
  return serialize(header, [mean, new Uint8Array(projection.slice().buffer)]);
}

function centreParts(graph: WasmGraph): [string, Uint8Array][] {
  const { coarse, links, entries } = graph.view();
  return [
    ["centres", coarse.slice()],
    ["links", bytesOf(links.slice())],
    ["entries", bytesOf(entries.slice())],
  ];
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
