/** Whether the platform has relaxed SIMD (WebAssembly 3.0): asked by a module of one of its instructions. */

/** A function of one instruction of relaxed SIMD, the product of bytes. */
const PROBE: Uint8Array<ArrayBuffer> = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 123, 1, 123],
  ...[3, 2, 1, 0, 10, 11, 1, 9, 0, 32, 0, 32, 0, 253, 146, 2, 11],
);

/** Whether the platform has the instructions of relaxed SIMD. Node 20 has them with --experimental-wasm-relaxed-simd. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(PROBE);
}
