/**
 * A stored value and its checksum: value, then CRC-32 over key and value, then four zero bytes. Sealing with the key finds not
 * only flipped bits but also a value that turned up under another key. 8 bytes a value.
 */
import { crc32 } from "./crc32.ts";

export const SEAL_BYTES = 8;

/** The CRC of a key's parts stands in its last four bytes: the value's CRC continues from there. */
function seedOf(key: Uint8Array): number {
  const end = key.length;
  return ((key[end - 4]! << 24) | (key[end - 3]! << 16) | (key[end - 2]! << 8) | key[end - 1]!) >>> 0;
}

/** Writes the sealed value to the start of `into`. @returns its length */
export function sealValue(key: Uint8Array, value: Uint8Array, into: Uint8Array): number {
  const crc = crc32(value, seedOf(key));
  into.set(value);
  const end = value.length;
  into[end] = crc;
  into[end + 1] = crc >>> 8;
  into[end + 2] = crc >>> 16;
  into[end + 3] = crc >>> 24;
  into.fill(0, end + 4, end + SEAL_BYTES);
  return end + SEAL_BYTES;
}

/** The value inside, as a view, or undefined where the seal does not match. */
export function unsealValue(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const end = sealed.length - SEAL_BYTES;
  if (end < 0) return undefined;
  const value = sealed.subarray(0, end);
  const stored =
    (sealed[end]! | (sealed[end + 1]! << 8) | (sealed[end + 2]! << 16) | (sealed[end + 3]! << 24)) >>> 0;
  const reserved = sealed[end + 4]! | sealed[end + 5]! | sealed[end + 6]! | sealed[end + 7]!;
  return reserved === 0 && stored === crc32(value, seedOf(key)) ? value : undefined;
}
