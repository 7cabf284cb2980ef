/**
 * Fast Fourier transforms of complex f32 values whose real and imaginary parts lie apart (Cooley and Tukey, 1965; radix 4). The forward transform
 * decimates in frequency, the inverse in time, so spectra lie in an order of their own and nothing is ever reversed: they may only be
 * multiplied with each other.
 */

/** Bytes of twiddles for four k: w^k, w^2k, w^3k, real and imaginary. */
// @ts-ignore: decorator
@inline const TWIDDLES: usize = 96;

/** Bytes of the twiddles of all stages of `length` values: a stage of quarters of q values takes q / 4 groups, quarters of one value take none. */
export function twiddleBytes(length: usize): usize {
  let bytes: usize = 0;
  for (let q = length >> (ctz(length) & 1 ? 3 : 2); q >= 4; q >>= 2) bytes += (q >> 2) * TWIDDLES;
  return bytes;
}

// @ts-ignore: decorator
@inline
function timesRe(ar: v128, ai: v128, br: v128, bi: v128): v128 {
  return f32x4.sub(f32x4.mul(ar, br), f32x4.mul(ai, bi));
}

// @ts-ignore: decorator
@inline
function timesIm(ar: v128, ai: v128, br: v128, bi: v128): v128 {
  return f32x4.add(f32x4.mul(ar, bi), f32x4.mul(ai, br));
}

/** One stage on blocks of four quarters of `q` values, q from 4. */
function forwardStage(re: usize, im: usize, length: usize, q: usize, twiddles: usize): void {
  const step = q << 2, block = q << 4;
  for (let from: usize = 0; from < length << 2; from += block) {
    let w = twiddles;
    for (let at = from; at < from + step; at += 16, w += TWIDDLES) {
      const r = re + at, i = im + at;
      const ar = v128.load(r), ai = v128.load(i), cr = v128.load(r + 2 * step), ci = v128.load(i + 2 * step);
      const br = v128.load(r + step), bi = v128.load(i + step), dr = v128.load(r + 3 * step), di = v128.load(i + 3 * step);
      const t0r = f32x4.add(ar, cr), t0i = f32x4.add(ai, ci), t1r = f32x4.sub(ar, cr), t1i = f32x4.sub(ai, ci);
      const t2r = f32x4.add(br, dr), t2i = f32x4.add(bi, di);
      // -i (b - d)
      const t3r = f32x4.sub(bi, di), t3i = f32x4.sub(dr, br);
      v128.store(r, f32x4.add(t0r, t2r));
      v128.store(i, f32x4.add(t0i, t2i));
      const y1r = f32x4.add(t1r, t3r), y1i = f32x4.add(t1i, t3i), w1r = v128.load(w), w1i = v128.load(w, 16);
      v128.store(r + step, timesRe(y1r, y1i, w1r, w1i));
      v128.store(i + step, timesIm(y1r, y1i, w1r, w1i));
      const y2r = f32x4.sub(t0r, t2r), y2i = f32x4.sub(t0i, t2i), w2r = v128.load(w, 32), w2i = v128.load(w, 48);
      v128.store(r + 2 * step, timesRe(y2r, y2i, w2r, w2i));
      v128.store(i + 2 * step, timesIm(y2r, y2i, w2r, w2i));
      const y3r = f32x4.sub(t1r, t3r), y3i = f32x4.sub(t1i, t3i), w3r = v128.load(w, 64), w3i = v128.load(w, 80);
      v128.store(r + 3 * step, timesRe(y3r, y3i, w3r, w3i));
      v128.store(i + 3 * step, timesIm(y3r, y3i, w3r, w3i));
    }
  }
}

function inverseStage(re: usize, im: usize, length: usize, q: usize, twiddles: usize): void {
  const step = q << 2, block = q << 4;
  for (let from: usize = 0; from < length << 2; from += block) {
    let w = twiddles;
    for (let at = from; at < from + step; at += 16, w += TWIDDLES) {
      const r = re + at, i = im + at;
      const y0r = v128.load(r), y0i = v128.load(i);
      const y1r = v128.load(r + step), y1i = v128.load(i + step), w1r = v128.load(w), w1i = f32x4.neg(v128.load(w, 16));
      const u1r = timesRe(y1r, y1i, w1r, w1i), u1i = timesIm(y1r, y1i, w1r, w1i);
      const y2r = v128.load(r + 2 * step), y2i = v128.load(i + 2 * step), w2r = v128.load(w, 32), w2i = f32x4.neg(v128.load(w, 48));
      const u2r = timesRe(y2r, y2i, w2r, w2i), u2i = timesIm(y2r, y2i, w2r, w2i);
      const y3r = v128.load(r + 3 * step), y3i = v128.load(i + 3 * step), w3r = v128.load(w, 64), w3i = f32x4.neg(v128.load(w, 80));
      const u3r = timesRe(y3r, y3i, w3r, w3i), u3i = timesIm(y3r, y3i, w3r, w3i);
      const s0r = f32x4.add(y0r, u2r), s0i = f32x4.add(y0i, u2i), s1r = f32x4.sub(y0r, u2r), s1i = f32x4.sub(y0i, u2i);
      const s2r = f32x4.add(u1r, u3r), s2i = f32x4.add(u1i, u3i);
      // i (u1 - u3)
      const s3r = f32x4.sub(u3i, u1i), s3i = f32x4.sub(u1r, u3r);
      v128.store(r, f32x4.add(s0r, s2r));
      v128.store(i, f32x4.add(s0i, s2i));
      v128.store(r + step, f32x4.add(s1r, s3r));
      v128.store(i + step, f32x4.add(s1i, s3i));
      v128.store(r + 2 * step, f32x4.sub(s0r, s2r));
      v128.store(i + 2 * step, f32x4.sub(s0i, s2i));
      v128.store(r + 3 * step, f32x4.sub(s1r, s3r));
      v128.store(i + 3 * step, f32x4.sub(s1i, s3i));
    }
  }
}

