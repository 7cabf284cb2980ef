/** The serialised form of a coder: a JSON header (id, parameters), then its arrays. Little-endian, no checksum. */
import { MnemeError } from "../errors.ts";

export interface SerialHeader {
  readonly id: string;
  readonly dim: number;
  readonly [parameter: string]: unknown;
}

/** u32 header length, header padded to 4 bytes, then the arrays back to back; the header lists their lengths. */
export function serialize(
  header: SerialHeader,
  arrays: readonly (Float32Array | Uint8Array)[] = [],
): Uint8Array {
  const text = new TextEncoder().encode(
    JSON.stringify({ ...header, arrays: arrays.map((array) => array.byteLength) }),
  );
  const start = 4 + ((text.byteLength + 3) & ~3);
  const bytes = new Uint8Array(start + arrays.reduce((sum, array) => sum + array.byteLength, 0));
  new DataView(bytes.buffer).setUint32(0, text.byteLength, true);
  bytes.set(text, 4);
  let at = start;
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += array.byteLength;
  }
  return bytes;
}

/** @throws MnemeError CORRUPT */
export function deserialize(bytes: Uint8Array): { header: SerialHeader; arrays: Uint8Array[] } {
  try {
    const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as SerialHeader & {
      arrays: number[];
    };
    if (typeof header.id !== "string" || !Number.isSafeInteger(header.dim) || header.dim < 1)
      throw new Error(`id ${header.id}, dim ${header.dim}`);
    let at = 4 + ((length + 3) & ~3);
    const arrays = header.arrays.map((size) => {
      if (!Number.isSafeInteger(size) || size < 0) throw new Error(`an array of ${size} bytes`);
      const array = bytes.slice(at, at + size);
      at += size;
      if (array.byteLength !== size) throw new Error("truncated");
      return array;
    });
    return { header, arrays };
  } catch (cause) {
    throw new MnemeError("CORRUPT", `coder: ${bytes.byteLength} bytes are no serialised coder`, { cause });
  }
}

/** An array as long as it must be. @throws MnemeError CORRUPT */
export function ofLength(values: Float32Array | undefined, length: number, what: string): Float32Array {
  if (values?.length === length) return values;
  throw new MnemeError("CORRUPT", `coder: ${values?.length ?? 0} values of ${what}, expected ${length}`);
}

/** A number of a header. @throws MnemeError CORRUPT */
export function numberOf(header: SerialHeader, name: string): number {
  const value = header[name];
  if (typeof value === "number") return value;
  throw new MnemeError("CORRUPT", `coder: ${name} of ${header.id} is ${JSON.stringify(value)}`);
}

/** @throws MnemeError CORRUPT */
export function asFloats(bytes: Uint8Array): Float32Array {
  if (bytes.byteLength % 4 > 0)
    throw new MnemeError("CORRUPT", `coder: ${bytes.byteLength} bytes are no whole number of f32`);
  return new Float32Array(new Uint8Array(bytes).buffer);
}
