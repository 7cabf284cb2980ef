/** f32 kernels: dot products and squared distances of one query against many rows, matrix products, the Hadamard transform. */

// @ts-ignore: decorator
@inline
export function sumF32(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3);
}

/** <a, b> of `dim` values, a multiple of 4. */
// @ts-ignore: decorator
@inline
export function innerF32(a: usize, b: usize, dim: usize): f32 {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < dim << 2; i += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(a + i), v128.load(b + i)));
  return sumF32(sum);
}

/** Four accumulators hide the latency of the additions. */
// @ts-ignore: decorator
@inline
export function dotPair(a: usize, b: usize, dim: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  const wide = dim & ~15;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    const p = a + (i << 2);
    const q = b + (i << 2);
    s0 = f32x4.add(s0, f32x4.mul(v128.load(p), v128.load(q)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(p, 16), v128.load(q, 16)));
    s2 = f32x4.add(s2, f32x4.mul(v128.load(p, 32), v128.load(q, 32)));
    s3 = f32x4.add(s3, f32x4.mul(v128.load(p, 48), v128.load(q, 48)));
  }
  let sum = sumF32(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < dim; i++) sum += load<f32>(a + (i << 2)) * load<f32>(b + (i << 2));
  return sum;
}

// @ts-ignore: decorator
@inline
function distancePair(a: usize, b: usize, dim: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  const wide = dim & ~7;
  let i: usize = 0;
  for (; i < wide; i += 8) {
    const p = a + (i << 2);
    const q = b + (i << 2);
    const d0 = f32x4.sub(v128.load(p), v128.load(q));
    const d1 = f32x4.sub(v128.load(p, 16), v128.load(q, 16));
    s0 = f32x4.add(s0, f32x4.mul(d0, d0));
    s1 = f32x4.add(s1, f32x4.mul(d1, d1));
  }
  let sum = sumF32(f32x4.add(s0, s1));
  for (; i < dim; i++) {
    const d = load<f32>(a + (i << 2)) - load<f32>(b + (i << 2));
    sum += d * d;
  }
  return sum;
}

export function dotF32(query: usize, rows: usize, count: usize, dim: usize, out: usize): void {
  for (let r: usize = 0; r < count; r++) store<f32>(out + (r << 2), dotPair(query, rows + r * (dim << 2), dim));
}

export function l2F32(query: usize, rows: usize, count: usize, dim: usize, out: usize): void {
  for (let r: usize = 0; r < count; r++) store<f32>(out + (r << 2), distancePair(query, rows + r * (dim << 2), dim));
}

/** out[m x n] = a[m x k] b[k x n], row-major: rows of b are scaled and added, so every access is a stream. */
export function matmulF32(a: usize, b: usize, out: usize, m: usize, k: usize, n: usize): void {
  const wide = n & ~3;
  for (let i: usize = 0; i < m; i++) {
    const row = out + i * (n << 2);
    memory.fill(row, 0, n << 2);
    for (let p: usize = 0; p < k; p++) {
      const x = load<f32>(a + ((i * k + p) << 2));
      const xs = f32x4.splat(x);
      const from = b + p * (n << 2);
      let j: usize = 0;
      for (; j < wide; j += 4) {
        const at = row + (j << 2);
        v128.store(at, f32x4.add(v128.load(at), f32x4.mul(xs, v128.load(from + (j << 2)))));
      }
      for (; j < n; j++) store<f32>(row + (j << 2), load<f32>(row + (j << 2)) + x * load<f32>(from + (j << 2)));
    }
  }
}

/** out[m x n] = a[m x k] (b[n x k]) transposed. */
export function matmulTransposedF32(a: usize, b: usize, out: usize, m: usize, k: usize, n: usize): void {
  for (let i: usize = 0; i < m; i++) dotF32(a + i * (k << 2), b, n, k, out + i * (n << 2));
}

/** The first two levels of the transform, within four values that stand together. */
// @ts-ignore: decorator
@inline
function transformQuads(row: usize, dim: usize): void {
  const odd = f32x4(1, -1, 1, -1);
  const high = f32x4(1, 1, -1, -1);
  for (let i: usize = 0; i < dim; i += 4) {
    let x = v128.load(row + (i << 2));
    x = f32x4.add(f32x4.mul(x, odd), i32x4.shuffle(x, x, 1, 0, 3, 2));
    x = f32x4.add(f32x4.mul(x, high), i32x4.shuffle(x, x, 2, 3, 0, 1));
    v128.store(row + (i << 2), x);
  }
}

/** Unnormalised fast Walsh-Hadamard transform of each row in place; dim a power of two. */
export function fwhtF32(rows: usize, count: usize, dim: usize): void {
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * (dim << 2);
    if (dim >= 4) transformQuads(row, dim);
    for (let half: usize = dim >= 4 ? 4 : 1; half < dim; half <<= 1) {
      for (let start: usize = 0; start < dim; start += half << 1) {
        let i = start;
        if (half >= 4) {
          for (; i < start + half; i += 4) {
            const p = row + (i << 2);
            const q = p + (half << 2);
            const x = v128.load(p);
            const y = v128.load(q);
            v128.store(p, f32x4.add(x, y));
            v128.store(q, f32x4.sub(x, y));
          }
        }
        for (; i < start + half; i++) {
          const p = row + (i << 2);
          const q = p + (half << 2);
          const x = load<f32>(p);
          const y = load<f32>(q);
          store<f32>(p, x + y);
          store<f32>(q, x - y);
        }
      }
    }
  }
}

/** Scales each row to unit length; a zero row stays zero. */
export function normalizeF32(rows: usize, count: usize, dim: usize): void {
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * (dim << 2);
    const square = dotPair(row, row, dim);
    if (square == 0) continue;
    const scale: f32 = <f32>1 / sqrt<f32>(square);
    for (let i: usize = 0; i < dim; i++) store<f32>(row + (i << 2), load<f32>(row + (i << 2)) * scale);
  }
}

/** Sum of all values: the streaming read that other kernels are measured against. */
export function sumBytes(data: usize, bytes: usize): i32 {
  let s0 = i32x4.splat(0);
  let s1 = i32x4.splat(0);
  let s2 = i32x4.splat(0);
  let s3 = i32x4.splat(0);
  const wide = bytes & ~63;
  for (let i: usize = 0; i < wide; i += 64) {
    const p = data + i;
    s0 = i32x4.add(s0, v128.load(p));
    s1 = i32x4.add(s1, v128.load(p, 16));
    s2 = i32x4.add(s2, v128.load(p, 32));
    s3 = i32x4.add(s3, v128.load(p, 48));
  }
  const s = i32x4.add(i32x4.add(s0, s1), i32x4.add(s2, s3));
  return i32x4.extract_lane(s, 0) + i32x4.extract_lane(s, 1) + i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3);
}
