/** The kinds of vector index that a segment may have beside its flat codes, told apart by the parts it has. */
import type { Parts, SegmentSource } from "../segment.ts";
import { segmentDiskGraph } from "./disk-graph/segment-disk-graph.ts";
import type { Finder } from "./finder.ts";
import { segmentGraph } from "./graph/segment-graph.ts";
import { type BuildIndexOptions, buildWalked, openWalked } from "./graph/walked-segment.ts";
import { buildSegmentLists, LISTS_PREFIX, openSegmentLists } from "./spann/segment-lists.ts";
import type { VectorCoders } from "./vectors-kind.ts";

/** flat: codes scanned in RAM; graph: walked in RAM; disk-graph: the same over codes of half the bits; lists: centres in RAM, what is near them read from disk. */
export const VECTOR_INDEXES = ["flat", "graph", "disk-graph", "lists"] as const;
export type VectorIndex = (typeof VECTOR_INDEXES)[number];
/** Those with parts of their own. */
export type BuiltIndex = Exclude<VectorIndex, "flat">;

/** What each kind's parts begin with, under the space's prefix. */
export const INDEX_PREFIX: Readonly<Record<BuiltIndex, string>> = {
  graph: segmentGraph.prefix,
  "disk-graph": segmentDiskGraph.prefix,
  lists: LISTS_PREFIX,
};

/** A part that each kind has. */
const MARK: Readonly<Record<BuiltIndex, string>> = { graph: "shape", "disk-graph": "shape", lists: "values" };

/** A part without which an index of the kind cannot be searched. */
export const markOf = (kind: BuiltIndex): string => INDEX_PREFIX[kind] + MARK[kind];

export const hasIndex = (source: SegmentSource, kind: BuiltIndex): boolean => source.size(markOf(kind)) > 0;

/** Parts of an index over a segment's rows, from the fine codes that it has. @throws MnemeError CANCELLED */
export function buildIndex(
  kind: BuiltIndex,
  fine: Uint8Array,
  coders: VectorCoders,
  options: BuildIndexOptions,
): Promise<Parts> {
  switch (kind) {
    case "graph":
      return buildWalked(segmentGraph, fine, coders, options);
    case "disk-graph":
      return buildWalked(segmentDiskGraph, fine, coders, options);
    case "lists":
      return buildSegmentLists(fine, coders, options);
    default:
      return kind satisfies never;
  }
}

/** @throws MnemeError CORRUPT, VERSION: the parts do not fit together or to the segment */
export function openIndex(kind: BuiltIndex, source: SegmentSource): Promise<Finder> {
  switch (kind) {
    case "graph":
      return openWalked(segmentGraph, source);
    case "disk-graph":
      return openWalked(segmentDiskGraph, source);
    case "lists":
      return openSegmentLists(source);
    default:
      return kind satisfies never;
  }
}
