/**
 * A page made ready for blocks of queries: rows four side by side for the products of products.ts, of f32 and f16 pages as f32, of others as i16
 * codes by pairs, and what the softmax needs of each slot. Done once for all queries that see the page.
 */
import { putTransposed } from "./lanes";
import { expand, F16, F32, INT8, isAffine, PAGE_SLOTS, valueBasesIn, valuesIn, wideValuesIn } from "./page";

/** Values nearer to zero than this share of the page's largest scale have no say in how weights are scaled. */
const LEAST_SHARE: f32 = 1.0 / 1048576;
/** log2 e: scores are in powers of two. */
export const LOG2E: f32 = 1.44269504;
export const LN2: f32 = 0.69314718;

/**
 * Where the parts of a panel lie: keys [slots / 4][dim] of four, values [dim / 4][slots] of four, with room for f32; then of each slot the scale
 * of its key, what is added to its score (logs of its count and of its value's scale), one over that scale, its base over that scale (affine);
 * then the page's expanded codes.
 */
// @ts-ignore: decorator
@inline
export function panelValues(panel: usize, dim: usize): usize {
  return panel + PAGE_SLOTS * (dim << 2);
}
// @ts-ignore: decorator
@inline
export function keyScalesIn(panel: usize, dim: usize): usize {
  return panel + PAGE_SLOTS * (dim << 3);
}
// @ts-ignore: decorator
@inline
export function offsetsIn(panel: usize, dim: usize): usize {
  return keyScalesIn(panel, dim) + (PAGE_SLOTS << 2);
}
// @ts-ignore: decorator
@inline
export function inversesIn(panel: usize, dim: usize): usize {
  return offsetsIn(panel, dim) + (PAGE_SLOTS << 2);
}
// @ts-ignore: decorator
@inline
export function slotBasesIn(panel: usize, dim: usize): usize {
  return inversesIn(panel, dim) + (PAGE_SLOTS << 2);
}
// @ts-ignore: decorator
@inline
export function expandedIn(panel: usize, dim: usize): usize {
  return slotBasesIn(panel, dim) + (PAGE_SLOTS << 2);
}

/** Rows of i8 codes, `columns` each, as i16 pairs: [rows / 4][columns / 2][4][2]. rows a multiple of 4, columns of 8. */
function widenRows(from: usize, rows: usize, columns: usize, to: usize): void {
  for (let end = from + rows * columns; from < end; from += columns << 2) {
    for (let i: usize = 0; i < columns; i += 8, to += 64) {
      const at = from + i;
      putTransposed(v128.load8x8_s(at), v128.load8x8_s(at + columns), v128.load8x8_s(at + 2 * columns), v128.load8x8_s(at + 3 * columns), to, 16, false);
    }
  }
}

/** Rows of f32, `columns` each: [rows / 4][columns][4]. */
function turnRows(from: usize, rows: usize, columns: usize, to: usize): void {
  const bytes = columns << 2;
  for (let end = from + rows * bytes; from < end; from += bytes << 2) {
    for (let i: usize = 0; i < bytes; i += 16, to += 64) {
      const at = from + i;
      putTransposed(v128.load(at), v128.load(at + bytes), v128.load(at + 2 * bytes), v128.load(at + 3 * bytes), to, 16, false);
    }
  }
}

/** Rows of f32, `columns` each: [columns / 4][rows][4]. */
function parcelRows(from: usize, rows: usize, columns: usize, to: usize): void {
  for (let i: usize = 0; i < columns; i += 4) {
    for (let r: usize = 0; r < rows; r++, to += 16) v128.store(to, v128.load(from + (r * columns + i << 2)));
  }
}

