/** The kinds of vector index that a segment may have beside its flat codes, told apart by the parts it has. */
import type { Parts, SegmentSource } from "../segment.ts";
import type { Finder } from "./finder.ts";
import {
  type BuildIndexOptions,
  buildSegmentGraph,
  GRAPH_PREFIX,
  hasGraph,
  openSegmentGraph,
} from "./graph/segment-graph.ts";
import { buildSegmentLists, hasLists, LISTS_PREFIX, openSegmentLists } from "./spann/segment-lists.ts";
import type { VectorCoders } from "./vectors-kind.ts";

/** flat: codes scanned in RAM; graph: walked in RAM; lists: centres in RAM, what is near them read from disk. */
export const VECTOR_INDEXES = ["flat", "graph", "lists"] as const;
export type VectorIndex = (typeof VECTOR_INDEXES)[number];
/** Those with parts of their own. */
export type BuiltIndex = Exclude<VectorIndex, "flat">;

/** What each kind's parts begin with, under the space's prefix. */
export const INDEX_PREFIX: Readonly<Record<BuiltIndex, string>> = {
  graph: GRAPH_PREFIX,
  lists: LISTS_PREFIX,
};

export function hasIndex(source: SegmentSource, kind: BuiltIndex): boolean {
  switch (kind) {
    case "graph":
      return hasGraph(source);
    case "lists":
      return hasLists(source);
    default:
      return kind satisfies never;
  }
}

/** Parts of an index over a segment's rows, from the fine codes that it has. @throws MnemeError CANCELLED */
export function buildIndex(
  kind: BuiltIndex,
  fine: Uint8Array,
  coders: VectorCoders,
  options: BuildIndexOptions,
): Promise<Parts> {
  switch (kind) {
    case "graph":
      return buildSegmentGraph(fine, coders, options);
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
      return openSegmentGraph(source);
    case "lists":
      return openSegmentLists(source);
    default:
      return kind satisfies never;
  }
}
