/** Parts of a cell index as they come from a store: checked to fit together, since a store only vouches for their bytes. */
import { asU32 } from "../../../bytes.ts";
import { asFloats, deserialize } from "../../../codecs/serial.ts";
import { MnemeError } from "../../../errors.ts";
import {
  type CellContents,
  coarseStride,
  type GraphShape,
  graphWidth,
  MOST_ENTRIES,
  NO_ROW,
} from "../../../kernels/index.ts";
import type { Parts } from "../../segment.ts";
import { CELLS_VERSION } from "./build.ts";
import { centreShape } from "./centres.ts";
import { BLOCK_ROWS, fineRowBytes } from "./encode.ts";
import { THREADS } from "./options.ts";

export interface ReadCells {
  readonly shape: GraphShape;
  readonly contents: CellContents;
  readonly view: {
    readonly coarse: Uint8Array;
    readonly fine: Uint8Array;
    readonly links: Uint32Array;
    readonly entries: Uint32Array;
  };
  /** Bits a value of the fine rows; 0: there are none. */
  readonly fineBits: number;
}

/** @param options whether threads are to search, and whether fine rows come from elsewhere. @throws MnemeError CORRUPT, VERSION */
export function readCells(
  parts: Parts,
  { pool, fine }: { readonly pool?: unknown; readonly fine?: unknown },
): ReadCells {
  const { header, arrays } = deserialize(part(parts, "shape"));
  if (header.id !== "cells") throw corrupt(`part shape is of ${JSON.stringify(header.id)}`);
  if (header.version !== CELLS_VERSION)
    throw new MnemeError(
      "VERSION",
      `cells: parts of version ${header.version}, this build reads ${CELLS_VERSION}; build the index anew`,
    );
  const { metric } = header;
  if (metric !== "cosine" && metric !== "dot" && metric !== "l2") throw corrupt(`metric ${metric}`);
  const [dim, dims, bits, rows, cells, fineBits] = ["dim", "dims", "bits", "rows", "cells", "fineBits"].map(
    (name) => wholeOf(header[name], name),
  ) as [number, number, number, number, number, number];
  const mean = asFloats(arrays[0] ?? new Uint8Array(0));
  const projection = arrays[1] ?? new Uint8Array(0);
  if (
    mean.length !== dim ||
    projection.byteLength !== dims * graphWidth(dim) * 2 ||
    bits < 1 ||
    bits > 4 ||
    dims % 8 > 0
  )
    throw corrupt(`${bits} bits of ${dims} values of ${dim}, a projection of ${projection.byteLength} bytes`);
  if (![0, 8, 16].includes(fineBits)) throw corrupt(`fine rows of ${fineBits} bits`);
  const span = { mean, dims, projection: new Int16Array(new Uint8Array(projection).buffer) };
  const shape = centreShape(span, metric, pool ? THREADS : 1);
  const blocks = Math.ceil(rows / BLOCK_ROWS);
  checkSizes(parts, {
    centres: cells * coarseStride(dims),
    links: cells * shape.degree * 4,
    starts: (cells + 1) * 4,
    blocks: blocks * BLOCK_ROWS * ((bits * dims) / 8),
    ranges: cells * 16,
    factors: blocks * BLOCK_ROWS,
    addends: blocks * BLOCK_ROWS,
    rows: rows * 4,
    ...(fineBits > 0 && !fine ? { fine: rows * fineRowBytes(dim, fineBits) } : {}),
  });
  const words = (name: string): Uint32Array => asU32(part(parts, name));
  const view = {
    coarse: part(parts, "centres"),
    fine: new Uint8Array(0),
    links: words("links"),
    entries: words("entries"),
  };
  checkGraph(view.links, view.entries, cells);
  const starts = words("starts");
  if (starts[0] !== 0 || starts[cells] !== rows || starts.some((slot, i) => i > 0 && slot < starts[i - 1]!))
    throw corrupt("part starts does not ascend from 0 to the count of rows");
  const ids = words("rows");
  if (new Set(ids).size !== rows || ids.includes(NO_ROW)) throw corrupt("part rows names a row twice");
  const contents = {
    bits,
    starts,
    blocks: part(parts, "blocks"),
    ranges: asFloats(part(parts, "ranges")),
    factors: part(parts, "factors"),
    addends: part(parts, "addends"),
    ids,
  };
  return { shape, contents, view, fineBits };
}

function checkSizes(parts: Parts, sizes: Readonly<Record<string, number>>): void {
  for (const [name, bytes] of Object.entries(sizes)) {
    const { byteLength } = part(parts, name);
    if (byteLength !== bytes) throw corrupt(`part ${name} has ${byteLength} bytes, expected ${bytes}`);
  }
}

function checkGraph(links: Uint32Array, entries: Uint32Array, cells: number): void {
  const bad = links.find((cell) => cell !== NO_ROW && cell >= cells);
  if (bad !== undefined) throw corrupt(`part links leads to cell ${bad} of ${cells}`);
  if (entries.length === 0 || entries.length > MOST_ENTRIES || entries.some((cell) => cell >= cells))
    throw corrupt(`part entries names ${entries.length} cells, from 1 to ${MOST_ENTRIES} are expected`);
}

function part(parts: Parts, name: string): Uint8Array {
  const bytes = parts.get(name);
  if (!bytes) throw corrupt(`part ${name} is missing`);
  return bytes;
}

function wholeOf(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw corrupt(`${name} is ${JSON.stringify(value)}`);
}

function corrupt(what: string): MnemeError {
  return new MnemeError("CORRUPT", `cells: ${what}; build the index anew`);
}