/** log2 of positive, normal values: exponent, and twice the series of artanh for what is left, from the root of a half to that of two; error below 2e-7. */
// @ts-ignore: decorator
@inline
function log2F32(x: v128): v128 {
  const exponent = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3f3504f3)), 23);
  const rest = i32x4.sub(x, i32x4.shl(exponent, 23));
  const z = f32x4.div(f32x4.sub(rest, f32x4.splat(1)), f32x4.add(rest, f32x4.splat(1)));
  const square = f32x4.mul(z, z);
  let p = f32x4.splat(1.0 / 7);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(0.2));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.0 / 3));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1));
  return f32x4.add(f32x4.convert_i32x4_s(exponent), f32x4.mul(f32x4.mul(p, z), f32x4.splat(2 * LOG2E)));
}

/** What is added to the slots' scores, and what their weights times the values' scales are worth. scales: of values (0: all are 1). */
function setSlots(panel: usize, dim: usize, bias: usize, scales: usize): void {
  const offsets = offsetsIn(panel, dim), inverses = inversesIn(panel, dim);
  let most = f32x4.splat(0);
  if (scales) for (let s: usize = 0; s < PAGE_SLOTS << 2; s += 16) most = f32x4.pmax(most, v128.load(scales + s));
  const top = max(max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)), max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)));
  const least = f32x4.splat(max<f32>(top * LEAST_SHARE, 1e-36));
  for (let s: usize = 0; s < PAGE_SLOTS << 2; s += 16) {
    let offset = f32x4.splat(0), inverse = f32x4.splat(1);
    if (top > 0) {
      const scale = f32x4.pmax(v128.load(scales + s), least);
      offset = log2F32(scale);
      inverse = f32x4.div(inverse, scale);
    }
    if (bias) offset = f32x4.add(offset, f32x4.mul(v128.load(bias + s), f32x4.splat(LOG2E)));
    v128.store(offsets + s, offset);
    v128.store(inverses + s, inverse);
  }
}

/** The codec that a panel of a page is used by: halves are f32 in it. */
// @ts-ignore: decorator
@inline
export function panelCodec(entry: usize): i32 {
  const codec = load<i32>(entry, 12);
  return codec == F16 ? F32 : codec;
}

/** Makes a page ready, or its `keysAlone`: then nothing but the slots' counts is added to their scores. panel: as `blocksRoom` of kernels/program.ts counts it. */
export function preparePanel(entry: usize, dim: usize, panel: usize, keysAlone: bool): void {
  let keys = <usize>load<u32>(entry), values = <usize>load<u32>(entry, 4);
  const bias = <usize>load<u32>(entry, 8), codec = load<i32>(entry, 12);
  const expanded = expandedIn(panel, dim);
  if (codec == F32 || codec == F16) {
    if (codec == F16) {
      expand(codec, keys, values, dim, expanded);
      keys = expanded;
      values = wideValuesIn(expanded, dim);
    }
    turnRows(keys, PAGE_SLOTS, dim, panel);
    if (!keysAlone) parcelRows(values, PAGE_SLOTS, dim, panelValues(panel, dim));
    setSlots(panel, dim, bias, 0);
    return;
  }
  if (codec > INT8) {
    expand(codec, keys, values, dim, expanded);
    keys = expanded;
    values = valuesIn(expanded, dim);
  }
  widenRows(keys, PAGE_SLOTS, dim, panel);
  memory.copy(keyScalesIn(panel, dim), keys + PAGE_SLOTS * dim, PAGE_SLOTS << 2);
  if (keysAlone) return setSlots(panel, dim, bias, 0);
  widenRows(values, dim, PAGE_SLOTS, panelValues(panel, dim));
  setSlots(panel, dim, bias, values + PAGE_SLOTS * dim);
  if (!isAffine(codec)) return;
  const bases = valueBasesIn(expandedIn(panel, dim), dim);
  for (let s: usize = 0; s < PAGE_SLOTS << 2; s += 16) v128.store(slotBasesIn(panel, dim) + s, f32x4.mul(v128.load(bases + s), v128.load(inversesIn(panel, dim) + s)));
}
