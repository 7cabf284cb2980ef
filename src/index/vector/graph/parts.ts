/** A graph as named byte strings for a store, and back. The store adds checksums; what comes back is still not trusted to fit together. */
import { asU32 } from "../../../bytes.ts";
import { asFloats, type SerialHeader, serialize } from "../../../codecs/serial.ts";
import {
  coarseStride,
  fineStride,
  type GraphShape,
  graphWidth,
  kernels,
  NO_ROW,
  WasmGraph,
} from "../../../kernels/index.ts";
import type { Parts } from "../../segment.ts";
import { CheckedParts } from "../checked-parts.ts";
import { shapeOf } from "./fit-shape.ts";
import { GraphIndex } from "./graph-index.ts";
import { type GraphOptions, graphDefaults, ROOM } from "./options.ts";

/** Grows when the bytes change. */
export const GRAPH_VERSION = 1;

/** Rows of `stride` bytes of some ordinals, back to back. */
function gather(bytes: Uint8Array, stride: number, ordinals: Uint32Array): Uint8Array {
  const out = new Uint8Array(ordinals.length * stride);
  ordinals.forEach((ordinal, i) => {
    out.set(bytes.subarray(ordinal * stride, (ordinal + 1) * stride), i * stride);
  });
  return out;
}

const bytesOf = (words: Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

/** Parts of the index as it is, without deleted rows: `shape`, `coarse`, `fine`, `links`, `rows`, `entries`. */
export function graphParts(index: GraphIndex): Parts {
  const { graph, ordinals, rowAt } = index.live();
  const { dim, dims, mean, projection, metric, fineBits, degree, forward } = graph.shape;
  const { coarse, fine, links, entries } = graph.view();
  const place = new Uint32Array(graph.rows).fill(NO_ROW);
  ordinals.forEach((ordinal, i) => {
    place[ordinal] = i;
  });
  const kept = asU32(gather(bytesOf(links), degree * 4, ordinals));
  const header = { id: "graph", version: GRAPH_VERSION, dim, dims, metric, fineBits, degree, forward };
  const projected = new Uint8Array(projection?.slice().buffer ?? new ArrayBuffer(0));
  return new Map([
    [
      "shape",
      serialize({ ...header, ...index.growth, rows: ordinals.length, effort: index.effort }, [
        mean,
        projected,
      ]),
    ],
    ["coarse", gather(coarse, coarseStride(dims), ordinals)],
    ["fine", gather(fine, fineStride(dim, fineBits), ordinals)],
    ["links", bytesOf(kept.map((link) => (link === NO_ROW ? NO_ROW : place[link]!)))],
    ["rows", bytesOf(ordinals.map(rowAt))],
    ["entries", bytesOf(entries.map((entry) => place[entry]!))],
  ]);
}

/** The inverse of `graphParts`. @param options what is not of the graph itself. @throws MnemeError CORRUPT, VERSION */
export function restoreGraph(parts: Parts, options: Pick<GraphOptions, "pool" | "effort"> = {}): GraphIndex {
  const checked = new CheckedParts("graph", parts);
  const { shape, count, effort, growth } = shapeFrom(checked, options);
  checked.checkSizes({
    coarse: count * coarseStride(shape.dims),
    fine: count * fineStride(shape.dim, shape.fineBits),
    links: count * shape.degree * 4,
    rows: count * 4,
  });
  const links = checked.graph(count);
  const rows = checked.rows(count);
  const graph = new WasmGraph(kernels(), shape);
  try {
    graph.restore({ coarse: checked.part("coarse"), fine: checked.part("fine"), ...links });
    return new GraphIndex(graph, rows.slice(), {
      ...options,
      ...shape,
      ...growth,
      effort: options.effort ?? effort,
    });
  } catch (error) {
    graph[Symbol.dispose]();
    throw error;
  }
}

function shapeFrom(
  checked: CheckedParts,
  options: GraphOptions,
): {
  shape: GraphShape;
  count: number;
  effort: number;
  growth: { readonly alpha: number; readonly buildEffort: number };
} {
  const { header, arrays } = checked.header("graph", GRAPH_VERSION);
  const [mean, projected] = [asFloats(arrays[0] ?? new Uint8Array(0)), arrays[1] ?? new Uint8Array(0)];
  const names = ["dim", "dims", "degree", "forward", "rows", "effort"] as const;
  const { dim, dims, degree, forward, rows: count, effort } = checked.wholes(header, names);
  const { fineBits } = header;
  if (fineBits !== 0 && fineBits !== 4 && fineBits !== 8)
    throw checked.corrupt(`${fineBits} bits of fine codes`);
  const width = graphWidth(dim);
  const expected = dims < width ? dims * width * 2 : 0;
  if (mean.length !== dim || projected.byteLength !== expected)
    throw checked.corrupt(
      `mean of ${mean.length}, projection of ${projected.byteLength} bytes, expected ${expected}`,
    );
  const projection = expected > 0 ? new Int16Array(new Uint8Array(projected).buffer) : undefined;
  const more = {
    metric: checked.metric(header),
    fineBits,
    degree,
    forward,
    ...(options.pool ? { pool: options.pool } : {}),
  } as const;
  const growth = growthFrom(checked, header);
  return { shape: shapeOf(dim, mean, projection, dims, more), count, effort, growth };
}

/** Parts of before these were kept have the defaults. */
function growthFrom(
  checked: CheckedParts,
  header: SerialHeader,
): { readonly alpha: number; readonly buildEffort: number } {
  const { alpha, buildEffort } = header;
  if (alpha === undefined && buildEffort === undefined)
    return { alpha: graphDefaults.alpha, buildEffort: graphDefaults.buildEffort };
  if (typeof alpha !== "number" || !(alpha >= 1)) throw checked.corrupt(`alpha is ${JSON.stringify(alpha)}`);
  const { buildEffort: list } = checked.wholes(header, ["buildEffort"]);
  if (list < 1 || list > ROOM) throw checked.corrupt(`buildEffort is ${list}`);
  return { alpha, buildEffort: list };
}
