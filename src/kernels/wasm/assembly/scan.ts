/**
 * Scanning codes of 32 rows side by side: per 4 bits of a code one table of 16 bytes, looked up for 16 rows by one instruction (fast
 * scan: Andre et al., Cache Locality Is Not Enough, VLDB 2015). A block: for each group of 4 bits 16 bytes, byte i with those of row i
 * below and of row i + 16 above; then what the kind of code keeps of each row.
 */

const ROWS: usize = 32;

/** The bytes of a table at 16 places below 16. */
// @ts-ignore: decorator
@inline
function lookUp(table: v128, places: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, places);
  return i8x16.swizzle(table, places);
}

/** The upper four bits of 16 bytes. Shifts of 16-bit lanes: those of bytes are none of the processor's own. */
// @ts-ignore: decorator
@inline
function upperBits(x: v128): v128 {
  return v128.and(i16x8.shr_u(x, 4), i8x16.splat(15));
}

/** Bytes summed up in 16 bits, 16 rows: of pairs of rows, which overflow, and of their odd ones become those of each row, in order. */
// @ts-ignore: decorator
@inline
function storeSums(pairs: v128, odd: v128, sums: usize): void {
  const even = i16x8.sub(pairs, i16x8.shl(odd, 8));
  v128.store(sums, i16x8.shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11));
  v128.store(sums, i16x8.shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15), 16);
}

/** Sums of the looked-up bytes of a block's 32 rows, u16. Four groups in a row: their largest bytes must not sum up to more than 255. */
// @ts-ignore: decorator
@inline
function sumBlock(block: usize, tail: usize, lut: usize, sums: usize): void {
  const nibble = i8x16.splat(15);
  let lowerPairs = i16x8.splat(0), lowerOdd = lowerPairs, upperPairs = lowerPairs, upperOdd = lowerPairs;
  for (let at: usize = 0; at < tail; at += 64) {
    const x0 = v128.load(block + at, 0), t0 = v128.load(lut + at, 0);
    let lower = lookUp(t0, v128.and(x0, nibble));
    let upper = lookUp(t0, upperBits(x0));
    const x1 = v128.load(block + at, 16), t1 = v128.load(lut + at, 16);
    lower = i8x16.add(lower, lookUp(t1, v128.and(x1, nibble)));
    upper = i8x16.add(upper, lookUp(t1, upperBits(x1)));
    const x2 = v128.load(block + at, 32), t2 = v128.load(lut + at, 32);
    lower = i8x16.add(lower, lookUp(t2, v128.and(x2, nibble)));
    upper = i8x16.add(upper, lookUp(t2, upperBits(x2)));
    const x3 = v128.load(block + at, 48), t3 = v128.load(lut + at, 48);
    lower = i8x16.add(lower, lookUp(t3, v128.and(x3, nibble)));
    upper = i8x16.add(upper, lookUp(t3, upperBits(x3)));
    lowerPairs = i16x8.add(lowerPairs, lower);
    lowerOdd = i16x8.add(lowerOdd, i16x8.shr_u(lower, 8));
    upperPairs = i16x8.add(upperPairs, upper);
    upperOdd = i16x8.add(upperOdd, i16x8.shr_u(upper, 8));
  }
  storeSums(lowerPairs, lowerOdd, sums);
  storeSums(upperPairs, upperOdd, sums + 32);
}

/** The same for bytes of any size: each group is widened on its own. At most 257 groups of bytes up to 255. */
// @ts-ignore: decorator
@inline
function sumWide(block: usize, tail: usize, lut: usize, sums: usize): void {
  const nibble = i8x16.splat(15);
  let lowerPairs = i16x8.splat(0), lowerOdd = lowerPairs, upperPairs = lowerPairs, upperOdd = lowerPairs;
  for (let at: usize = 0; at < tail; at += 16) {
    const x = v128.load(block + at), t = v128.load(lut + at);
    const lower = lookUp(t, v128.and(x, nibble));
    const upper = lookUp(t, upperBits(x));
    lowerPairs = i16x8.add(lowerPairs, lower);
    lowerOdd = i16x8.add(lowerOdd, i16x8.shr_u(lower, 8));
    upperPairs = i16x8.add(upperPairs, upper);
    upperOdd = i16x8.add(upperOdd, i16x8.shr_u(upper, 8));
  }
  storeSums(lowerPairs, lowerOdd, sums);
  storeSums(upperPairs, upperOdd, sums + 32);
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
      const count = f32x4.convert_i32x4_s(v128.load16x4_u(ones + i));
      const sum = f32x4.convert_i32x4_s(v128.load16x4_u(sums + i));
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
      const sum = f32x4.convert_i32x4_s(v128.load16x4_u(sums + i));
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
      const sum = f32x4.convert_i32x4_s(v128.load16x4_u(sums + i));
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
      const sum = f32x4.convert_i32x4_s(v128.load16x4_u(sums + i));
      const length = f32x4.sqrt(f32x4.convert_i32x4_s(v128.load16x4_u(squares + i)));
      const cosine = f32x4.div(f32x4.add(f32x4.mul(steps, sum), lows), length);
      v128.store(to + (i << 1), f32x4.add(cosine, shifts));
    }
  }
}
