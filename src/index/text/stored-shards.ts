/** Shards of an FM-index that are parts of segments, each named by the first document that it holds. Knows nothing of what is in them. */
import type { SegmentSource } from "../segment.ts";

/** The part that tells which documents are pieces of one text; absent where none is. */
export const PIECES = "pieces";
const SHARD = /^shard\.(\d+)$/;

/** A shard that is part of a segment. */
export interface StoredShard {
  /** What messages call it. */
  readonly location: string;
  readonly segment: number;
  /** Number of its first document among the segment's: texts, or pieces of them. */
  readonly first: number;
  readonly part: string;
  readonly source: SegmentSource;
}

/** Those among the names of parts, in the order of their texts. */
export function shardsOf(source: SegmentSource, parts: Iterable<string>): StoredShard[] {
  const shards: StoredShard[] = [];
  for (const part of parts) {
    const [, first] = SHARD.exec(part) ?? [];
    if (first === undefined) continue;
    const location = `segment ${source.id}: substrings ${part}`;
    shards.push({ location, segment: source.id, first: Number(first), part, source });
  }
  return shards.sort((a, b) => a.first - b.first);
}
