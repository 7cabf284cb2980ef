/** The one fold of all mergers: slots that go into the same centre become one, by weighted means of keys and values; counts add up. */
import type { KvSegment } from "../parts.ts";

export interface Folding {
  /** Slots that stay, ascending: each takes its own position. */
  readonly centres: Int32Array;
  /** Of each slot the place of its centre in `centres`, or -1: it is dropped. A centre's is its own. */
  readonly into: Int32Array;
  /** Of each slot; where those of a centre add up to zero, its slots weigh the same. */
  readonly weights: ArrayLike<number>;
}

export const countOf = ({ counts }: KvSegment, slot: number): number => counts?.[slot] ?? 1;

/** f32 again, counts always set: how many tokens each slot stands for. */
export function weightedFold(segment: KvSegment, { centres, into, weights }: Folding): KvSegment {
  const { dim, keys, values, positions } = segment;
  const size = centres.length;
  const sums = new Float64Array(size);
  into.forEach((centre, slot) => {
    if (centre >= 0) sums[centre]! += weights[slot]!;
  });
  const [newKeys, newValues] = [new Float64Array(size * dim), new Float64Array(size * dim)];
  const counts = new Float32Array(size);
  const members = new Int32Array(size);
  for (const centre of into) if (centre >= 0) members[centre]!++;
  into.forEach((centre, slot) => {
    if (centre < 0) return;
    counts[centre]! += countOf(segment, slot);
    const share = sums[centre]! > 0 ? weights[slot]! / sums[centre]! : 1 / members[centre]!;
    for (let i = 0; i < dim; i++) {
      newKeys[centre * dim + i]! += share * keys[slot * dim + i]!;
      newValues[centre * dim + i]! += share * values[slot * dim + i]!;
    }
  });
  return {
    dim,
    keys: Float32Array.from(newKeys),
    values: Float32Array.from(newValues),
    positions: Int32Array.from(centres, (slot) => positions[slot]!),
    counts,
  };
}

/** The slots themselves, nothing folded into them. */
export function gather({ dim, keys, values, positions, counts }: KvSegment, keep: Int32Array): KvSegment {
  const rows = (from: Float32Array): Float32Array => {
    const out = new Float32Array(keep.length * dim);
    keep.forEach((slot, i) => out.set(from.subarray(slot * dim, (slot + 1) * dim), i * dim));
    return out;
  };
  return {
    dim,
    keys: rows(keys),
    values: rows(values),
    positions: Int32Array.from(keep, (slot) => positions[slot]!),
    ...(counts ? { counts: Float32Array.from(keep, (slot) => counts[slot]!) } : {}),
  };
}

/** As if each slot stood for one token: what methods without the bias attend over. */
export function withoutCounts({ dim, keys, values, positions }: KvSegment): KvSegment {
  return { dim, keys, values, positions };
}
