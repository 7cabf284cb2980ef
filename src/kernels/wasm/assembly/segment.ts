/** Whole stretches of a head's slots: read as f32, put in, gathered, and encoded page by page. */
import { putSlot } from "./attend";
import { readHalves } from "./half";
import { bitsOf, codeBytes, ENTRY, expand, F16, F32, fromB16, INT8, isAffine, keyBasesIn, levelsOf, PAGE_SLOTS, stepsIn, valueBasesIn, valuesIn, widest } from "./page";

/** Keys or values of a page as f32 [slots x dim]. room: of an expanded page. */
function readPage(entry: usize, dim: usize, room: usize, keysOut: usize, valuesOut: usize): void {
  const keys = <usize>load<u32>(entry), values = <usize>load<u32>(entry, 4), codec = load<i32>(entry, 12);
  if (codec == F32) {
    memory.copy(keysOut, keys, PAGE_SLOTS * dim << 2);
    memory.copy(valuesOut, values, PAGE_SLOTS * dim << 2);
    return;
  }
  if (codec == F16) {
    readHalves(keys, PAGE_SLOTS * dim, keysOut);
    readHalves(values, PAGE_SLOTS * dim, valuesOut);
    return;
  }
  if (codec == INT8) return readBytes(keys, values, dim, keysOut, valuesOut);
  expand(codec, keys, values, dim, room);
  readBytes(room, valuesIn(room, dim), dim, keysOut, valuesOut);
  const affine = isAffine(codec);
  const steps = stepsIn(room, dim), keyBases = keyBasesIn(room, dim), valueBases = valueBasesIn(room, dim);
  for (let s: usize = 0; s < PAGE_SLOTS; s++) {
    for (let i: usize = 0; i < dim; i++) {
      const at = s * dim + i << 2;
      const by: f32 = affine ? load<f32>(steps + (i << 2)) : 1;
      store<f32>(keysOut + at, load<f32>(keysOut + at) * by + load<f32>(keyBases + (i << 2)));
      store<f32>(valuesOut + at, load<f32>(valuesOut + at) + load<f32>(valueBases + ((affine ? s : i) << 2)));
    }
  }
}

function readBytes(keys: usize, values: usize, dim: usize, keysOut: usize, valuesOut: usize): void {
  for (let s: usize = 0; s < PAGE_SLOTS; s++) {
    const scales = PAGE_SLOTS * dim + (s << 2);
    const keyScale = load<f32>(keys + scales), valueScale = load<f32>(values + scales);
    for (let i: usize = 0; i < dim; i++) {
      const at = s * dim + i << 2;
      store<f32>(keysOut + at, <f32>load<i8>(keys + s * dim + i) * keyScale);
      store<f32>(valuesOut + at, <f32>load<i8>(values + i * PAGE_SLOTS + s) * valueScale);
    }
  }
}

/** Pages [first, last) of a table as f32 [slots x dim]. */
export function readPages(table: usize, first: usize, last: usize, dim: usize, room: usize, keysOut: usize, valuesOut: usize): void {
  for (let page = first; page < last; page++) {
    const at = (page - first) * PAGE_SLOTS * dim << 2;
    readPage(table + page * ENTRY, dim, room, keysOut + at, valuesOut + at);
  }
}

/** Puts `count` keys and values, f32 [count x dim], into the slots of f32, f16 or int8 pages from `slot` on. */
export function putRows(table: usize, slot: usize, count: usize, dim: usize, keys: usize, values: usize): void {
  for (let r: usize = 0; r < count; r++) {
    const entry = table + (slot + r) / PAGE_SLOTS * ENTRY;
    putSlot(load<i32>(entry, 12), keys + (r * dim << 2), values + (r * dim << 2), dim, load<u32>(entry), load<u32>(entry, 4), (slot + r) % PAGE_SLOTS);
  }
}

