/** The merges of a byte-pair encoding: from two neighbouring tokens to the rank of their merge and the token it makes. Open addressing. */

const NONE = 0xffff_ffff;

export class MergeTable {
  readonly #keys: Uint32Array;
  /** Rank of each slot's merge, NONE where there is none. */
  readonly #ranks: Uint32Array;
  readonly #merged: Uint16Array;
  readonly #shift: number;
  #found = 0;

  /** @param room merges at most */
  constructor(room: number) {
    const bits = Math.ceil(Math.log2(Math.max(2, room))) + 1;
    this.#shift = 32 - bits;
    this.#keys = new Uint32Array(2 ** bits);
    this.#ranks = new Uint32Array(2 ** bits).fill(NONE);
    this.#merged = new Uint16Array(2 ** bits);
  }

  get bytes(): number {
    return this.#keys.byteLength + this.#ranks.byteLength + this.#merged.byteLength;
  }

  /** The first merge of a pair counts. Tokens and ranks are below 2^16. */
  add(left: number, right: number, rank: number, merged: number): void {
    const slot = this.#slotOf(left, right);
    if (this.#ranks[slot] !== NONE) return;
    this.#keys[slot] = (left << 16) | right;
    this.#ranks[slot] = rank;
    this.#merged[slot] = merged;
  }

  /** Merges tokens[0, count) in place: the pair of lowest rank first, leftmost of equals, until none is left. @returns how many remain */
  apply(tokens: Uint16Array, count: number): number {
    let left = count;
    for (let place = this.#best(tokens, left); place >= 0; place = this.#best(tokens, left)) {
      tokens[place] = this.#merged[this.#found]!;
      tokens.copyWithin(place + 1, place + 2, left--);
    }
    return left;
  }

  /** Where the pair of lowest rank begins, or -1; its slot stays in #found. */
  #best(tokens: Uint16Array, count: number): number {
    let best = NONE;
    let place = -1;
    for (let i = 0; i + 1 < count; i++) {
      const slot = this.#slotOf(tokens[i]!, tokens[i + 1]!);
      if (this.#ranks[slot]! >= best) continue;
      best = this.#ranks[slot]!;
      this.#found = slot;
      place = i;
    }
    return place;
  }

  #slotOf(left: number, right: number): number {
    const key = ((left << 16) | right) >>> 0;
    const mask = this.#keys.length - 1;
    let slot = Math.imul(key, 0x9e3779b1) >>> this.#shift;
    while (this.#ranks[slot] !== NONE && this.#keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }
}
