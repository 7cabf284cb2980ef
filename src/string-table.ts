/**
 * StringTable: numbers under parts of strings, found without making the substring. Open addressing over UTF-16 units; the hot path of
 * both tokenisers, where a Map would allocate and hash a slice for every word of the text.
 */

const EMPTY = 0;

export class StringTable {
  /** Slot -> entry + 1. */
  #slots = new Uint32Array(1 << 12);
  #hashes = new Uint32Array(1 << 11);
  #starts = new Uint32Array((1 << 11) + 1);
  #values = new Uint32Array(1 << 11);
  #units = new Uint16Array(1 << 14);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#hashes.byteLength * 3 + this.#units.byteLength;
  }

  clear(): void {
    this.#slots.fill(EMPTY);
    this.#size = 0;
  }

  /** Value under text[start, end), or -1. */
  get(text: string, start: number, end: number): number {
    const hash = hashOf(text, start, end);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!;
      if (entry === EMPTY) return -1;
      if (this.#hashes[entry - 1] === hash && this.#equals(entry - 1, text, start, end))
        return this.#values[entry - 1]!;
    }
  }

  /** The key must not be there yet. */
  set(text: string, start: number, end: number, value: number): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    const entry = this.#size++;
    const from = entry === 0 ? 0 : this.#starts[entry]!;
    if (from + end - start > this.#units.length) this.#units = wider(this.#units, from + end - start);
    for (let i = start; i < end; i++) this.#units[from + i - start] = text.charCodeAt(i);
    this.#starts[entry] = from;
    this.#starts[entry + 1] = from + end - start;
    this.#values[entry] = value;
    this.#hashes[entry] = hashOf(text, start, end);
    this.#place(entry);
  }

  #equals(entry: number, text: string, start: number, end: number): boolean {
    const from = this.#starts[entry]!;
    if (this.#starts[entry + 1]! - from !== end - start) return false;
    for (let i = start; i < end; i++) if (this.#units[from + i - start] !== text.charCodeAt(i)) return false;
    return true;
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[entry]! & mask;
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const entries = this.#slots.length / 2;
    this.#hashes = copied(this.#hashes, entries);
    this.#starts = copied(this.#starts, entries + 1);
    this.#values = copied(this.#values, entries);
    for (let entry = 0; entry < this.#size; entry++) this.#place(entry);
  }
}

function hashOf(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function copied(from: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(length);
  to.set(from.subarray(0, length));
  return to;
}

function wider(from: Uint16Array, least: number): Uint16Array<ArrayBuffer> {
  const to = new Uint16Array(Math.max(from.length * 2, least));
  to.set(from);
  return to;
}
