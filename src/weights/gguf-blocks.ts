/** The quantised blocks of GGUF files as f32 (their layouts: ggml's quants). Each type: values and bytes of a block, and how one is decoded. */
import { fromB16s, fromHalf, fromHalves } from "../half.ts";

export interface BlockType {
  readonly name: string;
  readonly values: number;
  readonly bytes: number;
  /** Decodes the block at `at` to `out` from `to` on. */
  decode(bytes: DataView, at: number, out: Float32Array, to: number): void;
  /** All values at once, where a block is one. bytes: at a multiple of a value's. */
  toF32?(bytes: Uint8Array): Float32Array;
}

const half = (bytes: DataView, at: number): number => fromHalf(bytes.getUint16(at, true));

/** A scale, perhaps a minimum, perhaps a fifth bit of each code, then 16 bytes with the codes of values j below and j + 16 above. */
function small(name: string, { min, fifth }: { readonly min: boolean; readonly fifth: boolean }): BlockType {
  const codes = 2 + (min ? 2 : 0) + (fifth ? 4 : 0);
  const zero = fifth ? 16 : 8;
  return {
    name,
    values: 32,
    bytes: codes + 16,
    decode(bytes, at, out, to) {
      const scale = half(bytes, at);
      const least = min ? half(bytes, at + 2) : -zero * scale;
      const high = fifth ? bytes.getUint32(at + codes - 4, true) : 0;
      for (let j = 0; j < 16; j++) {
        const byte = bytes.getUint8(at + codes + j);
        out[to + j] = ((byte & 15) | (((high >>> j) & 1) << 4)) * scale + least;
        out[to + j + 16] = ((byte >> 4) | (((high >>> (j + 16)) & 1) << 4)) * scale + least;
      }
    },
  };
}

/** Six bits each of the scale and the minimum of sub-block j of eight, packed in 12 bytes. */
function scaleAndMin(bytes: DataView, at: number, j: number): readonly [number, number] {
  const byte = (i: number): number => bytes.getUint8(at + i);
  if (j < 4) return [byte(j) & 63, byte(j + 4) & 63];
  return [(byte(j + 4) & 15) | ((byte(j - 4) >> 6) << 4), (byte(j + 4) >> 4) | ((byte(j) >> 6) << 4)];
}

/** 256 values in eight sub-blocks of 32, each with a scale and a minimum of six bits. */
function super256(name: string, fifth: boolean): BlockType {
  const codes = 16 + (fifth ? 32 : 0);
  return {
    name,
    values: 256,
    bytes: codes + 128,
    decode(bytes, at, out, to) {
      const scale = half(bytes, at);
      const least = half(bytes, at + 2);
      for (let j = 0; j < 8; j++) {
        const [s, m] = scaleAndMin(bytes, at + 4, j);
        for (let l = 0; l < 32; l++) {
          const byte = bytes.getUint8(at + codes + (j >> 1) * 32 + l);
          const high = fifth ? ((bytes.getUint8(at + 16 + l) >> j) & 1) << 4 : 0;
          const code = (j & 1 ? byte >> 4 : byte & 15) | high;
          out[to + j * 32 + l] = scale * s * code - least * m;
        }
      }
    },
  };
}

/** 256 values of six bits, four below and two above, in sixteen sub-blocks of 16 with int8 scales. */
const Q6_K: BlockType = {
  name: "Q6_K",
  values: 256,
  bytes: 210,
  decode(bytes, at, out, to) {
    const scale = half(bytes, at + 208);
    for (let i = 0; i < 256; i++) {
      const [side, rest] = [i >> 7, i & 127];
      const [quarter, l] = [rest >> 5, rest & 31];
      const byte = bytes.getUint8(at + side * 64 + (quarter & 1) * 32 + l);
      const low = quarter < 2 ? byte & 15 : byte >> 4;
      const high = (bytes.getUint8(at + 128 + side * 32 + l) >> (quarter * 2)) & 3;
      const own = bytes.getInt8(at + 192 + side * 8 + quarter * 2 + (l >> 4));
      out[to + i] = scale * own * ((low | (high << 4)) - 32);
    }
  },
};

/** A block is a value. */
function plain(name: string, bytes: number, toF32: (bytes: Uint8Array) => Float32Array): BlockType {
  return {
    name,
    values: 1,
    bytes,
    decode(view, at, out, to) {
      out.set(toF32(new Uint8Array(view.buffer, view.byteOffset + at, bytes).slice()), to);
    },
    toF32,
  };
}

const asU16 = (bytes: Uint8Array): Uint16Array =>
  new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);

/** By the number that the file has for a type. */
export const BLOCK_TYPES: ReadonlyMap<number, BlockType> = new Map([
  [0, plain("F32", 4, (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4))],
  [1, plain("F16", 2, (bytes) => fromHalves(asU16(bytes)))],
  [2, small("Q4_0", { min: false, fifth: false })],
  [3, small("Q4_1", { min: true, fifth: false })],
  [6, small("Q5_0", { min: false, fifth: true })],
  [7, small("Q5_1", { min: true, fifth: true })],
  [
    8,
    {
      name: "Q8_0",
      values: 32,
      bytes: 34,
      decode(bytes, at, out, to) {
        const scale = half(bytes, at);
        for (let j = 0; j < 32; j++) out[to + j] = bytes.getInt8(at + 2 + j) * scale;
      },
    },
  ],
  [12, super256("Q4_K", false)],
  [13, super256("Q5_K", true)],
  [14, Q6_K],
  [30, plain("BF16", 2, (bytes) => fromB16s(asU16(bytes)))],
]);
