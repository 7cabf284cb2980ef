/** The merges of a byte-pair encoding: from two neighbouring tokens to the rank of their merge and the token it makes. Open addressing. */

const NONE = 0xffff_ffff;

export class MergeTable {
  /** Pairs: left and right token, rank and merged token, 16 bits each; NONE in place of the second where there is no merge. */
  readonly #slots: Uint32Array;
  readonly #shift: number;

  /** @param room merges at most */
  constructor(room: number) {
    const bits = Math.ceil(Math.log2(Math.max(2, room))) + 1;
    this.#shift = 32 - bits;
    this.#slots = new Uint32Array(2 ** (bits + 1)).fill(NONE);
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** The first merge of a pair counts. Tokens and ranks are below 2^16. */
  add(left: number, right: number, rank: number, merged: number): void {
    const slot = this.#slotOf(left, right);
    if (this.#slots[slot + 1] !== NONE) return;
    this.#slots[slot] = (left << 16) | right;
    this.#slots[slot + 1] = (rank << 16) | merged;
  }

  /** Merges tokens[0, count) in place: the pair of lowest rank first, leftmost of equals, until none is left. @returns how many remain */
  apply(tokens: Uint16Array, count: number): number {
    let left = count;
    for (;;) {
      let best = NONE;
      let place = -1;
      for (let i = 0; i + 1 < left; i++) {
        const merge = this.#slots[this.#slotOf(tokens[i]!, tokens[i + 1]!) + 1]!;
        if (merge >= best) continue;
        best = merge;
        place = i;
      }
      if (place < 0) return left;
      tokens[place] = best & 0xffff;
      tokens.copyWithin(place + 1, place + 2, left--);
    }
  }

  #slotOf(left: number, right: number): number {
    const slots = this.#slots;
    const key = ((left << 16) | right) >>> 0;
    let slot = (Math.imul(key, 0x9e3779b1) >>> this.#shift) * 2;
    while (slots[slot + 1] !== NONE && slots[slot] !== key) slot = (slot + 2) & (slots.length - 1);
    return slot;
  }
}