/** Copies the slots whose numbers stand at `slots`, ascending, to the first of another table, whose pages have the same codec, f32, f16 or int8. */
export function gatherSlots(from: usize, slots: usize, count: usize, dim: usize, to: usize): void {
  for (let i: usize = 0; i < count; i++) {
    const slot = <usize>load<u32>(slots + (i << 2));
    const source = from + slot / PAGE_SLOTS * ENTRY, target = to + i / PAGE_SLOTS * ENTRY;
    const s = slot % PAGE_SLOTS, t = i % PAGE_SLOTS;
    const keys = <usize>load<u32>(source), values = <usize>load<u32>(source, 4);
    const keysTo = <usize>load<u32>(target), valuesTo = <usize>load<u32>(target, 4);
    const codec = load<i32>(source, 12);
    if (codec == F32 || codec == F16) {
      const row = dim << (codec == F32 ? 2 : 1);
      memory.copy(keysTo + t * row, keys + s * row, row);
      memory.copy(valuesTo + t * row, values + s * row, row);
      continue;
    }
    memory.copy(keysTo + t * dim, keys + s * dim, dim);
    for (let j: usize = 0; j < dim; j++) store<u8>(valuesTo + j * PAGE_SLOTS + t, load<u8>(values + j * PAGE_SLOTS + s));
    const scales = PAGE_SLOTS * dim;
    store<f32>(keysTo + scales + (t << 2), load<f32>(keys + scales + (s << 2)));
    store<f32>(valuesTo + scales + (t << 2), load<f32>(values + scales + (s << 2)));
  }
}

/** The nearest bf16. */
function toB16(value: f32, at: usize): f32 {
  const bits = reinterpret<u32>(value);
  const kept = bits + 0x7fff + (bits >> 16 & 1) & 0xffff0000;
  store<u16>(at, <u16>(kept >> 16));
  return reinterpret<f32>(kept);
}

/** Encodes a whole page of any codec by one of fewer bits. room: of an expanded page, then f32 [slots x dim] twice, then as many bytes. */
export function encodePage(entry: usize, dim: usize, codec: i32, keysOut: usize, valuesOut: usize, room: usize, expanded: usize): void {
  const keys = room + expanded, values = keys + (PAGE_SLOTS * dim << 2), codes = values + (PAGE_SLOTS * dim << 2);
  readPage(entry, dim, room, keys, values);
  const keySide = keysOut + codeBytes(codec, dim), valueSide = valuesOut + codeBytes(codec, dim);
  if (isAffine(codec)) {
    for (let i: usize = 0; i < dim; i++) affine(codec, keys + (i << 2), PAGE_SLOTS, dim << 2, codes + i, dim, keySide + (i << 1), keySide + (dim << 1) + (i << 1));
    pack(codec, codes, dim, keysOut);
    for (let s: usize = 0; s < PAGE_SLOTS; s++) affine(codec, values + (s * dim << 2), dim, 4, codes + s, PAGE_SLOTS, valueSide + (s << 1), valueSide + (PAGE_SLOTS << 1) + (s << 1));
    pack(codec, codes, dim, valuesOut);
    return;
  }
  removeMean(keys, dim, keySide + (PAGE_SLOTS << 1));
  for (let s: usize = 0; s < PAGE_SLOTS; s++) normal(codec, keys + (s * dim << 2), dim, codes + s * dim, 1, keySide + (s << 1));
  pack(codec, codes, dim, keysOut);
  removeMean(values, dim, valueSide + (PAGE_SLOTS << 1));
  for (let s: usize = 0; s < PAGE_SLOTS; s++) normal(codec, values + (s * dim << 2), dim, codes + s, PAGE_SLOTS, valueSide + (s << 1));
  pack(codec, codes, dim, valuesOut);
}

