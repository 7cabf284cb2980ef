/**
 * Scanning 1-bit codes of 32 rows side by side: per four dimensions one table of 16 sums, looked up for 16 rows by one instruction
 * (fast scan: Andre et al., Cache Locality Is Not Enough, VLDB 2015). A block: for each group of four dimensions 16 bytes, byte i with
 * the bits of row i below and of row i + 16 above; then f32 factor, upper half of f32 |x|^2 and u16 count of ones of each row.
 */

const ROWS: usize = 32;

// @ts-ignore: decorator
@inline
function finish(sums: v128, factors: usize, squares: usize, ones: usize, step: v128, low: v128, half: v128, querySquare: v128, metric: i32, out: usize): void {
  const count = f32x4.convert_i32x4_u(v128.load16x4_u(ones));
  const dot = f32x4.mul(v128.load(factors), f32x4.sub(f32x4.add(f32x4.mul(step, f32x4.convert_i32x4_u(sums)), f32x4.mul(low, count)), half));
  if (metric == 0) {
    v128.store(out, dot);
    return;
  }
  const square = i32x4.shl(v128.load16x4_u(squares), 16);
  if (metric == 1) {
    const norms = f32x4.sqrt(f32x4.mul(querySquare, square));
    const known = f32x4.gt(norms, f32x4.splat(0));
    v128.store(out, v128.and(f32x4.div(dot, norms), known));
    return;
  }
  v128.store(out, f32x4.sub(f32x4.sub(f32x4.add(dot, dot), querySquare), square));
}

/** Scores whole blocks: `blocks` of them, `groups` groups of four dimensions (a multiple of 4, at most 1088), lut: 16 bytes a group. */
export function scanOneBit(codes: usize, blocks: usize, groups: usize, lut: usize, step: f32, low: f32, half: f32, querySquare: f32, metric: i32, out: usize): void {
  const nibble = i8x16.splat(15);
  const steps = f32x4.splat(step);
  const lows = f32x4.splat(low);
  const halves = f32x4.splat(half);
  const square = f32x4.splat(querySquare);
  const tail = groups << 4;
  for (let b: usize = 0; b < blocks; b++) {
    const block = codes + b * (tail + 256);
    let s0 = i16x8.splat(0), s1 = i16x8.splat(0), s2 = i16x8.splat(0), s3 = i16x8.splat(0);
    for (let at: usize = 0; at < tail; at += 64) {
      // four sums of at most 60 fit a byte
      const x0 = v128.load(block + at, 0), t0 = v128.load(lut + at, 0);
      let lower = i8x16.swizzle(t0, v128.and(x0, nibble));
      let upper = i8x16.swizzle(t0, i8x16.shr_u(x0, 4));
      const x1 = v128.load(block + at, 16), t1 = v128.load(lut + at, 16);
      lower = i8x16.add(lower, i8x16.swizzle(t1, v128.and(x1, nibble)));
      upper = i8x16.add(upper, i8x16.swizzle(t1, i8x16.shr_u(x1, 4)));
      const x2 = v128.load(block + at, 32), t2 = v128.load(lut + at, 32);
      lower = i8x16.add(lower, i8x16.swizzle(t2, v128.and(x2, nibble)));
      upper = i8x16.add(upper, i8x16.swizzle(t2, i8x16.shr_u(x2, 4)));
      const x3 = v128.load(block + at, 48), t3 = v128.load(lut + at, 48);
      lower = i8x16.add(lower, i8x16.swizzle(t3, v128.and(x3, nibble)));
      upper = i8x16.add(upper, i8x16.swizzle(t3, i8x16.shr_u(x3, 4)));
      s0 = i16x8.add(s0, i16x8.extend_low_i8x16_u(lower));
      s1 = i16x8.add(s1, i16x8.extend_high_i8x16_u(lower));
      s2 = i16x8.add(s2, i16x8.extend_low_i8x16_u(upper));
      s3 = i16x8.add(s3, i16x8.extend_high_i8x16_u(upper));
    }
    const factors = block + tail;
    const squares = factors + 128;
    const ones = squares + 64;
    const to = out + b * ROWS * 4;
    finish(i32x4.extend_low_i16x8_u(s0), factors, squares, ones, steps, lows, halves, square, metric, to);
    finish(i32x4.extend_high_i16x8_u(s0), factors + 16, squares + 8, ones + 8, steps, lows, halves, square, metric, to + 16);
    finish(i32x4.extend_low_i16x8_u(s1), factors + 32, squares + 16, ones + 16, steps, lows, halves, square, metric, to + 32);
    finish(i32x4.extend_high_i16x8_u(s1), factors + 48, squares + 24, ones + 24, steps, lows, halves, square, metric, to + 48);
    finish(i32x4.extend_low_i16x8_u(s2), factors + 64, squares + 32, ones + 32, steps, lows, halves, square, metric, to + 64);
    finish(i32x4.extend_high_i16x8_u(s2), factors + 80, squares + 40, ones + 40, steps, lows, halves, square, metric, to + 80);
    finish(i32x4.extend_low_i16x8_u(s3), factors + 96, squares + 48, ones + 48, steps, lows, halves, square, metric, to + 96);
    finish(i32x4.extend_high_i16x8_u(s3), factors + 112, squares + 56, ones + 56, steps, lows, halves, square, metric, to + 112);
  }
}
