/** Arrays of numbers that kernels take, and their bytes. */

export type Numbers = Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array | Int8Array;

/** A view. */
export function asBytes(array: Numbers): Uint8Array {
  if (array instanceof Uint8Array) return array;
  return new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
}
