/**
 * The header of a GGUF file: metadata and where tensors lie (ggml's docs/gguf.md, versions 2 and 3, little-endian). A vocabulary is most of
 * it, and most of the time in which a small model is loaded, so files are read by synchronous reads while it is parsed. Of a source that only
 * promises bytes, a server, the beginning is fetched in pieces and parsed until it is whole.
 */
import type { ByteSource } from "../storage/byte-source.ts";

export interface GgufHeader {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tensorInfos: readonly GgufTensorInfo[];
  /** Of the first tensor's first byte. */
  readonly tensorDataOffset: number;
}

export interface GgufTensorInfo {
  readonly name: string;
  /** The fastest side first. */
  readonly shape: readonly number[];
  readonly dtype: number;
  /** Behind `tensorDataOffset`. */
  readonly offset: number;
}

const MAGIC = 0x46554747;
const VERSIONS: readonly number[] = [2, 3];
const FIRST_READ = 1 << 20;
/** Longer than any vocabulary; a server that promises more is not believed. */
const MOST_BYTES = 1 << 28;
/** Sides of a tensor at most, and arrays in arrays. */
const MOST_SIDES = 8;
const MOST_DEPTH = 4;
const DEFAULT_ALIGNMENT = 32;

/** Types of values, by their numbers: their bytes at least, and how they are read. */
const TYPES: readonly (readonly [bytes: number, read: (from: Cursor, depth: number) => unknown])[] = [
  [1, (from) => from.view(1).getUint8(0)],
  [1, (from) => from.view(1).getInt8(0)],
  [2, (from) => from.view(2).getUint16(0, true)],
  [2, (from) => from.view(2).getInt16(0, true)],
  [4, (from) => from.u32()],
  [4, (from) => from.view(4).getInt32(0, true)],
  [4, (from) => from.view(4).getFloat32(0, true)],
  [1, (from) => from.view(1).getUint8(0) !== 0],
  [8, (from) => from.text()],
  [12, (from, depth) => listFrom(from, depth + 1)],
  [8, (from) => from.view(8).getBigUint64(0, true)],
  [8, (from) => from.view(8).getBigInt64(0, true)],
  [8, (from) => from.view(8).getFloat64(0, true)],
];

/** The beginning of a file, as far as it is here. */
type Beginning = Buffer<ArrayBuffer>;

/** Thrown where a header goes on behind the bytes that are here. */
class Unfinished {
  /** Of the beginning that is wanted. */
  readonly bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }
}

/** Bytes of a file one after the other; a longer beginning is asked for when it is wanted. */
class Cursor {
  /** Of the file; of what a header may be at most. */
  readonly size: number;
  readonly #longer: (bytes: Beginning, wanted: number) => Beginning;
  #bytes: Beginning = Buffer.alloc(0);
  #view = new DataView(this.#bytes.buffer);
  at = 0;

  constructor(size: number, longer: (bytes: Beginning, wanted: number) => Beginning) {
    this.size = Math.min(size, MOST_BYTES);
    this.#longer = longer;
  }

  /** Bytes that come from here on. */
  get left(): number {
    return this.size - this.at;
  }

  /** Moves on. @returns where the bytes begin. @throws RangeError where the file ends sooner */
  #take(count: number): number {
    if (!(count <= this.left)) throw new RangeError(`its header goes on behind its ${this.size} bytes`);
    const from = this.at;
    this.at += count;
    if (this.at > this.#bytes.length) {
      this.#bytes = this.#longer(this.#bytes, this.at);
      this.#view = new DataView(this.#bytes.buffer);
    }
    return from;
  }

  view(count: number): DataView {
    const from = this.#take(count);
    return new DataView(this.#view.buffer, from, count);
  }

  u32(): number {
    const from = this.#take(4);
    return this.#view.getUint32(from, true);
  }

  /** A count of 64 bits. */
  count(): number {
    const low = this.u32();
    return low + this.u32() * 2 ** 32;
  }

  text(): string {
    const length = this.count();
    const from = this.#take(length);
    return this.#bytes.toString("utf8", from, from + length);
  }
}

function valueFrom(from: Cursor, type: number, depth: number): unknown {
  return typeOf(type)[1](from, depth);
}

function typeOf(type: number): (typeof TYPES)[number] {
  const found = TYPES[type];
  if (!found) throw new RangeError(`a value is of type ${type}, which there is not`);
  return found;
}

function listFrom(from: Cursor, depth: number): unknown[] {
  if (depth > MOST_DEPTH) throw new RangeError(`arrays lie more than ${MOST_DEPTH} deep in each other`);
  const type = from.u32();
  const count = from.count();
  const [bytes, read] = typeOf(type);
  if (count * bytes > from.left) throw new RangeError(`an array has ${count} values, more than the file`);
  return Array.from({ length: count }, () => read(from, depth));
}

function tensorFrom(from: Cursor): GgufTensorInfo {
  const name = from.text();
  const sides = from.u32();
  if (sides > MOST_SIDES)
    throw new RangeError(`tensor ${JSON.stringify(name.slice(0, 80))} has ${sides} sides`);
  const shape = Array.from({ length: sides }, () => from.count());
  return { name, shape, dtype: from.u32(), offset: from.count() };
}

function headerFrom(from: Cursor): GgufHeader {
  if (from.u32() !== MAGIC) throw new RangeError("it does not begin with GGUF");
  const version = from.u32();
  if (!VERSIONS.includes(version))
    throw new RangeError(`it is of version ${version}; known are ${VERSIONS.join(" and ")}, little-endian`);
  const [tensors, fields] = [from.count(), from.count()];
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < fields; i++) metadata.set(from.text(), valueFrom(from, from.u32(), 0));
  const tensorInfos: GgufTensorInfo[] = [];
  for (let i = 0; i < tensors; i++) tensorInfos.push(tensorFrom(from));
  const said = Number(metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT);
  if (!Number.isSafeInteger(said) || said <= 0) throw new RangeError(`general.alignment is ${said}`);
  return {
    metadata: Object.fromEntries(metadata),
    tensorInfos,
    tensorDataOffset: Math.ceil(from.at / said) * said,
  };
}

/** @param file read at once where it can be, else as it comes. @throws RangeError saying what is wrong; what the source throws */
export async function readGgufHeader(file: ByteSource): Promise<GgufHeader> {
  if (file.readInto) return headerFrom(new Cursor(file.size, (bytes, wanted) => readOn(file, bytes, wanted)));
  for (let here: Beginning = Buffer.alloc(0); ; ) {
    try {
      return headerFrom(new Cursor(file.size, (_, wanted) => asFarAs(here, wanted)));
    } catch (error) {
      if (!(error instanceof Unfinished)) throw error;
      const longer = lengthened(here, error.bytes, file.size);
      longer.set(await file.read(here.length, longer.length - here.length), here.length);
      here = longer;
    }
  }
}

function readOn(file: ByteSource, bytes: Beginning, wanted: number): Beginning {
  const longer = lengthened(bytes, wanted, file.size);
  file.readInto!(bytes.length, longer.subarray(bytes.length));
  return longer;
}

function asFarAs(here: Beginning, wanted: number): Beginning {
  if (wanted > here.length) throw new Unfinished(wanted);
  return here;
}

/** Room for more behind the same bytes: twice as much, so that bytes are copied, and parsed again, about once. */
function lengthened(bytes: Beginning, wanted: number, size: number): Beginning {
  const longer = Buffer.allocUnsafeSlow(Math.min(size, Math.max(FIRST_READ, wanted, bytes.length * 2)));
  longer.set(bytes);
  return longer;
}
