/** IEEE 754 half precision numbers by their bits. */

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

export function fromHalf(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The bits of an f32's nearest half, ties to even; beyond the range, infinity too, of the largest finite one. NaN stays NaN. */
export function toHalf(value: number): number {
  f32[0] = value;
  const bits = u32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const size = Math.abs(f32[0]!);
  if (size >= 65504) return sign | 0x7bff;
  if (Number.isNaN(size)) return sign | 0x7e00;
  if (size < 2 ** -14) return sign | nearestEven(size * 2 ** 24);
  const rounded = (bits & 0x7fffffff) + 0xfff + ((bits >>> 13) & 1);
  return sign | ((rounded >>> 13) - (112 << 10));
}

function nearestEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

let halves: Float32Array | undefined;

/** Many at once, by a table of all of them. */
export function fromHalves(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 65_536 }, (_, half) => fromHalf(half));
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = halves[bits[i]!]!;
  return out;
}

/** Numbers of bf16: the upper halves of f32. */
export function fromB16s(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  const words = new Int32Array(out.buffer);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return out;
}
