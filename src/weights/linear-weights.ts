/** Matrices of a model in kernel memory, in the layouts that the kernels multiply: int8 and 4-bit in groups of 32, bf16. */
import { MnemeError } from "../errors.ts";
import { fromHalf, toHalf } from "../half.ts";
import type { Region, Scan, WasmFace } from "../kernels/index.ts";

export const PRECISIONS = ["int8", "int4", "bf16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Values that share a scale. */
export const GROUP = 32;

/** Rows of a tile: their scales lie behind the codes of all, and of these the codes of the first four before the others. */
export const TILE_ROWS = 8;
/** The least normal f16: the kernels know no smaller scale. Of smaller weights less than this is lost. */
const LEAST_SCALE = 2 ** -14;
/** Bytes of the codes of a group. */
const CODE_BYTES = { int8: GROUP, int4: GROUP / 2 } as const;
/** What is taken as it is stored: ggml's type, bytes of a block, and the kernel that places such blocks. */
const STORED = {
  int8: { type: "Q8_0", bytes: CODE_BYTES.int8 + 2, kernel: "placeQ8" },
  int4: { type: "Q4_0", bytes: CODE_BYTES.int4 + 2, kernel: "placeQ4" },
  bf16: undefined,
} as const satisfies Record<Precision, unknown>;

/** rows x columns, each row the weights of one output. */
export class LinearWeights implements Disposable {
  readonly precision: Precision;
  /** A multiple of TILE_ROWS: zeros fill them up. */
  readonly rows: number;
  readonly columns: number;
  readonly region: Region;
  /** Kernels of the memory that it lies in. */
  readonly face: WasmFace;

  /** @throws MnemeError UNSUPPORTED when columns are no multiple of 32, BUDGET */
  constructor(face: WasmFace, precision: Precision, rows: number, columns: number) {
    if (columns % GROUP !== 0)
      throw new MnemeError("UNSUPPORTED", `weights: ${columns} columns; expected a multiple of ${GROUP}`);
    this.face = face;
    this.precision = precision;
    this.rows = Math.ceil(rows / TILE_ROWS) * TILE_ROWS;
    this.columns = columns;
    this.region = face.arena.alloc(bytesOf(precision, this.rows, columns));
    if (this.rows > rows) this.set(rows, new Float32Array((this.rows - rows) * columns));
  }

  get bytes(): number {
    return this.region.byteLength;
  }

  /** Encodes rows from number `first` on. values: f32 [rows x columns]. */
  set(first: number, values: Float32Array): void {
    const { columns, precision } = this;
    if (precision === "bf16") {
      this.#setB16(first * columns, values);
      return;
    }
    const encode = precision === "int8" ? encodeI8 : encodeU4;
    const [codes, halves] = [this.region.u8(), this.region.u16()];
    for (let at = 0; at < values.length; at += GROUP) {
      const place = this.#place(first + Math.floor(at / columns), (at % columns) / GROUP, precision);
      halves[place.scale / 2] = encode(values, at, codes, place.codes);
    }
  }

  /** Whether it holds the values of stored blocks of this type as they are. */
  takes(type: string | undefined): boolean {
    return type !== undefined && STORED[this.precision]?.type === type;
  }

  /**
   * What puts stored blocks of a type that it takes in the place of rows from number `first` on: threads may share it.
   * @param bytes of the blocks, in its own memory. @param leftOut pointer to a u32 that grows by the blocks that `setOddBlocks` must set
   */
  placing(first: number, bytes: Uint8Array, leftOut: number): Scan {
    const { kernel, bytes: size } = STORED[this.precision]!;
    const groups = this.columns / GROUP;
    const rows = bytes.length / size / groups;
    const args = [bytes.byteOffset, rows, groups, this.region.pointer, first, leftOut];
    return { kernel, count: rows, args, countAt: 1, steps: [size * groups, 0, 0, 0, 1, 0] };
  }

  /** Of stored blocks those whose scale the kernels do not know, encoded anew. */
  setOddBlocks(first: number, bytes: Uint8Array): void {
    const { precision } = this;
    if (precision === "bf16") return;
    const groups = this.columns / GROUP;
    const size = CODE_BYTES[precision] + 2;
    const [codes, halves] = [this.region.u8(), this.region.u16()];
    const encode = precision === "int8" ? encodeI8 : encodeU4;
    for (let block = 0; block * size < bytes.length; block++) {
      const half = bytes[block * size]! | (bytes[block * size + 1]! << 8);
      if ((half & 0x7c00) !== 0 && !(precision === "int8" && half & 0x8000)) continue;
      const place = this.#place(first + Math.floor(block / groups), block % groups, precision);
      const values = Float32Array.from({ length: GROUP }, (_, i) =>
        storedValue(precision, bytes, block * size, i),
      );
      halves[place.scale / 2] = encode(values, 0, codes, place.codes);
    }
  }

  /** Decodes a row. out: f32 [columns]. */
  row(number: number, out: Float32Array): void {
    const { columns, precision } = this;
    if (precision === "bf16") {
      this.#rowB16(number * columns, out);
      return;
    }
    const decode = precision === "int8" ? decodeI8 : decodeU4;
    const [codes, halves] = [this.region.u8(), this.region.u16()];
    for (let group = 0; group * GROUP < columns; group++) {
      const place = this.#place(number, group, precision);
      decode(codes, place.codes, fromHalf(halves[place.scale / 2]!), out, group * GROUP);
    }
  }

  /** Bytes where the codes and the scale of a group begin. */
  #place(row: number, group: number, precision: "int8" | "int4"): { codes: number; scale: number } {
    const size = CODE_BYTES[precision];
    const [four, lane] = [(row % TILE_ROWS) >> 2, row & 3];
    const tile = Math.floor(row / TILE_ROWS) * (this.columns / GROUP) + group;
    const start = tile * TILE_ROWS * (size + 2);
    const codes = start + four * 4 * size + lane * (precision === "int8" ? 2 : 4);
    return { codes, scale: start + TILE_ROWS * size + (row % TILE_ROWS) * 2 };
  }

  #setB16(at: number, values: Float32Array): void {
    const codes = this.region.u16();
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) codes[at + placeB16(i)] = roundB16(bits[i]!);
  }

  #rowB16(at: number, out: Float32Array): void {
    const codes = this.region.u16();
    const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < bits.length; i++) bits[i] = codes[at + placeB16(i)]! << 16;
  }

  [Symbol.dispose](): void {
    this.region[Symbol.dispose]();
  }
}

