/** Rows that a search has met: a row lies in several lists. Emptied at no cost. */

const FIRST_SLOTS = 1024;

export class SeenRows {
  #rows = new Uint32Array(FIRST_SLOTS);
  #turns = new Uint32Array(FIRST_SLOTS);
  #turn = 0;
  #size = 0;

  get bytes(): number {
    return this.#rows.byteLength + this.#turns.byteLength;
  }

  clear(): void {
    this.#size = 0;
    if (++this.#turn < 2 ** 32) return;
    this.#turns.fill(0);
    this.#turn = 1;
  }

  /** @returns whether the row was not there */
  add(row: number): boolean {
    const mask = this.#rows.length - 1;
    let at = (Math.imul(row, 0x9e3779b1) >>> 9) & mask;
    for (; this.#turns[at] === this.#turn; at = (at + 1) & mask) if (this.#rows[at] === row) return false;
    this.#turns[at] = this.#turn;
    this.#rows[at] = row;
    if (++this.#size * 2 > this.#rows.length) this.#grow();
    return true;
  }

  #grow(): void {
    const rows = this.#rows.filter((_, i) => this.#turns[i] === this.#turn);
    this.#rows = new Uint32Array(this.#rows.length * 2);
    this.#turns = new Uint32Array(this.#rows.length);
    this.#turn = 1;
    this.#size = 0;
    for (const row of rows) this.add(row);
  }
}
