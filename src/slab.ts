/**
 * Slab: typed arrays that live for one call, cut from one buffer after the other, as Node does for small Buffers. A buffer of its own each would be
 * most of what searches cost the collector: it frees them one by one, on threads that searches need.
 */

const SLAB_BYTES = 1 << 16;
/** Longer arrays have a buffer of their own. */
const MOST_BYTES = SLAB_BYTES >> 3;

let buffer = new ArrayBuffer(SLAB_BYTES);
let used = 0;

/** Takes zeroed bytes, on 8. @returns where they begin; -1 where they are too many for a slab */
function take(bytes: number): number {
  if (bytes > MOST_BYTES) return -1;
  if (used + bytes > SLAB_BYTES) {
    buffer = new ArrayBuffer(SLAB_BYTES);
    used = 0;
  }
  const at = used;
  used += (bytes + 7) & ~7;
  return at;
}

/** Zeroed arrays, not to be kept for long: each keeps its whole slab. */
export const slab = {
  u8(length: number): Uint8Array<ArrayBuffer> {
    const at = take(length);
    return at < 0 ? new Uint8Array(length) : new Uint8Array(buffer, at, length);
  },
  u32(length: number): Uint32Array<ArrayBuffer> {
    const at = take(length * 4);
    return at < 0 ? new Uint32Array(length) : new Uint32Array(buffer, at, length);
  },
  f32(length: number): Float32Array<ArrayBuffer> {
    const at = take(length * 4);
    return at < 0 ? new Float32Array(length) : new Float32Array(buffer, at, length);
  },
  f64(length: number): Float64Array<ArrayBuffer> {
    const at = take(length * 8);
    return at < 0 ? new Float64Array(length) : new Float64Array(buffer, at, length);
  },
} as const;
