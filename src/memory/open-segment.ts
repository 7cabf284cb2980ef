/** A segment that is open, and where a row lives: in one, or in the tail. */
import type { SegmentItems } from "./items-kind.ts";
import type { StoredSegment } from "./stored-segment.ts";
import type { TailItem } from "./tail.ts";

export interface OpenSegment {
  readonly stored: StoredSegment;
  readonly items: SegmentItems;
}

/** Where a row lives. */
export type RowPlace =
  | { readonly segment: OpenSegment; readonly item: number; readonly passage: number }
  | { readonly segment: null; readonly item: TailItem; readonly passage: number };
