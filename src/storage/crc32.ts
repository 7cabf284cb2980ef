/**
 * CRC-32 (IEEE 802.3, reflected 0xEDB88320): the checksum of every stored value, key and snapshot block. It finds every
 * single flipped bit and every burst of up to 32 bits; it is not a defence against a forger.
 * Short inputs and browsers use slicing-by-8 (Kounavis and Berry, 2005); long ones in Node use zlib's carry-less multiply.
 */

const POLYNOMIAL = 0xedb88320;
/** Below this many bytes the table is faster than a call into zlib. */
const NATIVE_FROM_BYTES = 192;

type NativeCrc = (bytes: Uint8Array, seed: number) => number;

let tables: Uint32Array | undefined;
let native: NativeCrc | undefined | null;

/** 8 x 256 words: `tables[256 * k + b]` is the CRC of byte b followed by k zero bytes. */
function buildTables(): Uint32Array {
  const words = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    words[byte] = crc;
  }
  for (let i = 256; i < words.length; i++) {
    const previous = words[i - 256]!;
    words[i] = (previous >>> 8) ^ words[previous & 255]!;
  }
  return words;
}

/** zlib.crc32 exists from Node 20.15 on and in no browser; `getBuiltinModule` finds it without an import. */
function findNative(): NativeCrc | null {
  const host = (globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }).process;
  const zlib = host?.getBuiltinModule?.("node:zlib") as { crc32?: NativeCrc } | undefined;
  return zlib?.crc32 ?? null;
}

/** The portable form; exported for its test. @returns unsigned 32 bits. */
export function crc32Table(bytes: Uint8Array, seed = 0): number {
  tables ??= buildTables();
  const t = tables;
  let crc = ~seed;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    const low = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      t[1792 + (low & 255)]! ^
      t[1536 + ((low >>> 8) & 255)]! ^
      t[1280 + ((low >>> 16) & 255)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + bytes[i + 4]!]! ^
      t[512 + bytes[i + 5]!]! ^
      t[256 + bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]!) & 255]!;
  return ~crc >>> 0;
}

/** CRC-32 of `bytes`, continued from `seed` (the CRC of what came before; 0 to begin). @returns unsigned 32 bits. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  if (bytes.length < NATIVE_FROM_BYTES) return crc32Table(bytes, seed);
  if (native === undefined) native = findNative();
  return native ? native(bytes, seed) : crc32Table(bytes, seed);
}
