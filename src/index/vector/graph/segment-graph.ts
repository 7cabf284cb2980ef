/** The graph of a segment: built from the fine codes that the segment has anyway, with more links than one that stands alone: questions lie far from passages. */

import { coarseStride, graphWidth } from "../../../kernels/index.ts";
import { GraphIndex } from "./graph-index.ts";
import { MOST_DIRECT, PROJECTED_DIMS, ROOM } from "./options.ts";
import { graphParts, restoreGraph } from "./parts.ts";
import type { WalkedKind } from "./walked-segment.ts";

const SHAPE = { fineBits: 0, degree: 48, forward: 24 } as const;

export const segmentGraph: WalkedKind = {
  prefix: "graph/",
  parts: ["shape", "coarse", "links", "rows", "entries"],
  async build(source, { metric, signal, onBuilt }) {
    const ordinals = Uint32Array.from({ length: source.rows }, (_, i) => i);
    const shape = { ...SHAPE, coarseDims: coarseDimsOf(source.cols) };
    const growing = { ...shape, metric, signal, ...(onBuilt ? { onLinked: onBuilt } : {}) };
    using graph = await GraphIndex.buildFrom(source, growing, ordinals);
    return graphParts(graph);
  },
  restore: (parts) => restoreGraph(new Map(parts).set("fine", new Uint8Array(0))),
};

/** What is walked over is known before there are rows: plans of memory count it. */
function coarseDimsOf(dim: number): number {
  const width = graphWidth(dim);
  return width <= MOST_DIRECT ? width : PROJECTED_DIMS;
}

/** RAM of a graph of so many vectors of `dim` values: codes, links and the rows' names, and what a walk works in. */
export function graphBytes(rows: number, dim: number): number {
  const width = graphWidth(dim);
  const dims = coarseDimsOf(dim);
  const projection = dims < width ? dims * width * 2 : 0;
  const walking = 32_768 + 16 * ROOM + rows / 8 + 14 * width;
  return Math.ceil(rows * (coarseStride(dims) + 4 * SHAPE.degree + 8) + projection + walking);
}
