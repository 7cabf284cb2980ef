/** TermTable: numbers of byte strings, back to back in one array; found by their bytes, without a string or an object for each. */

const FIRST_TERMS = 1 << 14;

export class TermTable {
  /** Number + 1 of the term in each slot, or 0. */
  #slots = new Uint32Array(FIRST_TERMS * 2);
  #hashes = new Uint32Array(FIRST_TERMS);
  #starts = new Uint32Array(FIRST_TERMS + 1);
  #bytes = new Uint8Array(FIRST_TERMS * 8);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** All terms, back to back. Borrowed until the next term comes. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Term n lies in [starts[n], starts[n + 1]) of `bytes`. Borrowed until the next term comes. */
  get starts(): Uint32Array {
    return this.#starts;
  }

  /** Number of the term in source[0, length), the next one when it is new. */
  numberOf(source: Uint8Array, length: number): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ source[i]!, 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const number = this.#slots[slot]! - 1;
      if (this.#hashes[number] === hash >>> 0 && this.#equals(number, source, length)) return number;
    }
    return this.#add(source, length, hash, slot);
  }

  #equals(number: number, source: Uint8Array, length: number): boolean {
    const start = this.#starts[number]!;
    if (this.#starts[number + 1]! - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== source[i]) return false;
    return true;
  }

  #add(source: Uint8Array, length: number, hash: number, slot: number): number {
    const number = this.#size++;
    const start = this.#starts[number]!;
    if (start + length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, start + length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    for (let i = 0; i < length; i++) this.#bytes[start + i] = source[i]!;
    this.#starts[number + 1] = start + length;
    this.#hashes[number] = hash;
    this.#slots[slot] = number + 1;
    if (this.#size === this.#hashes.length) this.#grow();
    return number;
  }

  #grow(): void {
    const terms = this.#size * 2;
    this.#hashes = copied(this.#hashes, terms);
    this.#starts = copied(this.#starts, terms + 1);
    this.#slots = new Uint32Array(terms * 2);
    const mask = this.#slots.length - 1;
    for (let number = 0; number < this.#size; number++) {
      let slot = this.#hashes[number]! & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = number + 1;
    }
  }
}

function copied(from: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(length);
  to.set(from);
  return to;
}
