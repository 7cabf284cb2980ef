/**
 * The nearest of many centroids for each of many rows: what k-means and product quantisation spend their time in. Lanes are centroids,
 * so narrow rows are no slower than wide ones; two rows at once share the centroids that are loaded.
 */

const WIDTH: usize = 16;

// @ts-ignore: decorator
@inline
function leastLane(best: v128, place: v128, square: f32, out: usize, distance: usize): void {
  let least = f32x4.extract_lane(best, 0);
  let which = i32x4.extract_lane(place, 0);
  for (let lane = 1; lane < 4; lane++) {
    best = i8x16.shuffle(best, best, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3);
    place = i8x16.shuffle(place, place, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3);
    const value = f32x4.extract_lane(best, 0);
    const at = i32x4.extract_lane(place, 0);
    if (value < least || (value == least && at < which)) {
      least = value;
      which = at;
    }
  }
  store<i32>(out, which);
  store<f32>(distance, max<f32>(0, least + least + square));
}

/**
 * Panels of 16 centroids: 16 halves of |c|^2, then dim times 16 values; half |c|^2 - <x, c> ranks as the distance does. Of equal ones
 * the first wins. @param stride bytes from one row to the next
 */
export function nearestF32(rows: usize, count: usize, stride: usize, dim: usize, panels: usize, panelCount: usize, out: usize, distances: usize): void {
  const panelBytes = (dim + 1) * (WIDTH << 2);
  for (let r: usize = 0; r < count; r += 2) {
    const x = rows + r * stride;
    const y = r + 1 < count ? x + stride : x;
    let bestX = f32x4.splat(Infinity), bestY = bestX;
    let placeX = i32x4.splat(0), placeY = placeX;
    let ids = i32x4(0, 1, 2, 3);
    const four = i32x4.splat(4);
    for (let p: usize = 0; p < panelCount; p++) {
      let c = panels + p * panelBytes;
      let x0 = v128.load(c, 0), x1 = v128.load(c, 16), x2 = v128.load(c, 32), x3 = v128.load(c, 48);
      let y0 = x0, y1 = x1, y2 = x2, y3 = x3;
      for (let d: usize = 0; d < dim << 2; d += 4) {
        c += 64;
        const xs = v128.load32_splat(x + d), ys = v128.load32_splat(y + d);
        const c0 = v128.load(c, 0), c1 = v128.load(c, 16), c2 = v128.load(c, 32), c3 = v128.load(c, 48);
        x0 = f32x4.sub(x0, f32x4.mul(xs, c0));
        x1 = f32x4.sub(x1, f32x4.mul(xs, c1));
        x2 = f32x4.sub(x2, f32x4.mul(xs, c2));
        x3 = f32x4.sub(x3, f32x4.mul(xs, c3));
        y0 = f32x4.sub(y0, f32x4.mul(ys, c0));
        y1 = f32x4.sub(y1, f32x4.mul(ys, c1));
        y2 = f32x4.sub(y2, f32x4.mul(ys, c2));
        y3 = f32x4.sub(y3, f32x4.mul(ys, c3));
      }
      let less = f32x4.lt(x0, bestX);
      bestX = f32x4.pmin(bestX, x0);
      placeX = v128.bitselect(ids, placeX, less);
      less = f32x4.lt(y0, bestY);
      bestY = f32x4.pmin(bestY, y0);
      placeY = v128.bitselect(ids, placeY, less);
      ids = i32x4.add(ids, four);
      less = f32x4.lt(x1, bestX);
      bestX = f32x4.pmin(bestX, x1);
      placeX = v128.bitselect(ids, placeX, less);
      less = f32x4.lt(y1, bestY);
      bestY = f32x4.pmin(bestY, y1);
      placeY = v128.bitselect(ids, placeY, less);
      ids = i32x4.add(ids, four);
      less = f32x4.lt(x2, bestX);
      bestX = f32x4.pmin(bestX, x2);
      placeX = v128.bitselect(ids, placeX, less);
      less = f32x4.lt(y2, bestY);
      bestY = f32x4.pmin(bestY, y2);
      placeY = v128.bitselect(ids, placeY, less);
      ids = i32x4.add(ids, four);
      less = f32x4.lt(x3, bestX);
      bestX = f32x4.pmin(bestX, x3);
      placeX = v128.bitselect(ids, placeX, less);
      less = f32x4.lt(y3, bestY);
      bestY = f32x4.pmin(bestY, y3);
      placeY = v128.bitselect(ids, placeY, less);
      ids = i32x4.add(ids, four);
    }
    const to = r << 2;
    leastLane(bestY, placeY, squareOf(y, dim), out + to + (y > x ? 4 : 0), distances + to + (y > x ? 4 : 0));
    leastLane(bestX, placeX, squareOf(x, dim), out + to, distances + to);
  }
}

