/** Parts of a graph whose fine rows may stay on disk, as they come from a store. */
import type { Metric } from "../../../codecs/codec.ts";
import { asFloats } from "../../../codecs/serial.ts";
import { coarseStride, type GraphShape, graphWidth } from "../../../kernels/index.ts";
import type { Parts } from "../../segment.ts";
import type { Span } from "../cells/span.ts";
import { CheckedParts } from "../checked-parts.ts";
import { DISK_GRAPH_VERSION, ROOM, THREADS } from "./options.ts";

export interface ReadDiskGraph {
  readonly shape: GraphShape;
  readonly view: {
    readonly coarse: Uint8Array;
    readonly fine: Uint8Array;
    readonly links: Uint32Array;
    readonly entries: Uint32Array;
  };
  readonly ids: Uint32Array;
  readonly fineBits: number;
  readonly effort: number;
}

/** Of a value of the rows that final scores are made of. */
export const isFineBits = (bits: number): bits is 0 | 8 | 16 => bits === 0 || bits === 8 || bits === 16;

interface CodesShape extends Span {
  readonly dim: number;
  readonly metric: Metric;
  readonly degree: number;
  readonly threads?: number;
}

/** Of codes of 4 bits in a span. */
export function codesShape({ degree, threads = THREADS, ...more }: CodesShape): GraphShape {
  return { ...more, coarseBits: 4, fineBits: 0, degree, forward: degree, room: ROOM, threads };
}

/** @throws MnemeError CORRUPT, VERSION */
export function readDiskGraph(parts: Parts, isThreaded: boolean): ReadDiskGraph {
  const checked = new CheckedParts("disk graph", parts);
  const { header, arrays } = checked.header("disk graph", DISK_GRAPH_VERSION);
  const metric = checked.metric(header);
  const names = ["dim", "dims", "degree", "rows", "effort", "fineBits"] as const;
  const { dim, dims, degree, rows, effort, fineBits } = checked.wholes(header, names);
  const mean = asFloats(arrays[0] ?? new Uint8Array(0));
  const bytes = arrays[1] ?? new Uint8Array(0);
  if (mean.length !== dim || bytes.byteLength !== dims * graphWidth(dim) * 2)
    throw checked.corrupt(`${dims} values of ${dim}, a projection of ${bytes.byteLength} bytes`);
  if (!isFineBits(fineBits)) throw checked.corrupt(`fine rows of ${fineBits} bits`);
  checked.checkSizes({ codes: rows * coarseStride(dims, 4), links: rows * degree * 4, rows: rows * 4 });
  const ids = checked.rows(rows);
  const projection = new Int16Array(new Uint8Array(bytes).buffer);
  const threads = isThreaded ? THREADS : 1;
  return {
    shape: codesShape({ dim, dims, mean, projection, metric, degree, threads }),
    view: { coarse: checked.part("codes"), fine: new Uint8Array(0), ...checked.graph(rows) },
    ids,
    fineBits,
    effort,
  };
}
