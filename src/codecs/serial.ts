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
    let at = 4 + ((length + 3) & ~3);
    const arrays = header.arrays.map((size) => {
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

export function asFloats(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}
