/**
 * The disk graph of a segment: codes of 4 bits and fewer links than the segment's other graph has, about two thirds of its bytes. The fine codes
 * that the segment has on disk stand for rows of the graph's own.
 */

import { coarseStride, graphWidth } from "../../../kernels/index.ts";
import type { WalkedKind } from "../graph/walked-segment.ts";
import { buildDiskGraphFrom, diskGraphDims } from "./build.ts";
import { DiskGraph } from "./disk-graph.ts";
import { diskGraphDefaults, ROOM } from "./options.ts";

export const segmentDiskGraph: WalkedKind = {
  prefix: "disk-graph/",
  parts: ["shape", "codes", "links", "rows", "entries"],
  build: (source, { metric, signal, onBuilt }) =>
    buildDiskGraphFrom(source, {
      ...{ metric, fineBits: 0 },
      ...(signal ? { signal } : {}),
      ...(onBuilt ? { onLinked: onBuilt } : {}),
    }),
  restore: (parts) => new DiskGraph(parts),
};

/** RAM of one of so many vectors of `dim` values: codes, links and the rows' names, and what a walk works in. */
export function diskGraphBytes(rows: number, dim: number): number {
  const width = graphWidth(dim);
  const dims = diskGraphDims(dim);
  const walking = 32_768 + 16 * ROOM + rows / 8 + 14 * width;
  const row = coarseStride(dims, 4) + 4 * diskGraphDefaults.degree + 8;
  return Math.ceil(rows * row + dims * width * 2 + walking);
}