/** Sums and differences of halves; the differences turned by twiddles only where the halves are one block of the next stages: see `halve`. */
function halve(re: usize, im: usize, half: usize, twiddles: usize, inverse: bool): void {
  const step = half << 2;
  for (let at: usize = 0, w = twiddles; at < step; at += 16, w += 32) {
    const ar = v128.load(re + at), ai = v128.load(im + at);
    let br = v128.load(re + step + at), bi = v128.load(im + step + at);
    const wr = v128.load(w), wi = v128.load(w, 16);
    if (inverse) {
      const turned = timesRe(br, bi, wr, f32x4.neg(wi));
      bi = timesIm(br, bi, wr, f32x4.neg(wi));
      br = turned;
    }
    const dr = f32x4.sub(ar, br), di = f32x4.sub(ai, bi);
    v128.store(re + at, f32x4.add(ar, br));
    v128.store(im + at, f32x4.add(ai, bi));
    v128.store(re + step + at, inverse ? dr : timesRe(dr, di, wr, wi));
    v128.store(im + step + at, inverse ? di : timesIm(dr, di, wr, wi));
  }
}

/** Blocks of four values, four blocks at a time: rows in, columns out. What is left in columns is the order of spectra. */
function forwardFours(re: usize, im: usize, length: usize): void {
  for (let at: usize = 0; at < length << 2; at += 64) {
    const r = re + at, i = im + at;
    const r0 = v128.load(r), r1 = v128.load(r, 16), r2 = v128.load(r, 32), r3 = v128.load(r, 48);
    const i0 = v128.load(i), i1 = v128.load(i, 16), i2 = v128.load(i, 32), i3 = v128.load(i, 48);
    const rl01 = i32x4.shuffle(r0, r1, 0, 4, 1, 5), rh01 = i32x4.shuffle(r0, r1, 2, 6, 3, 7);
    const rl23 = i32x4.shuffle(r2, r3, 0, 4, 1, 5), rh23 = i32x4.shuffle(r2, r3, 2, 6, 3, 7);
    const il01 = i32x4.shuffle(i0, i1, 0, 4, 1, 5), ih01 = i32x4.shuffle(i0, i1, 2, 6, 3, 7);
    const il23 = i32x4.shuffle(i2, i3, 0, 4, 1, 5), ih23 = i32x4.shuffle(i2, i3, 2, 6, 3, 7);
    const ar = i64x2.shuffle(rl01, rl23, 0, 2), br = i64x2.shuffle(rl01, rl23, 1, 3);
    const cr = i64x2.shuffle(rh01, rh23, 0, 2), dr = i64x2.shuffle(rh01, rh23, 1, 3);
    const ai = i64x2.shuffle(il01, il23, 0, 2), bi = i64x2.shuffle(il01, il23, 1, 3);
    const ci = i64x2.shuffle(ih01, ih23, 0, 2), di = i64x2.shuffle(ih01, ih23, 1, 3);
    const t0r = f32x4.add(ar, cr), t0i = f32x4.add(ai, ci), t1r = f32x4.sub(ar, cr), t1i = f32x4.sub(ai, ci);
    const t2r = f32x4.add(br, dr), t2i = f32x4.add(bi, di), t3r = f32x4.sub(bi, di), t3i = f32x4.sub(dr, br);
    v128.store(r, f32x4.add(t0r, t2r));
    v128.store(i, f32x4.add(t0i, t2i));
    v128.store(r, f32x4.add(t1r, t3r), 16);
    v128.store(i, f32x4.add(t1i, t3i), 16);
    v128.store(r, f32x4.sub(t0r, t2r), 32);
    v128.store(i, f32x4.sub(t0i, t2i), 32);
    v128.store(r, f32x4.sub(t1r, t3r), 48);
    v128.store(i, f32x4.sub(t1i, t3i), 48);
  }
}

