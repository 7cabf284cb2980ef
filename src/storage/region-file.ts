/**
 * A file of named regions of kernel memory, as they lie there: a magic word of its kind, length and checksum of a JSON header, the header,
 * then the regions, each 64-byte aligned with a checksum of its own. Reads go straight into kernel memory.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { MnemeError } from "../errors.ts";
import { crc32 } from "./crc32.ts";

/** Magic, u32 length of the header, u32 checksum of it. */
const START_BYTES = 16;
const ALIGN = 64;
const FORMAT_VERSION = 1;
const MOST_HEADER_BYTES = 1 << 26;
/** Bytes that are read and checked at once, so that they are checked while they are near. */
const PIECE_BYTES = 1 << 20;

/** What such a file is for: files of another kind are refused. */
export interface RegionKind {
  /** Eight characters at the start of the file. */
  readonly magic: string;
  /** As errors name its content, in the plural. */
  readonly what: string;
  /** What to do about a damaged one. */
  readonly remedy: string;
}

interface Entry {
  readonly name: string;
  /** Of its first byte behind the header. */
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
}

interface Header {
  readonly format: number;
  readonly about: Readonly<Record<string, unknown>>;
  readonly regions: readonly Entry[];
}

/** Regions that memory is filled from. */
export interface StoredRegions {
  /** Fills all of `into`. @returns whether there is such a region. @throws MnemeError CORRUPT */
  fill(name: string, into: Uint8Array): boolean;
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGN) * ALIGN;

/** @param regions bytes by name, borrowed. @returns bytes written. @throws what the file system says */
export function writeRegionFile(
  path: string,
  kind: RegionKind,
  about: Readonly<Record<string, unknown>>,
  regions: ReadonlyMap<string, Uint8Array>,
): number {
  let offset = 0;
  const entries: Entry[] = [];
  for (const [name, bytes] of regions) {
    entries.push({ name, offset, bytes: bytes.length, crc: crc32(bytes) });
    offset = aligned(offset + bytes.length);
  }
  const header: Header = { format: FORMAT_VERSION, about, regions: entries };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const base = aligned(START_BYTES + json.length);
  const head = new Uint8Array(base);
  head.set(new TextEncoder().encode(kind.magic));
  head.set(json, START_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(8, json.length, true);
  view.setUint32(12, crc32(json), true);
  const file = openSync(path, "wx");
  try {
    writeAll(file, head, 0);
    let next = 0;
    for (const bytes of regions.values()) writeAll(file, bytes, base + entries[next++]!.offset);
  } finally {
    closeSync(file);
  }
  return base + offset;
}

function writeAll(file: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, 1 << 28), at + done);
}

export class RegionFile implements StoredRegions, Disposable {
  readonly path: string;
  readonly about: Readonly<Record<string, unknown>>;
  readonly #regions: ReadonlyMap<string, Entry>;
  readonly #base: number;
  readonly #kind: RegionKind;
  #file: number;

  /** @throws MnemeError CORRUPT, VERSION naming the file; or what the file system says */
  constructor(path: string, kind: RegionKind) {
    this.path = path;
    this.#kind = kind;
    this.#file = openSync(path, "r");
    try {
      const { header, base } = this.#header(fstatSync(this.#file).size);
      this.about = header.about;
      this.#base = base;
      this.#regions = new Map(header.regions.map((entry) => [entry.name, entry]));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Bytes of a region, 0 where there is none. */
  bytesOf(name: string): number {
    return this.#regions.get(name)?.bytes ?? 0;
  }

  fill(name: string, into: Uint8Array): boolean {
    const entry = this.#regions.get(name);
    if (!entry) return false;
    if (entry.bytes !== into.length)
      throw this.#damaged(`region ${name} has ${entry.bytes} bytes, expected ${into.length}`);
    let crc = 0;
    for (let at = 0; at < into.length; at += PIECE_BYTES) {
      const piece = into.subarray(at, at + PIECE_BYTES);
      this.#read(piece, this.#base + entry.offset + at);
      crc = crc32(piece, crc);
    }
    if (crc !== entry.crc) throw this.#damaged(`region ${name} does not match its checksum`);
    return true;
  }

  #header(size: number): { header: Header; base: number } {
    const start = new Uint8Array(START_BYTES);
    if (size < START_BYTES) throw this.#damaged(`only ${size} bytes`);
    this.#read(start, 0);
    const view = new DataView(start.buffer);
    const length = view.getUint32(8, true);
    if (
      new TextDecoder().decode(start.subarray(0, 8)) !== this.#kind.magic ||
      length > Math.min(size, MOST_HEADER_BYTES)
    )
      throw this.#damaged(`no file of ${this.#kind.what}`);
    const json = new Uint8Array(length);
    this.#read(json, START_BYTES);
    if (crc32(json) !== view.getUint32(12, true))
      throw this.#damaged("its header does not match its checksum");
    const header = JSON.parse(new TextDecoder().decode(json)) as Header;
    if (header.format !== FORMAT_VERSION)
      throw new MnemeError(
        "VERSION",
        `${this.path}: ${this.#kind.what} of format ${header.format}, expected ${FORMAT_VERSION}`,
      );
    const base = aligned(START_BYTES + length);
    const end = header.regions.reduce(
      (most, { offset, bytes }) => (bytes === 0 ? most : Math.max(most, offset + bytes)),
      0,
    );
    if (base + end > size) throw this.#damaged(`${size} bytes of ${base + end}`);
    return { header, base };
  }

  #read(into: Uint8Array, at: number): void {
    for (let done = 0; done < into.length; ) {
      const count = readSync(this.#file, into, done, into.length - done, at + done);
      if (count === 0) throw this.#damaged("it ends too soon");
      done += count;
    }
  }

  #damaged(why: string): MnemeError {
    return new MnemeError("CORRUPT", `${this.path}: ${why}; ${this.#kind.remedy}`, {
      details: { file: this.path },
    });
  }

  [Symbol.dispose](): void {
    if (this.#file < 0) return;
    closeSync(this.#file);
    this.#file = -1;
  }
}
