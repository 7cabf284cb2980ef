/** Raw deflate: Node's zlib packs, the kernels unpack, here and in browsers. Not a format: callers keep lengths and checksums. */
import type { deflateRawSync } from "node:zlib";
import { Inflater, kernels } from "../kernels/index.ts";

interface Zlib {
  readonly deflateRawSync: typeof deflateRawSync;
}

/**
 * Level 6: blocks of 16 KB come to 36.3% of English text, in 19 ms a MB; level 4 to 37.0% in 13, which keeps a library of many near
 * copies from being smaller than its text. The window is a block's 16 KB, and the larger hash saves clearing what a block never fills.
 */
const OPTIONS = { level: 6, windowBits: 14, memLevel: 9 } as const;

/** Zlib makes a handle for each block, which the collector then has to look at: two thirds of its pauses. */
let inflater: Inflater | undefined;

/** @returns owned bytes. Only writers compress, and writers run on Node. */
export function deflate(bytes: Uint8Array): Uint8Array {
  // the builtin, without a static import that a browser bundler would trip over
  const zlib = globalThis.process.getBuiltinModule("node:zlib") as Zlib;
  const packed = zlib.deflateRawSync(bytes, OPTIONS);
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}

/**
 * @param length bytes of the original, or of its beginning that is wanted
 * @returns so many bytes, borrowed until the next call
 * @throws MnemeError CORRUPT
 */
export function inflate(packed: Uint8Array, length: number): Uint8Array {
  inflater ??= new Inflater(kernels());
  return inflater.inflate(packed, length);
}
