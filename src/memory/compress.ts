/**
 * Raw deflate, synchronous where Node's zlib is present, by CompressionStream elsewhere (browsers reading a snapshot).
 * Not a format: callers keep lengths and checksums.
 */
import type { deflateRawSync, inflateRawSync } from "node:zlib";
import type { MaybePromise } from "../storage/store.ts";

interface Zlib {
  readonly deflateRawSync: typeof deflateRawSync;
  readonly inflateRawSync: typeof inflateRawSync;
}

/** The builtin, without a static import that a browser bundler would trip over. */
function zlib(): Zlib | undefined {
  return globalThis.process?.getBuiltinModule?.("node:zlib") as Zlib | undefined;
}

/**
 * Level 6: blocks of 16 KB come to 36.3% of English text, in 19 ms a MB; level 4 to 37.0% in 13, which keeps a library of many near
 * copies from being smaller than its text. The window is a block's 16 KB, and the larger hash saves clearing what a block never fills.
 */
const OPTIONS = { level: 6, windowBits: 14, memLevel: 9 } as const;
/** Room for the output that zlib agrees to. */
const LEAST_CHUNK = 64;

/** @returns owned bytes. Only writers compress, and writers run on Node. */
export function deflate(bytes: Uint8Array): Uint8Array {
  const packed = zlib()!.deflateRawSync(bytes, OPTIONS);
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}

/** @param length bytes of the original, used as a bound. */
export function inflate(packed: Uint8Array, length: number): MaybePromise<Uint8Array> {
  const node = zlib();
  if (node) {
    // a byte to spare: zlib takes another chunk when the first is full; without a size it takes 16 KB, all of which the caller would keep
    const chunkSize = Math.max(length + 1, LEAST_CHUNK);
    return node.inflateRawSync(packed, {
      maxOutputLength: chunkSize,
      chunkSize,
      windowBits: OPTIONS.windowBits,
    });
  }
  const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer().then((buffer) => new Uint8Array(buffer));
}
