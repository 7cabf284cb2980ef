/**
 * Scanning codes of 32 rows side by side: per 4 bits of a code one table of 16 bytes, looked up for 16 rows by one instruction (fast
 * scan: Andre et al., Cache Locality Is Not Enough, VLDB 2015). A block: for each group of 4 bits 16 bytes, byte i with those of row i
 * below and of row i + 16 above; then what the kind of code keeps of each row.
 */

const ROWS: usize = 32;

/** Sums of the looked-up bytes of a block's 32 rows, u16. Four groups in a row: their largest bytes must not sum up to more than 255. */
// @ts-ignore: decorator
@inline
function sumBlock(block: usize, tail: usize, lut: usize, sums: usize): void {
  const nibble = i8x16.splat(15);
  let s0 = i16x8.splat(0), s1 = i16x8.splat(0), s2 = i16x8.splat(0), s3 = i16x8.splat(0);
  for (let at: usize = 0; at < tail; at += 64) {
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
  v128.store(sums, s0, 0);
  v128.store(sums, s1, 16);
  v128.store(sums, s2, 32);
  v128.store(sums, s3, 48);
}

/** The same for bytes of any size: each group is widened on its own. At most 257 groups of bytes up to 255. */
// @ts-ignore: decorator
@inline
function sumWide(block: usize, tail: usize, lut: usize, sums: usize): void {
  const nibble = i8x16.splat(15);
  let s0 = i16x8.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (let at: usize = 0; at < tail; at += 16) {
    const x = v128.load(block + at), t = v128.load(lut + at);
    const lower = i8x16.swizzle(t, v128.and(x, nibble));
    const upper = i8x16.swizzle(t, i8x16.shr_u(x, 4));
    s0 = i16x8.add(s0, i16x8.extend_low_i8x16_u(lower));
    s1 = i16x8.add(s1, i16x8.extend_high_i8x16_u(lower));
    s2 = i16x8.add(s2, i16x8.extend_low_i8x16_u(upper));
    s3 = i16x8.add(s3, i16x8.extend_high_i8x16_u(upper));
  }
  v128.store(sums, s0, 0);
  v128.store(sums, s1, 16);
  v128.store(sums, s2, 32);
  v128.store(sums, s3, 48);
}

/** Four products become scores. @param squares upper halves of the rows' f32 squared norms */
// @ts-ignore: decorator
@inline
function storeScores(dot: v128, squares: usize, querySquare: v128, metric: i32, out: usize): void {
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

/**
 * 1-bit codes: a block ends in f32 factor, upper half of f32 |x|^2 and u16 count of ones of each row. Scores whole blocks: `blocks` of
 * them, `groups` groups of four dimensions (a multiple of 4, at most 1088), lut: 16 bytes a group.
 */
export function scanOneBit(codes: usize, blocks: usize, groups: usize, lut: usize, step: f32, low: f32, half: f32, querySquare: f32, metric: i32, out: usize): void {
  const steps = f32x4.splat(step);
  const lows = f32x4.splat(low);
  const halves = f32x4.splat(half);
  const square = f32x4.splat(querySquare);
  const tail = groups << 4;
  for (let b: usize = 0; b < blocks; b++) {
    const factors = codes + b * (tail + 256) + tail;
    const squares = factors + 128;
    const ones = squares + 64;
    const to = out + b * (ROWS << 2);
    // the sums lie where the last scores will: each is read before it is overwritten
    const sums = to + 64;
    sumBlock(factors - tail, tail, lut, sums);
    for (let i: usize = 0; i < 64; i += 8) {
      const count = f32x4.convert_i32x4_u(v128.load16x4_u(ones + i));
      const sum = f32x4.convert_i32x4_u(v128.load16x4_u(sums + i));
      const dot = f32x4.sub(f32x4.add(f32x4.mul(steps, sum), f32x4.mul(lows, count)), halves);
      storeScores(f32x4.mul(v128.load(factors + (i << 1)), dot), squares + i, square, metric, to + (i << 1));
    }
  }
}

/** Codes by tables: a block ends in the upper half of f32 |x|^2 of each row. `groups` a multiple of 4, at most 1028; lut: 16 bytes a group. */
export function scanTables(codes: usize, blocks: usize, groups: usize, lut: usize, step: f32, low: f32, querySquare: f32, metric: i32, out: usize): void {
  const steps = f32x4.splat(step);
  const lows = f32x4.splat(low);
  const square = f32x4.splat(querySquare);
  const tail = groups << 4;
  for (let b: usize = 0; b < blocks; b++) {
    const squares = codes + b * (tail + 64) + tail;
    const to = out + b * (ROWS << 2);
    const sums = to + 64;
    sumBlock(squares - tail, tail, lut, sums);
    for (let i: usize = 0; i < 64; i += 8) {
      const sum = f32x4.convert_i32x4_u(v128.load16x4_u(sums + i));
      storeScores(f32x4.add(f32x4.mul(steps, sum), lows), squares + i, square, metric, to + (i << 1));
    }
  }
}

/** The same for rows of their own scale: a block ends in upper halves of f32, 32 factors of the products, then those of |x|^2. */
export function scanScaledTables(codes: usize, blocks: usize, groups: usize, lut: usize, step: f32, low: f32, querySquare: f32, metric: i32, out: usize): void {
  const steps = f32x4.splat(step);
  const lows = f32x4.splat(low);
  const square = f32x4.splat(querySquare);
  const tail = groups << 4;
  for (let b: usize = 0; b < blocks; b++) {
    const factors = codes + b * (tail + 128) + tail;
    const to = out + b * (ROWS << 2);
    const sums = to + 64;
    sumBlock(factors - tail, tail, lut, sums);
    for (let i: usize = 0; i < 64; i += 8) {
      const sum = f32x4.convert_i32x4_u(v128.load16x4_u(sums + i));
      const factor = i32x4.shl(v128.load16x4_u(factors + i), 16);
      storeScores(f32x4.mul(factor, f32x4.add(f32x4.mul(steps, sum), lows)), factors + 64 + i, square, metric, to + (i << 1));
    }
  }
}

/**
 * Codes of whole numbers (recurrent binary embeddings: Gan et al., KDD 2023): a block ends in u16 |x|^2 of each row, exact. Scores are
 * (low + step x sum) / |x| + shift. `groups` as above; `wide`: 1 where bytes of four groups may sum up to more than 255.
 */
export function scanLevels(codes: usize, blocks: usize, groups: usize, lut: usize, step: f32, low: f32, shift: f32, wide: i32, out: usize): void {
  const steps = f32x4.splat(step);
  const lows = f32x4.splat(low);
  const shifts = f32x4.splat(shift);
  const tail = groups << 4;
  for (let b: usize = 0; b < blocks; b++) {
    const squares = codes + b * (tail + 64) + tail;
    const to = out + b * (ROWS << 2);
    const sums = to + 64;
    if (wide) sumWide(squares - tail, tail, lut, sums);
    else sumBlock(squares - tail, tail, lut, sums);
    for (let i: usize = 0; i < 64; i += 8) {
      const sum = f32x4.convert_i32x4_u(v128.load16x4_u(sums + i));
      const length = f32x4.sqrt(f32x4.convert_i32x4_u(v128.load16x4_u(squares + i)));
      const cosine = f32x4.div(f32x4.add(f32x4.mul(steps, sum), lows), length);
      v128.store(to + (i << 1), f32x4.add(cosine, shifts));
    }
  }
}
