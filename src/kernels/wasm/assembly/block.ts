/** The small stages of a transformer block: root mean square norm, rotary positions, gated activation, sums of rows. All f32. */
import { cappedF32, expF32 } from "./exp";
import { fwhtF32, sumF32 } from "./float";

/** out = x / rms(x) x weight (Zhang and Sennrich, Root Mean Square Layer Normalization, 2019). x, out: [count x dim]; may be the same. */
export function rmsNorm(x: usize, weight: usize, count: usize, dim: usize, epsilon: f32, out: usize): void {
  const bytes = dim << 2;
  for (let r: usize = 0; r < count; r++) {
    const from = x + r * bytes;
    const to = out + r * bytes;
    let square = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = v128.load(from + i);
      square = f32x4.add(square, f32x4.mul(v, v));
    }
    const by = f32x4.splat(1 / sqrt<f32>(sumF32(square) / <f32>dim + epsilon));
    for (let i: usize = 0; i < bytes; i += 16)
      v128.store(to + i, f32x4.mul(f32x4.mul(v128.load(from + i), by), v128.load(weight + i)));
  }
}

/** x += y; a multiple of 4 values. */
export function addRows(x: usize, y: usize, count: usize): void {
  for (let i: usize = 0; i < count << 2; i += 16) v128.store(x + i, f32x4.add(v128.load(x + i), v128.load(y + i)));
}

/** gelu by its form with tanh (Hendrycks and Gimpel, Gaussian Error Linear Units, 2016), which is x / (1 + e^-2z). */
// @ts-ignore: decorator
@inline
function gelu(x: v128): v128 {
  // -2 sqrt(2 / pi) (x + 0.044715 x^3)
  const cube = f32x4.mul(f32x4.mul(x, x), f32x4.mul(x, f32x4.splat(0.044715)));
  const z = f32x4.mul(f32x4.add(x, cube), f32x4.splat(-1.5957691216));
  return f32x4.div(x, f32x4.add(f32x4.splat(1), expF32(z)));
}

/**
 * gate = silu(gate) x up, or gelu's (Shazeer, GLU Variants Improve Transformer, 2020); rows of `dim` values, gate before up, to which a
 * bias comes first (0: none). out: [count x dim].
 */
export function gateRows(gateUp: usize, count: usize, dim: usize, stride: usize, bias: usize, isGelu: bool, out: usize): void {
  const bytes = dim << 2;
  const one = f32x4.splat(1);
  for (let r: usize = 0; r < count; r++) {
    const gate = gateUp + r * stride;
    const to = out + r * bytes;
    if (bias) addRows(gate, bias, dim << 1);
    if (isGelu) {
      for (let i: usize = 0; i < bytes; i += 16) v128.store(to + i, f32x4.mul(gelu(v128.load(gate + i)), v128.load(gate + bytes + i)));
      continue;
    }
    for (let i: usize = 0; i < bytes; i += 16) {
      const g = v128.load(gate + i);
      const silu = f32x4.div(g, f32x4.add(one, expF32(f32x4.neg(g))));
      v128.store(to + i, f32x4.mul(silu, v128.load(gate + bytes + i)));
    }
  }
}

/** x = cap x tanh(x / cap), of `count` values rounded up to fours. */
export function capRow(x: usize, count: usize, cap: f32): void {
  for (let i: usize = 0; i < count << 2; i += 16) v128.store(x + i, cappedF32(v128.load(x + i), cap));
}

/** Rotates pairs (i, i + dim/2) of a head (Su et al., RoFormer, 2021). table: cosines of the dim/2 angles, then their sines. dim a multiple of 8. */
export function rotate(x: usize, table: usize, dim: usize, out: usize): void {
  const half = dim << 1;
  for (let i: usize = 0; i < half; i += 16) {
    const a = v128.load(x + i);
    const b = v128.load(x + half + i);
    const cos = v128.load(table + i);
    const sin = v128.load(table + half + i);
    v128.store(out + i, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)));
    v128.store(out + half + i, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)));
  }
}

/** Turns heads by an orthonormal Hadamard transform, its own inverse, in blocks of the largest power of two that divides `dim`. */
export function turn(x: usize, heads: usize, dim: usize): void {
  const block = dim & -dim;
  fwhtF32(x, heads * dim / block, block);
  const by = f32x4.splat(1 / sqrt<f32>(<f32>block));
  for (let i: usize = 0; i < heads * dim << 2; i += 16) v128.store(x + i, f32x4.mul(v128.load(x + i), by));
}
