/** Parts of a cell index as they come from a store: checked to fit together, since a store only vouches for their bytes. */
import { asFloats } from "../../../codecs/serial.ts";
import { type CellContents, coarseStride, type GraphShape, graphWidth } from "../../../kernels/index.ts";
import type { Parts } from "../../segment.ts";
import { CheckedParts } from "../checked-parts.ts";
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
  const checked = new CheckedParts("cells", parts);
  const { header, arrays } = checked.header("cells", CELLS_VERSION);
  const metric = checked.metric(header);
  const names = ["dim", "dims", "bits", "rows", "cells", "fineBits"] as const;
  const { dim, dims, bits, rows, cells, fineBits } = checked.wholes(header, names);
  const mean = asFloats(arrays[0] ?? new Uint8Array(0));
  const projection = arrays[1] ?? new Uint8Array(0);
  const isProjected = mean.length === dim && projection.byteLength === dims * graphWidth(dim) * 2;
  if (!isProjected || bits < 1 || bits > 4 || dims % 8 > 0)
    throw checked.corrupt(
      `${bits} bits of ${dims} values of ${dim}, a projection of ${projection.byteLength} bytes`,
    );
  if (![0, 8, 16].includes(fineBits)) throw checked.corrupt(`fine rows of ${fineBits} bits`);
  const span = { mean, dims, projection: new Int16Array(new Uint8Array(projection).buffer) };
  const shape = centreShape(span, metric, pool ? THREADS : 1);
  const blocks = Math.ceil(rows / BLOCK_ROWS);
  checked.checkSizes({
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
  const view = { coarse: checked.part("centres"), fine: new Uint8Array(0), ...checked.graph(cells) };
  const starts = checked.words("starts");
  if (starts[0] !== 0 || starts[cells] !== rows || starts.some((slot, i) => i > 0 && slot < starts[i - 1]!))
    throw checked.corrupt("part starts does not ascend from 0 to the count of rows");
  const contents = {
    bits,
    starts,
    blocks: checked.part("blocks"),
    ranges: asFloats(checked.part("ranges")),
    factors: checked.part("factors"),
    addends: checked.part("addends"),
    ids: checked.rows(rows),
  };
  return { shape, contents, view, fineBits };
}
