/** Kernels over packed bits: Hamming distance, and the asymmetric product of a bit-sliced query with 1-bit codes. */

export function hamming(query: usize, rows: usize, count: usize, bytes: usize, stride: usize, out: usize): void {
  const wide = bytes & ~15;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
    let total = i32x4.splat(0);
    let i: usize = 0;
    while (i < wide) {
      // a lane of 8-bit counts holds 31 steps of at most 8
      const stop = min(wide, i + 16 * 31);
      let counts = i8x16.splat(0);
      for (; i < stop; i += 16) counts = i8x16.add(counts, i8x16.popcnt(v128.xor(v128.load(query + i), v128.load(row + i))));
      total = i32x4.add(total, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(counts)));
    }
    let sum = i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) + i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3);
    for (; i < bytes; i++) sum += <i32>popcnt<u32>(<u32>(load<u8>(query + i) ^ load<u8>(row + i)));
    store<u32>(out + (r << 2), sum);
  }
}

/** Four planes of a 4-bit query: sum over j of 2^j popcount(plane j & code). Planes lie `bytes` apart; bytes a multiple of 8. */
export function binaryDot4(planes: usize, rows: usize, count: usize, bytes: usize, stride: usize, out: usize): void {
  if (bytes == 64) return binaryDot4x64(planes, rows, count, stride, out);
  if (bytes == 32) return binaryDot4x32(planes, rows, count, stride, out);
  const wide = bytes & ~15;
  const p1 = planes + bytes;
  const p2 = p1 + bytes;
  const p3 = p2 + bytes;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
    let total = i32x4.splat(0);
    let i: usize = 0;
    for (; i < wide; i += 16) {
      const c = v128.load(row + i);
      total = i32x4.add(total, weigh(c, v128.load(planes + i), v128.load(p1 + i), v128.load(p2 + i), v128.load(p3 + i)));
    }
    let sum = i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) + i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3);
    for (; i < bytes; i += 8) {
      const c = load<u64>(row + i);
      sum += <i32>popcnt(c & load<u64>(planes + i)) + (<i32>popcnt(c & load<u64>(p1 + i)) << 1);
      sum += (<i32>popcnt(c & load<u64>(p2 + i)) << 2) + (<i32>popcnt(c & load<u64>(p3 + i)) << 3);
    }
    store<i32>(out + (r << 2), sum);
  }
}

// @ts-ignore: decorator
@inline
function weigh(c: v128, q0: v128, q1: v128, q2: v128, q3: v128): v128 {
  // 8 + 2*8 fits a byte, so planes are joined in pairs before widening
  const low = i8x16.add(i8x16.popcnt(v128.and(c, q0)), i8x16.shl(i8x16.popcnt(v128.and(c, q1)), 1));
  const high = i8x16.add(i8x16.popcnt(v128.and(c, q2)), i8x16.shl(i8x16.popcnt(v128.and(c, q3)), 1));
  const wide = i16x8.add(i16x8.extadd_pairwise_i8x16_u(low), i16x8.shl(i16x8.extadd_pairwise_i8x16_u(high), 2));
  return i32x4.extadd_pairwise_i16x8_u(wide);
}

// @ts-ignore: decorator
@inline
function lowPlanes(c: v128, q0: v128, q1: v128): v128 {
  return i8x16.add(i8x16.popcnt(v128.and(c, q0)), i8x16.shl(i8x16.popcnt(v128.and(c, q1)), 1));
}

// @ts-ignore: decorator
@inline
function total32(low: v128, high: v128): i32 {
  const wide = i16x8.add(i16x8.extadd_pairwise_i8x16_u(low), i16x8.shl(i16x8.extadd_pairwise_i8x16_u(high), 2));
  const sums = i32x4.extadd_pairwise_i16x8_u(wide);
  const pairs = i32x4.add(sums, i8x16.shuffle(sums, sums, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

/** 512 bits: the sixteen query words stay in registers or the nearest cache; one widening a row. */
function binaryDot4x64(planes: usize, rows: usize, count: usize, stride: usize, out: usize): void {
  const a0 = v128.load(planes, 0), a1 = v128.load(planes, 16), a2 = v128.load(planes, 32), a3 = v128.load(planes, 48);
  const b0 = v128.load(planes, 64), b1 = v128.load(planes, 80), b2 = v128.load(planes, 96), b3 = v128.load(planes, 112);
  const c0 = v128.load(planes, 128), c1 = v128.load(planes, 144), c2 = v128.load(planes, 160), c3 = v128.load(planes, 176);
  const d0 = v128.load(planes, 192), d1 = v128.load(planes, 208), d2 = v128.load(planes, 224), d3 = v128.load(planes, 240);
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
    const x0 = v128.load(row, 0), x1 = v128.load(row, 16), x2 = v128.load(row, 32), x3 = v128.load(row, 48);
    // four steps of at most 24 stay below 256
    const low = i8x16.add(i8x16.add(lowPlanes(x0, a0, b0), lowPlanes(x1, a1, b1)), i8x16.add(lowPlanes(x2, a2, b2), lowPlanes(x3, a3, b3)));
    const high = i8x16.add(i8x16.add(lowPlanes(x0, c0, d0), lowPlanes(x1, c1, d1)), i8x16.add(lowPlanes(x2, c2, d2), lowPlanes(x3, c3, d3)));
    store<i32>(out + (r << 2), total32(low, high));
  }
}

/** 256 bits. */
function binaryDot4x32(planes: usize, rows: usize, count: usize, stride: usize, out: usize): void {
  const a0 = v128.load(planes, 0), a1 = v128.load(planes, 16);
  const b0 = v128.load(planes, 32), b1 = v128.load(planes, 48);
  const c0 = v128.load(planes, 64), c1 = v128.load(planes, 80);
  const d0 = v128.load(planes, 96), d1 = v128.load(planes, 112);
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
    const x0 = v128.load(row, 0), x1 = v128.load(row, 16);
    const low = i8x16.add(lowPlanes(x0, a0, b0), lowPlanes(x1, a1, b1));
    const high = i8x16.add(lowPlanes(x0, c0, d0), lowPlanes(x1, c1, d1));
    store<i32>(out + (r << 2), total32(low, high));
  }
}

/**
 * Finishes 1-bit scores in place: row r ends in f32 factor, the upper half of f32 |x|^2, u16 count of ones. sums (i32) become scores (f32):
 * dot = factor (step sum + low ones - half); metric 0 dot, 1 cosine, 2 minus squared distance.
 */
export function finishOneBit(rows: usize, count: usize, stride: usize, step: f32, low: f32, half: f32, querySquare: f32, metric: i32, sums: usize): void {
  for (let r: usize = 0; r < count; r++) {
    const end = rows + (r + 1) * stride;
    const ones = <f32>load<u16>(end - 2);
    const square = reinterpret<f32>(<u32>load<u16>(end - 4) << 16);
    const at = sums + (r << 2);
    const dot = load<f32>(end - 8) * (step * <f32>load<i32>(at) + low * ones - half);
    let score = dot;
    if (metric == 1) {
      const norms = sqrt<f32>(querySquare * square);
      score = norms > 0 ? dot / norms : 0;
    } else if (metric == 2) score = 2 * dot - querySquare - square;
    store<f32>(at, score);
  }
}
