/** Pieces of a pattern, found in a text by a rolling hash (Karp and Rabin, 1987). Hits may be false; none is missed. */

const BASE = 0x01000193;

export class Seeds {
  readonly #length: number;
  readonly #pattern: number;
  /** Offsets of pieces by hash. */
  readonly #offsets = new Map<number, number[]>();
  /** Bits of hashes that there are, to be asked first. */
  readonly #bits = new Uint8Array(1 << 16);
  /** BASE to the power of the pieces' length. */
  readonly #leaving: number;

  /** @param pattern numbers of symbols @param pieces at most its length */
  constructor(pattern: Uint32Array, pieces: number) {
    this.#pattern = pattern.length;
    this.#length = Math.floor(pattern.length / pieces);
    let leaving = 1;
    for (let i = 0; i < this.#length; i++) leaving = Math.imul(leaving, BASE);
    this.#leaving = leaving;
    for (let piece = 0; piece < pieces; piece++) {
      const offset = piece * this.#length;
      let hash = 0;
      for (let i = 0; i < this.#length; i++) hash = rolled(hash, pattern[offset + i]!);
      const mixed = mix(hash);
      this.#bits[mixed >>> 16] = 1;
      const there = this.#offsets.get(mixed);
      if (there) there.push(offset);
      else this.#offsets.set(mixed, [offset]);
    }
  }

  /** Alignments of a text at which a piece may be whole, ascending, each once. */
  alignments(text: Uint32Array): number[] {
    const last = text.length - this.#pattern;
    const found = new Set<number>();
    const length = this.#length;
    let hash = 0;
    for (let i = 0; i < text.length; i++) {
      hash = rolled(hash, text[i]!);
      if (i >= length) hash = (hash - Math.imul(this.#leaving, text[i - length]! + 1)) | 0;
      if (i < length - 1) continue;
      const mixed = mix(hash);
      if (this.#bits[mixed >>> 16] === 0) continue;
      for (const offset of this.#offsets.get(mixed) ?? []) {
        const at = i - length + 1 - offset;
        if (at >= 0 && at <= last) found.add(at);
      }
    }
    return [...found].sort((a, b) => a - b);
  }
}

function rolled(hash: number, symbol: number): number {
  return (Math.imul(hash, BASE) + symbol + 1) | 0;
}

/** Powers of an odd base say little in their low bits. */
function mix(hash: number): number {
  const x = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (x ^ (x >>> 13)) >>> 0;
}
