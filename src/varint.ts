/** LEB128: small numbers in few bytes. */

/** A growing byte buffer. */
export class ByteWriter {
  #bytes: Uint8Array;
  length = 0;

  /** @param room bytes at first, from 1 */
  constructor(room = 1024) {
    this.#bytes = new Uint8Array(Math.max(1, room));
  }

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
  }

  varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.byte((rest & 127) | 128);
      rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7;
    }
    this.byte(rest);
  }

  /** Any whole number: small ones of either sign in few bytes. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  bytes(source: Uint8Array): void {
    if (this.length + source.length > this.#bytes.length) this.#grow(source.length);
    this.#bytes.set(source, this.length);
    this.length += source.length;
  }

  /** All that another writer holds. */
  append(other: ByteWriter): void {
    this.bytes(other.#bytes.subarray(0, other.length));
  }

  /** Bytes [from, to) of an array: for a few of them this is quicker than a view. */
  range(source: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.byte(source[i]!);
  }

  /** Forgets what was written; the room stays. */
  clear(): void {
    this.length = 0;
  }

  /** What was written; borrowed until more is. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** An owned copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  #grow(extra: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + extra));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Reads numbers one after the other; `at` moves. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    let value = byte & 127;
    // also false beyond the end, where there is no byte: damaged input ends the loop
    for (let scale = 128; byte >= 128; scale *= 128) {
      byte = bytes[this.at++]!;
      value += (byte & 127) * scale;
    }
    return value;
  }

  signed(): number {
    const value = this.varint();
    // most are small: whole numbers all the way, which V8 keeps without an object each
    if (value <= 0x7fff_ffff) return (value >>> 1) ^ -(value & 1);
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }
}
