/** A graph as named byte strings for a store, and back. The store adds checksums; what comes back is still not trusted to fit together. */
import { asU32 } from "../../../bytes.ts";
import { asFloats, deserialize, serialize } from "../../../codecs/serial.ts";
import { MnemeError } from "../../../errors.ts";
import {
  coarseStride,
  fineStride,
  type GraphShape,
  graphWidth,
  kernels,
  MOST_ENTRIES,
  NO_ROW,
  WasmGraph,
} from "../../../kernels/index.ts";
import type { Parts } from "../../segment.ts";
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
  const { shape, count, effort, growth } = shapeFrom(part(parts, "shape"), options);
  const strides = { coarse: coarseStride(shape.dims), fine: fineStride(shape.dim, shape.fineBits) };
  const sized = { ...strides, links: shape.degree * 4, rows: 4 };
  for (const [name, stride] of Object.entries(sized)) {
    const { byteLength } = part(parts, name);
    if (byteLength !== count * stride)
      throw corrupt(`part ${name} has ${byteLength} bytes, ${count} rows need ${count * stride}`);
  }
  const [links, rows, entries] = ["links", "rows", "entries"].map((name) => asU32(part(parts, name))) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  checkLinks("links", links, count);
  checkLinks("entries", entries, count);
  if (entries.length > MOST_ENTRIES || entries.includes(NO_ROW) || (count > 0 && entries.length === 0))
    throw corrupt(`part entries names ${entries.length} rows, from 1 to ${MOST_ENTRIES} are expected`);
  if (new Set(rows).size !== count || rows.includes(NO_ROW)) throw corrupt("part rows names a row twice");
  const graph = new WasmGraph(kernels(), shape);
  try {
    graph.restore({ coarse: part(parts, "coarse"), fine: part(parts, "fine"), links, entries });
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
  bytes: Uint8Array,
  options: GraphOptions,
): {
  shape: GraphShape;
  count: number;
  effort: number;
  growth: { readonly alpha: number; readonly buildEffort: number };
} {
  const { header, arrays } = deserialize(bytes);
  if (header.id !== "graph") throw corrupt(`part shape is of ${JSON.stringify(header.id)}`);
  if (header.version !== GRAPH_VERSION)
    throw new MnemeError(
      "VERSION",
      `graph: parts of version ${header.version}, this build reads ${GRAPH_VERSION}; build the index anew`,
    );
  const [mean, projected] = [asFloats(arrays[0] ?? new Uint8Array(0)), arrays[1] ?? new Uint8Array(0)];
  const [dims, degree, forward, count, effort] = ["dims", "degree", "forward", "rows", "effort"].map((name) =>
    wholeOf(header[name], name),
  ) as [number, number, number, number, number];
  const { metric, fineBits } = header;
  if (metric !== "cosine" && metric !== "dot" && metric !== "l2") throw corrupt(`metric ${metric}`);
  if (fineBits !== 0 && fineBits !== 4 && fineBits !== 8) throw corrupt(`${fineBits} bits of fine codes`);
  const width = graphWidth(wholeOf(header.dim, "dim"));
  const expected = dims < width ? dims * width * 2 : 0;
  if (mean.length !== header.dim || projected.byteLength !== expected)
    throw corrupt(
      `mean of ${mean.length}, projection of ${projected.byteLength} bytes, expected ${expected}`,
    );
  const projection = expected > 0 ? new Int16Array(new Uint8Array(projected).buffer) : undefined;
  const more = {
    metric,
    fineBits,
    degree,
    forward,
    ...(options.pool ? { pool: options.pool } : {}),
  } as const;
  return {
    shape: shapeOf(header.dim, mean, projection, dims, more),
    count,
    effort,
    growth: growthFrom(header),
  };
}

/** Parts of before these were kept have the defaults. */
function growthFrom({ alpha, buildEffort }: Readonly<Record<string, unknown>>): {
  readonly alpha: number;
  readonly buildEffort: number;
} {
  if (alpha === undefined && buildEffort === undefined)
    return { alpha: graphDefaults.alpha, buildEffort: graphDefaults.buildEffort };
  if (typeof alpha !== "number" || !(alpha >= 1)) throw corrupt(`alpha is ${JSON.stringify(alpha)}`);
  const list = wholeOf(buildEffort, "buildEffort");
  if (list < 1 || list > ROOM) throw corrupt(`buildEffort is ${list}`);
  return { alpha, buildEffort: list };
}

function part(parts: Parts, name: string): Uint8Array {
  const bytes = parts.get(name);
  if (!bytes) throw corrupt(`part ${name} is missing`);
  return bytes;
}

function checkLinks(name: string, rows: Uint32Array, count: number): void {
  const bad = rows.find((row) => row !== NO_ROW && row >= count);
  if (bad !== undefined) throw corrupt(`part ${name} leads to row ${bad} of ${count}`);
}

function wholeOf(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw corrupt(`${name} is ${JSON.stringify(value)}`);
}

function corrupt(what: string): MnemeError {
  return new MnemeError("CORRUPT", `graph: ${what}; build the index anew`);
}