/** Codes of `count` values between their least and their largest. Strides in bytes. */
function affine(codec: i32, x: usize, count: usize, stride: usize, codes: usize, step: usize, scaleAt: usize, baseAt: usize): void {
  let least = load<f32>(x), most = least;
  for (let i: usize = 1; i < count; i++) {
    const value = load<f32>(x + i * stride);
    least = min(least, value);
    most = max(most, value);
  }
  const top = <f32>((1 << <i32>bitsOf(codec)) - 1);
  const base = toB16(least, baseAt);
  const scale = toB16((most - base) / top, scaleAt);
  const by: f32 = scale > 0 ? 1 / scale : 0;
  for (let i: usize = 0; i < count; i++) {
    const code = nearest<f32>((load<f32>(x + i * stride) - base) * by);
    store<u8>(codes + i * step, <u8>max<f32>(0, min(top, code)));
  }
}

/** Takes the mean of each channel from the rows of a page. */
function removeMean(rows: usize, dim: usize, meanAt: usize): void {
  for (let i: usize = 0; i < dim; i++) {
    let sum: f32 = 0;
    for (let s: usize = 0; s < PAGE_SLOTS; s++) sum += load<f32>(rows + (s * dim + i << 2));
    const mean = toB16(sum / <f32>PAGE_SLOTS, meanAt + (i << 1));
    for (let s: usize = 0; s < PAGE_SLOTS; s++) {
      const at = rows + (s * dim + i << 2);
      store<f32>(at, load<f32>(at) - mean);
    }
  }
}

/** Codes of the nearest levels, and the scale that fits them best. */
function normal(codec: i32, x: usize, dim: usize, codes: usize, step: usize, scaleAt: usize): void {
  let square: f32 = 0;
  for (let i: usize = 0; i < dim; i++) square += load<f32>(x + (i << 2)) * load<f32>(x + (i << 2));
  const by: f32 = square > 0 ? 127 / (widest(codec) * sqrt<f32>(square / <f32>dim)) : 0;
  const count = 1 << <i32>bitsOf(codec);
  let both: f32 = 0, own: f32 = 0;
  for (let i: usize = 0; i < dim; i++) {
    const value = load<f32>(x + (i << 2));
    const code = nearestLevel(codec, value * by, count);
    const level = <f32>levelAt(codec, code);
    both += level * value;
    own += level * level;
    store<u8>(codes + i * step, <u8>code);
  }
  toB16(square > 0 ? both / own : 0, scaleAt);
}

// @ts-ignore: decorator
@inline
function levelAt(codec: i32, code: i32): i32 {
  return <i32>i8x16.extract_lane_s(i8x16.swizzle(levelsOf(codec), i8x16.splat(<i8>code)), 0);
}

/** The code of the level nearest to `value`. */
// @ts-ignore: decorator
@inline
function nearestLevel(codec: i32, value: f32, count: i32): i32 {
  // levels are integers: the midpoints of neighbours, doubled, are too
  const levels = levelsOf(codec);
  const next = i8x16.shuffle(levels, levels, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15);
  const low = i16x8.add(i16x8.extend_low_i8x16_s(levels), i16x8.extend_low_i8x16_s(next));
  const high = i16x8.add(i16x8.extend_high_i8x16_s(levels), i16x8.extend_high_i8x16_s(next));
  const twice = i16x8.splat(<i16>nearest<f32>(max<f32>(-300, min<f32>(300, value * 2))));
  const above = i16x8.bitmask(i16x8.gt_s(twice, low)) | i16x8.bitmask(i16x8.gt_s(twice, high)) << 8;
  return popcnt(above & (1 << (count - 1)) - 1);
}

/** Codes, a byte each, as `unpack` of page.ts reads them. */
function pack(codec: i32, codes: usize, dim: usize, to: usize): void {
  const end = to + codeBytes(codec, dim);
  if (bitsOf(codec) == 4) {
    for (; to < end; to += 16, codes += 32) v128.store(to, v128.or(v128.load(codes), i8x16.shl(v128.load(codes, 16), 4)));
    return;
  }
  for (; to < end; to += 16, codes += 64) {
    const low = v128.or(v128.load(codes), i8x16.shl(v128.load(codes, 16), 2));
    v128.store(to, v128.or(low, v128.or(i8x16.shl(v128.load(codes, 32), 4), i8x16.shl(v128.load(codes, 48), 6))));
  }
}