function inverseFours(re: usize, im: usize, length: usize): void {
  for (let at: usize = 0; at < length << 2; at += 64) {
    const r = re + at, i = im + at;
    const y0r = v128.load(r), u1r = v128.load(r, 16), u2r = v128.load(r, 32), u3r = v128.load(r, 48);
    const y0i = v128.load(i), u1i = v128.load(i, 16), u2i = v128.load(i, 32), u3i = v128.load(i, 48);
    const s0r = f32x4.add(y0r, u2r), s0i = f32x4.add(y0i, u2i), s1r = f32x4.sub(y0r, u2r), s1i = f32x4.sub(y0i, u2i);
    const s2r = f32x4.add(u1r, u3r), s2i = f32x4.add(u1i, u3i), s3r = f32x4.sub(u3i, u1i), s3i = f32x4.sub(u1r, u3r);
    storeRows(r, f32x4.add(s0r, s2r), f32x4.add(s1r, s3r), f32x4.sub(s0r, s2r), f32x4.sub(s1r, s3r));
    storeRows(i, f32x4.add(s0i, s2i), f32x4.add(s1i, s3i), f32x4.sub(s0i, s2i), f32x4.sub(s1i, s3i));
  }
}

// @ts-ignore: decorator
@inline
function storeRows(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const lab = i32x4.shuffle(a, b, 0, 4, 1, 5), hab = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const lcd = i32x4.shuffle(c, d, 0, 4, 1, 5), hcd = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(to, i64x2.shuffle(lab, lcd, 0, 2));
  v128.store(to, i64x2.shuffle(lab, lcd, 1, 3), 16);
  v128.store(to, i64x2.shuffle(hab, hcd, 0, 2), 32);
  v128.store(to, i64x2.shuffle(hab, hcd, 1, 3), 48);
}

/** Values of a block whose stages are gone through one after the other: it stays in the cache. Longer ones are cut by a stage first, then taken quarter by quarter. */
const BLOCK: usize = 1 << 14;

/** A block of a power of four values. twiddles: of its first stage, the others behind. */
function forwardBlock(re: usize, im: usize, length: usize, twiddles: usize): void {
  let q = length >> 2, w = twiddles;
  if (length <= BLOCK) {
    for (; q >= 4; q >>= 2) {
      forwardStage(re, im, length, q, w);
      w += (q >> 2) * TWIDDLES;
    }
    forwardFours(re, im, length);
    return;
  }
  forwardStage(re, im, length, q, w);
  w += (q >> 2) * TWIDDLES;
  for (let at: usize = 0; at < length << 2; at += q << 2) forwardBlock(re + at, im + at, q, w);
}

function inverseBlock(re: usize, im: usize, length: usize, twiddles: usize): void {
  const most = length >> 2;
  if (length <= BLOCK) {
    inverseFours(re, im, length);
    let w = twiddles + twiddleBytes(length);
    for (let q: usize = 4; q <= most; q <<= 2) {
      w -= (q >> 2) * TWIDDLES;
      inverseStage(re, im, length, q, w);
    }
    return;
  }
  const inner = twiddles + (most >> 2) * TWIDDLES;
  for (let at: usize = 0; at < length << 2; at += most << 2) inverseBlock(re + at, im + at, most, inner);
  inverseStage(re, im, length, most, twiddles);
}

/**
 * In place. length: a power of two from 16. twiddles: of the stages by fours, largest first, then, of lengths that are no power of four, those of the
 * halves: length / 2 values by fours, real and imaginary.
 */
export function forwardFft(re: usize, im: usize, length: usize, twiddles: usize): void {
  if (!(ctz(length) & 1)) {
    forwardBlock(re, im, length, twiddles);
    return;
  }
  const half = length >> 1;
  halve(re, im, half, twiddles + twiddleBytes(length), false);
  forwardBlock(re, im, half, twiddles);
  forwardBlock(re + (half << 2), im + (half << 2), half, twiddles);
}

/** In place, times length. */
export function inverseFft(re: usize, im: usize, length: usize, twiddles: usize): void {
  if (!(ctz(length) & 1)) {
    inverseBlock(re, im, length, twiddles);
    return;
  }
  const half = length >> 1;
  inverseBlock(re, im, half, twiddles);
  inverseBlock(re + (half << 2), im + (half << 2), half, twiddles);
  halve(re, im, half, twiddles + twiddleBytes(length), true);
}

/** sum = or += a x b, of spectra. */
export function multiplySpectra(ar: usize, ai: usize, br: usize, bi: usize, sumR: usize, sumI: usize, length: usize, onto: bool): void {
  for (let at: usize = 0; at < length << 2; at += 16) {
    const xr = v128.load(ar + at), xi = v128.load(ai + at), yr = v128.load(br + at), yi = v128.load(bi + at);
    let r = timesRe(xr, xi, yr, yi), i = timesIm(xr, xi, yr, yi);
    if (onto) {
      r = f32x4.add(r, v128.load(sumR + at));
      i = f32x4.add(i, v128.load(sumI + at));
    }
    v128.store(sumR + at, r);
    v128.store(sumI + at, i);
  }
}
