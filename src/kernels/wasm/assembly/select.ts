/** Selection: places of scores that reach a threshold, the first half of a top-k. */

/** Writes ordinals i with scores[i] >= threshold to `out` (u32), at most `room`. @returns how many there are, also beyond `room` */
export function selectAbove(scores: usize, count: usize, threshold: f32, out: usize, room: usize): usize {
  const limit = f32x4.splat(threshold);
  const wide = count & ~3;
  let found: usize = 0;
  let i: usize = 0;
  for (; i < wide; i += 4) {
    let mask = i32x4.bitmask(f32x4.ge(v128.load(scores + (i << 2)), limit));
    while (mask != 0) {
      if (found < room) store<u32>(out + (found << 2), <u32>i + <u32>ctz(mask));
      found++;
      mask &= mask - 1;
    }
  }
  for (; i < count; i++) {
    if (load<f32>(scores + (i << 2)) >= threshold) {
      if (found < room) store<u32>(out + (found << 2), <u32>i);
      found++;
    }
  }
  return found;
}
