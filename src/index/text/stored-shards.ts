/** Shards of an FM-index that are parts of segments, each named by the first text that it holds. Knows nothing of what is in them. */
import type { SegmentSource } from "../segment.ts";

const SHARD = /^shard\.(\d+)$/;

/** A shard that is part of a segment. */
export interface StoredShard {
  /** What messages call it. */
  readonly location: string;
  readonly segment: number;
  /** Place of its first text among the segment's. */
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
