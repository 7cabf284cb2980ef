/** Writes GGUF files, version 3: what the tests and benchmarks give to Mneme and to its peers alike. */
import { closeSync, openSync, writeSync } from "node:fs";
import { toHalf } from "../../src/half.ts";

export type GgufValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly i32s: readonly number[] }
  | { readonly f32s: readonly number[] }
  | { readonly flag: boolean };

export type GgufType = "F32" | "F16" | "Q8_0" | "Q4_0";

const TYPES = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8 } as const;
const ALIGNMENT = 32;

export interface GgufTensor {
  readonly name: string;
  /** Rows first. */
  readonly shape: readonly number[];
  readonly type: GgufType;
  /** Called once, when its bytes are written. */
  values(): Float32Array;
}

class Bytes {
  readonly parts: Uint8Array[] = [];
  length = 0;

  push(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  u32(value: number): void {
    this.push(new Uint8Array(Uint32Array.of(value).buffer));
  }

  u64(value: number): void {
    this.push(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.u64(bytes.length);
    this.push(bytes);
  }

  value(value: GgufValue): void {
    if ("u32" in value) {
      this.u32(4);
      this.u32(value.u32);
    } else if ("f32" in value) {
      this.u32(6);
      this.push(new Uint8Array(Float32Array.of(value.f32).buffer));
    } else if ("text" in value) {
      this.u32(8);
      this.text(value.text);
    } else if ("texts" in value) {
      this.u32(9);
      this.u32(8);
      this.u64(value.texts.length);
      for (const text of value.texts) this.text(text);
    } else if ("flag" in value) {
      this.u32(7);
      this.push(Uint8Array.of(value.flag ? 1 : 0));
    } else {
      const numbers = "i32s" in value ? Int32Array.from(value.i32s) : Float32Array.from(value.f32s);
      this.u32(9);
      this.u32("i32s" in value ? 5 : 6);
      this.u64(numbers.length);
      this.push(new Uint8Array(numbers.buffer));
    }
  }
}

export function writeGguf(
  path: string,
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): void {
  const head = new Bytes();
  head.push(new TextEncoder().encode("GGUF"));
  head.u32(3);
  head.u64(tensors.length);
  head.u64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    head.text(key);
    head.value(value);
  }
  let offset = 0;
  for (const { name, shape, type } of tensors) {
    head.text(name);
    head.u32(shape.length);
    for (const side of shape.toReversed()) head.u64(side);
    head.u32(TYPES[type]);
    head.u64(offset);
    offset = aligned(
      offset +
        bytesOf(
          type,
          shape.reduce((product, side) => product * side, 1),
        ),
    );
  }
  head.push(new Uint8Array(aligned(head.length) - head.length));
  const file = openSync(path, "w");
  try {
    for (const part of head.parts) writeSync(file, part);
    for (const { type, values } of tensors) {
      const bytes = encode(type, values());
      writeSync(file, bytes);
      writeSync(file, new Uint8Array(aligned(bytes.length) - bytes.length));
    }
  } finally {
    closeSync(file);
  }
}

const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

function bytesOf(type: GgufType, count: number): number {
  if (type === "F32") return count * 4;
  if (type === "F16") return count * 2;
  return (count / 32) * (type === "Q8_0" ? 34 : 18);
}

function encode(type: GgufType, values: Float32Array): Uint8Array {
  if (type === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (type === "F16") return new Uint8Array(Uint16Array.from(values, toHalf).buffer);
  const bytes = new Uint8Array(bytesOf(type, values.length));
  const view = new DataView(bytes.buffer);
  const size = type === "Q8_0" ? 34 : 18;
  for (let block = 0; block * 32 < values.length; block++)
    (type === "Q8_0" ? encodeQ8 : encodeQ4)(values, block * 32, view, block * size);
  return bytes;
}

function encodeQ8(values: Float32Array, at: number, view: DataView, to: number): void {
  let most = 0;
  for (let i = 0; i < 32; i++) most = Math.max(most, Math.abs(values[at + i]!));
  const scale = most / 127;
  view.setUint16(to, toHalf(scale), true);
  for (let i = 0; i < 32; i++)
    view.setInt8(to + 2 + i, scale === 0 ? 0 : Math.round(values[at + i]! / scale));
}

function encodeQ4(values: Float32Array, at: number, view: DataView, to: number): void {
  let most = 0;
  for (let i = 0; i < 32; i++) if (Math.abs(values[at + i]!) > Math.abs(most)) most = values[at + i]!;
  const scale = most / -8;
  view.setUint16(to, toHalf(scale), true);
  const code = (i: number): number =>
    scale === 0 ? 8 : Math.max(0, Math.min(15, Math.floor(values[at + i]! / scale + 8.5)));
  for (let i = 0; i < 16; i++) view.setUint8(to + 2 + i, code(i) | (code(i + 16) << 4));
}
