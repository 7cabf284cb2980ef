/** Building a graph whose fine rows may stay on disk: links are made between codes of 8 bits, and kept with codes of 4. */
import { serialize } from "../../../codecs/serial.ts";
import { MnemeError } from "../../../errors.ts";
import { coarseStride, graphWidth, kernels, WasmGraph } from "../../../kernels/index.ts";
import { type Matrix, rowOf } from "../../../linalg/matrix.ts";
import { Pacer } from "../../../pacer.ts";
import type { Parts } from "../../segment.ts";
import { encodeFine, fineRowBytes } from "../cells/encode.ts";
import { fitSpan, Projector, type Span } from "../cells/span.ts";
import { checkIds, checkVectors } from "../graph/check.ts";
import { unitOf } from "../graph/fit-shape.ts";
import { GraphIndex } from "../graph/graph-index.ts";
import type { GrowOptions } from "../graph/grow.ts";
import { graphParts } from "../graph/parts.ts";
import { matrixSource, type RowSource, takeRows } from "../row-source.ts";
import { DISK_GRAPH_VERSION, type DiskGraphOptions, diskGraphDefaults, MOST_DIMS } from "./options.ts";
import { codesShape, isFineBits } from "./parts.ts";

/** Rows coded at once. */
const BATCH = 2048;

export type DiskGraphBuildOptions = DiskGraphOptions & Pick<GrowOptions, "signal" | "onLinked">;
type Settings = DiskGraphBuildOptions & Required<Omit<DiskGraphOptions, "dims" | "pool">>;

/**
 * Parts `shape`, `codes`, `links`, `rows`, `entries`, and where there are fine rows `fine`, which may stay on disk.
 * @param vectors n x dim f32, n from 1; borrowed until it settles @param ids of the rows, ascending; default 0, 1, ...
 * @throws MnemeError INSUFFICIENT_DATA, NOT_FINITE, ZERO_VECTOR, RANGE, DIMENSION, CANCELLED
 */
export async function buildDiskGraph(
  vectors: Matrix,
  options: DiskGraphBuildOptions = {},
  ids?: Uint32Array,
): Promise<Parts> {
  if (vectors.rows === 0)
    throw new MnemeError("INSUFFICIENT_DATA", "disk graph: no vectors; it is fitted to at least one");
  checkVectors("disk graph", vectors, vectors.cols, options.metric ?? diskGraphDefaults.metric);
  if (ids) checkIds("disk graph", ids, vectors.rows);
  return buildDiskGraphFrom(matrixSource(vectors), options, ids);
}

/** The same from vectors that come a few at a time and are known to be finite; zero ones are not looked for. @throws MnemeError RANGE, CANCELLED */
export async function buildDiskGraphFrom(
  vectors: RowSource,
  options: DiskGraphBuildOptions,
  ids?: Uint32Array,
): Promise<Parts> {
  const { degree = diskGraphDefaults.degree } = options;
  const settings: Settings = { ...diskGraphDefaults, forward: degree, ...options };
  const { metric, fineBits, seed, effort } = settings;
  const dims = diskGraphDims(vectors.cols, options.dims);
  if (!isFineBits(fineBits))
    throw new MnemeError("RANGE", `disk graph: fineBits must be 0, 8 or 16, got ${fineBits}`);
  const linked = await linkedParts(vectors, settings);
  const order = linked.get("rows")!;
  const span = fitSpan(vectors, metric, dims, seed);
  const rows = new Uint32Array(order.buffer, order.byteOffset, vectors.rows);
  const { codes, fine } = await encodeAll(vectors, rows, span, settings);
  const header = {
    ...{ id: "disk graph", version: DISK_GRAPH_VERSION, dim: vectors.cols, dims, metric, fineBits },
    ...{ degree: settings.degree, rows: vectors.rows, effort },
  };
  const projection = new Uint8Array(span.projection.slice().buffer);
  const parts: Parts = new Map([
    ["shape", serialize(header, [span.mean, projection])],
    ["codes", codes],
    ["links", linked.get("links")!],
    ["rows", ids ? new Uint8Array(rows.map((row) => ids[row]!).buffer) : order],
    ["entries", linked.get("entries")!],
  ]);
  return fineBits === 0 ? parts : parts.set("fine", fine);
}

/** Values of the codes that vectors of `dim` values are walked over by. @throws MnemeError RANGE */
export function diskGraphDims(dim: number, wanted?: number): number {
  const width = graphWidth(dim);
  const dims = wanted ?? Math.min(width, MOST_DIMS);
  if (Number.isInteger(dims) && dims >= 32 && dims % 32 === 0 && dims <= width) return dims;
  throw new MnemeError("RANGE", `disk graph: dims must be a multiple of 32 up to ${width}, got ${dims}`);
}

/** Links, and the rows in the order of walks. */
async function linkedParts(vectors: RowSource, settings: Settings): Promise<Parts> {
  const ids = Uint32Array.from({ length: vectors.rows }, (_, i) => i);
  using index = await GraphIndex.buildFrom(vectors, { ...settings, fineBits: 0 }, ids);
  return graphParts(index);
}

/** Codes of the rows in an order: those that are walked over, and those of final scores. */
async function encodeAll(
  vectors: RowSource,
  order: Uint32Array,
  span: Span,
  { metric, fineBits, pool }: Settings,
): Promise<{ codes: Uint8Array; fine: Uint8Array }> {
  const dim = vectors.cols;
  using coder = new WasmGraph(kernels(), codesShape({ ...span, dim, metric, degree: 1 }));
  const stride = fineRowBytes(dim, fineBits);
  const fine = new Uint8Array(vectors.rows * stride);
  const out = new DataView(fine.buffer);
  const projector = new Projector(span);
  const pacer = new Pacer();
  coder.reserve(vectors.rows);
  for (let from = 0; from < vectors.rows; from += BATCH) {
    const some = takeRows(vectors, order.subarray(from, from + BATCH));
    const unit = unitOf(metric, some.data, dim);
    coder.place(from, unit, pool?.pool);
    if (fineBits > 0) {
      const centred = { ...some, data: projector.centre(unit) };
      for (let r = 0; r < some.rows; r++) encodeFine(rowOf(centred, r), fineBits, out, (from + r) * stride);
    }
    if (pacer.isDue) await pacer.pause();
  }
  const { coarse } = coder.view();
  return { codes: coarse.slice(0, vectors.rows * coarseStride(span.dims, 4)), fine };
}