/** out[r][c] = half |c|^2 - <x, c> for all centroids of the panels: |x - c|^2 is twice that more than |x|^2. @param stride bytes */
export function halfDistancesF32(rows: usize, count: usize, stride: usize, dim: usize, panels: usize, panelCount: usize, out: usize): void {
  for (let r: usize = 0; r < count; r += 2) {
    const x = rows + r * stride;
    const y = r + 1 < count ? x + stride : x;
    let to = out + r * (panelCount << 6);
    const second: usize = y > x ? panelCount << 6 : 0;
    let c = panels;
    for (let p: usize = 0; p < panelCount; p++) {
      let x0 = v128.load(c, 0), x1 = v128.load(c, 16), x2 = v128.load(c, 32), x3 = v128.load(c, 48);
      let y0 = x0, y1 = x1, y2 = x2, y3 = x3;
      c += 64;
      for (let d: usize = 0; d < dim << 2; d += 4, c += 64) {
        const xs = v128.load32_splat(x + d), ys = v128.load32_splat(y + d);
        const c0 = v128.load(c, 0), c1 = v128.load(c, 16), c2 = v128.load(c, 32), c3 = v128.load(c, 48);
        x0 = f32x4.sub(x0, f32x4.mul(xs, c0));
        x1 = f32x4.sub(x1, f32x4.mul(xs, c1));
        x2 = f32x4.sub(x2, f32x4.mul(xs, c2));
        x3 = f32x4.sub(x3, f32x4.mul(xs, c3));
        y0 = f32x4.sub(y0, f32x4.mul(ys, c0));
        y1 = f32x4.sub(y1, f32x4.mul(ys, c1));
        y2 = f32x4.sub(y2, f32x4.mul(ys, c2));
        y3 = f32x4.sub(y3, f32x4.mul(ys, c3));
      }
      v128.store(to + second, y0, 0);
      v128.store(to + second, y1, 16);
      v128.store(to + second, y2, 32);
      v128.store(to + second, y3, 48);
      v128.store(to, x0, 0);
      v128.store(to, x1, 16);
      v128.store(to, x2, 32);
      v128.store(to, x3, 48);
      to += 64;
    }
  }
}

// @ts-ignore: decorator
@inline
function squareOf(x: usize, dim: usize): f32 {
  let sum: f32 = 0;
  for (let d: usize = 0; d < dim << 2; d += 4) {
    const value = load<f32>(x + d);
    sum += value * value;
  }
  return sum;
}

/** out[r] = sum over the first `bytes` bytes b of row r of tables[256 b + byte]: products or distances of codes by tables of floats. */
export function sumTablesF32(tables: usize, rows: usize, count: usize, bytes: usize, stride: usize, out: usize): void {
  const wide = bytes & ~3;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * stride;
    let a: f32 = 0, b: f32 = 0, c: f32 = 0, d: f32 = 0;
    let table = tables;
    let i: usize = 0;
    for (; i < wide; i += 4, table += 4096) {
      const codes = load<u32>(row + i);
      a += load<f32>(table + (<usize>(codes & 255) << 2));
      b += load<f32>(table + (<usize>((codes >> 8) & 255) << 2), 1024);
      c += load<f32>(table + (<usize>((codes >> 16) & 255) << 2), 2048);
      d += load<f32>(table + (<usize>(codes >> 24) << 2), 3072);
    }
    for (; i < bytes; i++, table += 1024) a += load<f32>(table + (<usize>load<u8>(row + i) << 2));
    store<f32>(out + (r << 2), (a + b) + (c + d));
  }
}
