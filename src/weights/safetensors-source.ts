/** Safetensors files as tensors: one file, or the shards that an index names. Headers are read at once, tensors when they are asked for. */
import { MnemeError } from "../errors.ts";
import { fromB16s, fromHalves } from "../half.ts";
import type { ByteSource } from "../storage/byte-source.ts";
import { fileSource } from "../storage/file-source.ts";
import {
  LENGTH_BYTES,
  parseSafetensorsHeader,
  safetensorsHeaderLength,
  type TensorEntry,
} from "../storage/safetensors.ts";
import type { TensorSource } from "./tensor-source.ts";

interface Placed extends TensorEntry {
  readonly file: ByteSource;
  /** Of the byte behind the header. */
  readonly base: number;
}

/** Of the dtypes that weights come in: bytes a value, and how values are made f32. */
const DTYPES: Readonly<Record<string, { readonly bytes: number; toF32(bytes: Uint8Array): Float32Array }>> = {
  F32: { bytes: 4, toF32: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4) },
  BF16: { bytes: 2, toF32: (bytes) => fromB16s(asU16(bytes)) },
  F16: { bytes: 2, toF32: (bytes) => fromHalves(asU16(bytes)) },
};

const asU16 = (bytes: Uint8Array): Uint16Array =>
  new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);

/** @param paths of the files. @throws MnemeError NOT_FOUND, FORMAT naming the file */
export function safetensorsSource(paths: readonly string[], name: string): TensorSource {
  const files: ByteSource[] = [];
  const tensors = new Map<string, Placed>();
  const close = (): void => {
    for (const file of files.splice(0)) void file.close();
  };
  try {
    for (const path of paths) {
      const file = fileSource(path);
      files.push(file);
      const first = read(file, 0, Math.min(LENGTH_BYTES, file.size));
      const length = safetensorsHeaderLength(first, file.size, path);
      const base = LENGTH_BYTES + length;
      const header = parseSafetensorsHeader(read(file, LENGTH_BYTES, length), file.size - base, path);
      for (const [tensor, entry] of header) tensors.set(tensor, { ...entry, file, base });
    }
  } catch (error) {
    close();
    throw error;
  }
  const kindOf = (tensor: string, { dtype }: Placed): (typeof DTYPES)[string] => {
    if (Object.hasOwn(DTYPES, dtype)) return DTYPES[dtype]!;
    throw new MnemeError(
      "UNSUPPORTED",
      `${name}: tensor ${tensor} is ${dtype}; known are ${Object.keys(DTYPES).join(", ")}`,
    );
  };
  return {
    name,
    shapeOf: (tensor) => tensors.get(tensor)?.shape,
    blockType(tensor) {
      kindOf(tensor, tensors.get(tensor)!);
      return undefined;
    },
    checkUnchanged() {
      for (const file of files) file.checkUnchanged?.();
    },
    read(tensor, start, count) {
      const placed = tensors.get(tensor)!;
      const { file, base, start: at } = placed;
      const kind = kindOf(tensor, placed);
      return kind.toF32(read(file, base + at + start * kind.bytes, count * kind.bytes));
    },
    [Symbol.dispose]: close,
  };
}

/** Files are read at once. */
function read(file: ByteSource, offset: number, length: number): Uint8Array {
  return file.read(offset, length) as Uint8Array;
}
