/** The records that a library keeps about itself, in the namespace "" that no room may use: what made it, and how many commits it saw. */
import { MnemeError } from "../errors.ts";
import { encodeKey } from "./key.ts";

const FORMAT_NAME = "mneme library";
/** Raised whenever an older build could misread what is written. */
export const FORMAT_VERSION = 1;
const CREATED_BY = "mneme 0.1";

export const HEADER_KEY: Uint8Array = encodeKey("", ["header"]);
export const GENERATION_KEY: Uint8Array = encodeKey("", ["generation"]);

/** Bounds of all keys but these records, as encoded by key.ts. */
export const FIRST_USER_KEY: Uint8Array = new Uint8Array([0x20, 0x01]);
export const AFTER_LAST_KEY: Uint8Array = new Uint8Array([0xff]);

export function headerBytes(): Uint8Array {
  const header = { format: FORMAT_NAME, version: FORMAT_VERSION, createdBy: CREATED_BY };
  return new TextEncoder().encode(JSON.stringify(header));
}

/** @throws MnemeError FORMAT where the record is missing or another's, VERSION where a newer build wrote it. */
export function checkHeader(value: Uint8Array | undefined, path: string): void {
  const header = value && parse(value);
  if (header?.format !== FORMAT_NAME || typeof header.version !== "number")
    throw new MnemeError(
      "FORMAT",
      `${path}: not a Mneme library (another program's LMDB file?); choose another folder`,
      {
        details: { path },
      },
    );
  if (header.version > FORMAT_VERSION)
    throw new MnemeError(
      "VERSION",
      `${path}: library format ${header.version}, written by ${header.createdBy}; this build reads up to ${FORMAT_VERSION}: update mneme`,
      { details: { path, version: header.version } },
    );
}

interface Header {
  readonly format?: unknown;
  readonly version?: unknown;
  readonly createdBy?: unknown;
}

function parse(value: Uint8Array): Header | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(value)) as Header;
  } catch {
    return undefined;
  }
}

export function generationBytes(generation: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, generation, true);
  return bytes;
}

/** 0 before the first commit. */
export function readGeneration(value: Uint8Array | undefined): number {
  return value ? new DataView(value.buffer, value.byteOffset, 8).getFloat64(0, true) : 0;
}
