/**
 * Products of rows with eight columns, a lane for each column: out[r][c] = sum over i of a[r][i] x b[i][c]. Rows lie four side by side, so that a
 * value of each is read to all lanes at once and no sums across lanes are needed: eight sums stay in registers.
 */

/** Columns of a block. */
export const EIGHT: usize = 8;

/**
 * i16 codes by pairs. a: [rows / 4][pairs of a group][4][2], `group` bytes from four rows to the next; b: [pairs][8][2]; out: i32 [rows][8].
 * rows a multiple of 4.
 */
export function dotsOfEight(a: usize, group: usize, rows: usize, b: usize, pairs: usize, out: usize): void {
  const end = out + (rows << 5);
  for (; out < end; out += 128, a += group) {
    let c0 = i32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, d0 = c0, d1 = c0, d2 = c0, d3 = c0;
    let at = a, from = b;
    const last = a + (pairs << 4);
    for (; at < last; at += 16, from += 32) {
      const x = v128.load(from), y = v128.load(from, 16);
      let row = v128.load32_splat(at);
      c0 = i32x4.add(c0, i32x4.dot_i16x8_s(row, x));
      d0 = i32x4.add(d0, i32x4.dot_i16x8_s(row, y));
      row = v128.load32_splat(at, 4);
      c1 = i32x4.add(c1, i32x4.dot_i16x8_s(row, x));
      d1 = i32x4.add(d1, i32x4.dot_i16x8_s(row, y));
      row = v128.load32_splat(at, 8);
      c2 = i32x4.add(c2, i32x4.dot_i16x8_s(row, x));
      d2 = i32x4.add(d2, i32x4.dot_i16x8_s(row, y));
      row = v128.load32_splat(at, 12);
      c3 = i32x4.add(c3, i32x4.dot_i16x8_s(row, x));
      d3 = i32x4.add(d3, i32x4.dot_i16x8_s(row, y));
    }
    v128.store(out, c0);
    v128.store(out, d0, 16);
    v128.store(out, c1, 32);
    v128.store(out, d1, 48);
    v128.store(out, c2, 64);
    v128.store(out, d2, 80);
    v128.store(out, c3, 96);
    v128.store(out, d3, 112);
  }
}

/** The same of f32. a: [rows / 4][values of a group][4], `group` bytes from four rows to the next; b: [count][8]; out: [rows][8]. */
export function sumsOfEight(a: usize, group: usize, rows: usize, b: usize, count: usize, out: usize): void {
  const end = out + (rows << 5);
  const last = b + (count << 5);
  for (; out < end; out += 128, a += group) {
    let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, d0 = c0, d1 = c0, d2 = c0, d3 = c0;
    let at = a;
    for (let from = b; from < last; from += 32, at += 16) {
      const x = v128.load(from), y = v128.load(from, 16);
      let row = v128.load32_splat(at);
      c0 = f32x4.add(c0, f32x4.mul(row, x));
      d0 = f32x4.add(d0, f32x4.mul(row, y));
      row = v128.load32_splat(at, 4);
      c1 = f32x4.add(c1, f32x4.mul(row, x));
      d1 = f32x4.add(d1, f32x4.mul(row, y));
      row = v128.load32_splat(at, 8);
      c2 = f32x4.add(c2, f32x4.mul(row, x));
      d2 = f32x4.add(d2, f32x4.mul(row, y));
      row = v128.load32_splat(at, 12);
      c3 = f32x4.add(c3, f32x4.mul(row, x));
      d3 = f32x4.add(d3, f32x4.mul(row, y));
    }
    v128.store(out, c0);
    v128.store(out, d0, 16);
    v128.store(out, c1, 32);
    v128.store(out, d1, 48);
    v128.store(out, c2, 64);
    v128.store(out, d2, 80);
    v128.store(out, c3, 96);
    v128.store(out, d3, 112);
  }
}
