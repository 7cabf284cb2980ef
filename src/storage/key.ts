/**
 * Keys as bytes whose memcmp order is the order of their parts: numbers before strings, element by element, a shorter key before
 * its extensions. Each encoded key ends in its own CRC-32, so that a flipped bit inside a key is found where the key lies,
 * instead of making the entry silently unreachable. Not a general tuple codec: parts are finite numbers and strings.
 *
 * Layout: part* 0x00 crc32be. A number is 0x10 + its IEEE 754 bits, big-endian, made sortable; a string is 0x20 + UTF-8 + 0x00,
 * with 0x00 and 0x01 inside written as 0x01 0x01 and 0x01 0x02. The namespace is the first part.
 */
import { MnemeError } from "../errors.ts";
import { crc32 } from "./crc32.ts";
import type { Key, KeyPart, RangeOptions } from "./store.ts";

/** Longest encoded key in bytes; LMDB with 4 KB pages takes no more than 1978. */
export const MAX_KEY_BYTES = 1900;

const NUMBER = 0x10;
const STRING = 0x20;
const AFTER_EVERY_PART = 0xff;
const SUFFIX_BYTES = 5;

const scratch = new Uint8Array(8192);
const view = new DataView(scratch.buffer);
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The key's bytes, owned by the caller. @throws MnemeError ARGUMENT, NOT_FINITE, RANGE (longer than MAX_KEY_BYTES). */
export function encodeKey(namespace: string, key: Key): Uint8Array {
  const end = writeParts(namespace, key);
  scratch[end] = 0;
  view.setUint32(end + 1, crc32(scratch.subarray(0, end)));
  return scratch.slice(0, end + SUFFIX_BYTES);
}

/** Bytes with which every key that begins with these parts begins, and which sort before all of them. */
export function encodePrefix(namespace: string, key: Key): Uint8Array {
  return scratch.slice(0, writeParts(namespace, key));
}

/** The parts after the namespace, or undefined where the bytes do not agree with their own checksum. */
export function decodeKey(bytes: Uint8Array): { namespace: string; key: Key } | undefined {
  if (!keyIsSound(bytes)) return undefined;
  const parts: KeyPart[] = [];
  const end = bytes.length - SUFFIX_BYTES;
  for (let at = 0; at < end; ) at = readPart(bytes, at, parts);
  return { namespace: String(parts[0]), key: parts.slice(1) };
}

/** Whether an encoded key matches the checksum it carries. */
export function keyIsSound(bytes: Uint8Array): boolean {
  const end = bytes.length - SUFFIX_BYTES;
  if (end < 2 || bytes[end] !== 0) return false;
  const stored = (bytes[end + 1]! << 24) | (bytes[end + 2]! << 16) | (bytes[end + 3]! << 8) | bytes[end + 4]!;
  return stored >>> 0 === crc32(bytes.subarray(0, end));
}

/** Byte bounds of a range: start inclusive, end exclusive. */
export function encodeRange(
  namespace: string,
  options: RangeOptions,
): { readonly start: Uint8Array; readonly end: Uint8Array } {
  const prefix = encodePrefix(namespace, options.prefix ?? []);
  const after = new Uint8Array(prefix.length + 1);
  after.set(prefix);
  after[prefix.length] = AFTER_EVERY_PART;
  const start = options.start ? encodePrefix(namespace, options.start) : prefix;
  const end = options.end ? encodePrefix(namespace, options.end) : after;
  return {
    start: compareBytes(start, prefix) < 0 ? prefix : start,
    end: compareBytes(end, after) < 0 ? end : after,
  };
}

/** memcmp order, shorter first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Into `scratch`; returns the end. */
function writeParts(namespace: string, key: Key): number {
  let at = writeString(namespace, 0);
  for (const part of key) {
    if (typeof part === "string") at = writeString(part, at);
    else if (typeof part === "number") at = writeNumber(part, at);
    else throw new MnemeError("ARGUMENT", `key: parts are strings and numbers, got ${typeof part}`);
    if (at + SUFFIX_BYTES > MAX_KEY_BYTES) throw tooLong(at);
  }
  return at;
}

function tooLong(bytes: number): MnemeError {
  return new MnemeError(
    "RANGE",
    `key: ${bytes} or more encoded bytes, at most ${MAX_KEY_BYTES - SUFFIX_BYTES}; store a hash of long text instead`,
  );
}

function writeNumber(value: number, at: number): number {
  if (!Number.isFinite(value))
    throw new MnemeError("NOT_FINITE", `key: numbers must be finite, got ${value}`);
  scratch[at] = NUMBER;
  view.setFloat64(at + 1, value === 0 ? 0 : value);
  const high = view.getUint32(at + 1);
  if (high >>> 31) {
    view.setUint32(at + 1, ~high);
    view.setUint32(at + 5, ~view.getUint32(at + 5));
  } else view.setUint32(at + 1, high | 0x80000000);
  return at + 9;
}

function writeString(text: string, start: number): number {
  // 2 bytes a character bounds ASCII with every character escaped; longer UTF-8 goes through the encoder below.
  if (start + 2 * text.length + 16 > scratch.length) throw tooLong(start + text.length);
  let at = start;
  scratch[at++] = STRING;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return writeWide(text, start);
    if (code < 2) {
      scratch[at++] = 1;
      scratch[at++] = code + 1;
    } else scratch[at++] = code;
  }
  scratch[at++] = 0;
  if (at > MAX_KEY_BYTES) throw tooLong(at);
  return at;
}

function writeWide(text: string, start: number): number {
  if (!text.isWellFormed())
    throw new MnemeError("ARGUMENT", "key: a string holds half a surrogate pair, which has no UTF-8 form");
  const bytes = utf8.encode(text);
  if (start + bytes.length + 2 > MAX_KEY_BYTES) throw tooLong(start + bytes.length);
  let at = start;
  scratch[at++] = STRING;
  for (const byte of bytes) {
    if (byte < 2) {
      scratch[at++] = 1;
      scratch[at++] = byte + 1;
    } else scratch[at++] = byte;
  }
  scratch[at++] = 0;
  return at;
}

function readPart(bytes: Uint8Array, at: number, parts: KeyPart[]): number {
  return bytes[at] === NUMBER ? readNumber(bytes, at + 1, parts) : readString(bytes, at + 1, parts);
}

function readNumber(bytes: Uint8Array, at: number, parts: KeyPart[]): number {
  for (let i = 0; i < 8; i++) scratch[i] = bytes[at + i]!;
  const high = view.getUint32(0);
  if (high >>> 31) view.setUint32(0, high & 0x7fffffff);
  else {
    view.setUint32(0, ~high);
    view.setUint32(4, ~view.getUint32(4));
  }
  parts.push(view.getFloat64(0));
  return at + 8;
}

function readString(bytes: Uint8Array, start: number, parts: KeyPart[]): number {
  let length = 0;
  let at = start;
  let ascii = true;
  let text = "";
  for (; bytes[at] !== 0; at++) {
    const byte = bytes[at] === 1 ? bytes[++at]! - 1 : bytes[at]!;
    if (byte > 127) ascii = false;
    scratch[length++] = byte;
  }
  if (ascii) for (let i = 0; i < length; i++) text += String.fromCharCode(scratch[i]!);
  parts.push(ascii ? text : fromUtf8.decode(scratch.subarray(0, length)));
  return at + 1;
}
