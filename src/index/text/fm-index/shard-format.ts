/**
 * A shard is one string of bytes: blocks of rows, each complete in itself; rows of every so many samples (to extract); lengths of
 * documents; where each block stands and its CRC-32; a header in JSON; and 32 bytes that say where that is. Every byte is checked when it
 * is first read, and damage is named by block.
 */
import { MnemeError } from "../../../errors.ts";
import { crc32 } from "../../../storage/crc32.ts";
import type { Fold } from "./build-run.ts";

export const SHARD_VERSION = 2;
/** Blocks of version 1 hold no nodes by lengths of runs; they are read as they are. */
export const OLDEST_VERSION = 1;
const MAGIC = 0x31_69_6d_66; // "fmi1"
export const TRAILER_BYTES = 32;
/** Rows of inverse samples that share a checksum. */
export const INVERSE_PAGE = 2048;

/** Bytes of a shard and their checksum. */
export interface Section {
  readonly at: number;
  readonly bytes: number;
  readonly crc: number;
}

export interface ShardHeader {
  readonly version: number;
  /** Bytes of the documents and an end for each that is not empty. */
  readonly rows: number;
  /** Bytes of the documents. */
  readonly textBytes: number;
  /** Documents, empty ones too. */
  readonly documents: number;
  readonly fold: Fold;
  /** Bytes of a document from one sample to the next. */
  readonly sampleRate: number;
  readonly sampleCount: number;
  /** Samples from one that has its row kept to the next. */
  readonly inverseRate: number;
  /** Bytes of the largest block. */
  readonly largestBlock: number;
  /** How often each byte occurs. */
  readonly counts: readonly number[];
  /** u32: start of each block in units of 16 bytes and the end of the last; then CRC-32 of each; then of each page of `inverse`. */
  readonly directory: Section;
  /** Lengths of documents, as varints. */
  readonly lengths: Section;
  /** u32 by every `inverseRate`th sample. */
  readonly inverse: Section;
}

/** Header and trailer of a shard whose header begins at `at`. */
export function sealHeader(header: ShardHeader, at: number): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(text.length + TRAILER_BYTES);
  bytes.set(text);
  const view = new DataView(bytes.buffer, text.length);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, SHARD_VERSION, true);
  view.setFloat64(8, at, true);
  view.setUint32(16, text.length, true);
  view.setUint32(20, crc32(text), true);
  view.setUint32(28, crc32(bytes.subarray(text.length, text.length + 28)), true);
  return bytes;
}

/** Where the header stands. @throws MnemeError CORRUPT, VERSION */
export function readTrailer(bytes: Uint8Array, location: string, size: number): Section {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sealed = bytes.length === TRAILER_BYTES && view.getUint32(28, true) === crc32(bytes.subarray(0, 28));
  if (!sealed || view.getUint32(0, true) !== MAGIC) throw damaged(location, "its end");
  const version = view.getUint32(4, true);
  if (version < OLDEST_VERSION || version > SHARD_VERSION)
    throw new MnemeError(
      "VERSION",
      `${location}: a shard of version ${version}, this build reads versions ${OLDEST_VERSION} to ${SHARD_VERSION}; build the index again`,
    );
  const section = {
    at: view.getFloat64(8, true),
    bytes: view.getUint32(16, true),
    crc: view.getUint32(20, true),
  };
  if (section.at + section.bytes + TRAILER_BYTES !== size) throw damaged(location, "its length");
  return section;
}

export function damaged(location: string, what: string): MnemeError {
  return new MnemeError(
    "CORRUPT",
    `${location}: ${what} does not match its checksum; restore the file or build this shard again`,
    { details: { location, what } },
  );
}