/** Value i of a Q8_0 or Q4_0 block. */
function storedValue(precision: "int8" | "int4", bytes: Uint8Array, at: number, i: number): number {
  const scale = fromHalf(bytes[at]! | (bytes[at + 1]! << 8));
  if (precision === "int8") return ((bytes[at + 2 + i]! << 24) >> 24) * scale;
  return (((bytes[at + 2 + (i & 15)]! >> (i < 16 ? 0 : 4)) & 15) - 8) * scale;
}

/** Bytes of a matrix as it is held: its rows are filled up to whole tiles. */
export function linearBytes(precision: Precision, rows: number, columns: number): number {
  return bytesOf(precision, Math.ceil(rows / TILE_ROWS) * TILE_ROWS, columns);
}

function bytesOf(precision: Precision, rows: number, columns: number): number {
  if (precision === "bf16") return rows * columns * 2;
  return rows * (columns / GROUP) * (CODE_BYTES[precision] + 2);
}

/** Of eight values the first four in the lower, the last four in the upper halves of four words. */
function placeB16(i: number): number {
  return (i & ~7) + ((i & 3) << 1) + ((i >> 2) & 1);
}

/** The upper half of an f32, to nearest even. */
function roundB16(bits: number): number {
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** @returns the scale as f16 */
function encodeI8(values: Float32Array, at: number, codes: Uint8Array, to: number): number {
  let most = 0;
  for (let i = at; i < at + GROUP; i++) most = Math.max(most, Math.abs(values[i]!));
  const half = toHalf(Math.max(most / 127, LEAST_SCALE));
  const by = 1 / fromHalf(half);
  for (let i = 0; i < GROUP; i++)
    codes[to + placeI8(i)] = Math.max(-127, Math.min(127, Math.round(values[at + i]! * by)));
  return half;
}

function decodeI8(codes: Uint8Array, at: number, scale: number, out: Float32Array, to: number): void {
  for (let i = 0; i < GROUP; i++) out[to + i] = ((codes[at + placeI8(i)]! << 24) >> 24) * scale;
}

/** Ends of the range that are tried for the value farthest from zero: code 0 is -8 steps. */
const STEPS_TRIED = [-8, -7.4, -6.9, -7.7, -8.4, -8.9, -7.1] as const;

/**
 * Of several steps the one whose codes, with the scale that fits them best, come nearest to the values (as ggml's search for its k-quants).
 * @returns the scale as f16
 */
function encodeU4(values: Float32Array, at: number, codes: Uint8Array, to: number): number {
  let most = 0;
  for (let i = at; i < at + GROUP; i++) if (Math.abs(values[i]!) > Math.abs(most)) most = values[i]!;
  const half = toHalf(Math.abs(most) < 8 * LEAST_SCALE ? LEAST_SCALE : bestScale(values, at, most));
  const by = 1 / fromHalf(half);
  for (let i = 0; i < GROUP; i++) {
    const code = Math.max(0, Math.min(15, Math.round(values[at + i]! * by) + 8));
    // its lower half comes first
    if (i & 2) codes[to + placeU4(i)]! |= code << 4;
    else codes[to + placeU4(i)] = code;
  }
  return half;
}

function bestScale(values: Float32Array, at: number, most: number): number {
  let best = 0;
  let scale = most / -8;
  for (const steps of STEPS_TRIED) {
    const by = steps / most;
    let [both, own] = [0, 0];
    for (let i = at; i < at + GROUP; i++) {
      const code = Math.max(-8, Math.min(7, Math.round(values[i]! * by)));
      both += code * values[i]!;
      own += code * code;
    }
    // what is left of the values' squares is least where this is most
    const kept = (both * both) / own;
    if (!(kept > best)) continue;
    best = kept;
    scale = both / own;
  }
  return Math.abs(scale) < LEAST_SCALE ? Math.sign(scale) * LEAST_SCALE : scale;
}

function decodeU4(codes: Uint8Array, at: number, scale: number, out: Float32Array, to: number): void {
  for (let i = 0; i < GROUP; i++)
    out[to + i] = (((codes[at + placeU4(i)]! >> ((i << 1) & 4)) & 15) - 8) * scale;
}

/** Pairs of columns, of each four rows of a tile: the byte of a row's code i behind its first. */
function placeI8(i: number): number {
  return (i >> 1) * 8 + (i & 1);
}

/** Of eight columns four rows of a tile, each two words of 16 bits, of the even and the odd ones, lowest first. */
function placeU4(i: number): number {
  return (i >> 3) * 16 + (i & 1) * 2 + ((i >> 2) & 1);
}
