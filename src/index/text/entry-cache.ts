/**
 * EntryCache: the entries that lately used terms have in each segment. Numbers in one array: as objects they would be most of what searches
 * leave to the collector. Second chance, as in memory's page cache, which it differs from in that all places are of one size.
 */

/** Rough bytes of a term: its string, its place in the map and in the list. */
const TERM_BYTES = 130;
const FIRST_PLACES = 512;

export class EntryCache {
  readonly #width: number;
  readonly #most: number;
  readonly #places = new Map<string, number>();
  readonly #terms: string[] = [];
  /** Terms asked for since the hand last passed. */
  #used = new Uint8Array(FIRST_PLACES);
  #numbers: Uint32Array<ArrayBuffer>;
  #hand = 0;

  /** @param width numbers a term @param most terms */
  constructor(width: number, most: number) {
    this.#width = width;
    this.#most = most;
    this.#numbers = new Uint32Array(FIRST_PLACES * width);
  }

  get bytes(): number {
    return this.#terms.length * TERM_BYTES + this.#numbers.byteLength + this.#used.byteLength;
  }

  /** All numbers; those of a term begin where `find` or `add` says, until the next `add`. */
  get numbers(): Uint32Array {
    return this.#numbers;
  }

  /** -1 where the term is not kept. */
  find(term: string): number {
    const place = this.#places.get(term);
    if (place === undefined) return -1;
    this.#used[place] = 1;
    return place * this.#width;
  }

  /** A place for a term that is not kept, its numbers to be filled in. */
  add(term: string): number {
    const place = this.#terms.length < this.#most ? this.#terms.length : this.#free();
    if (place >= this.#used.length) this.#grow();
    this.#terms[place] = term;
    this.#used[place] = 0;
    this.#places.set(term, place);
    return place * this.#width;
  }

  #free(): number {
    for (;;) {
      const place = this.#hand;
      this.#hand = (place + 1) % this.#most;
      if (this.#used[place] === 0) {
        this.#places.delete(this.#terms[place]!);
        return place;
      }
      this.#used[place] = 0;
    }
  }

  #grow(): void {
    const places = Math.min(this.#most, this.#used.length * 2);
    const [used, numbers] = [new Uint8Array(places), new Uint32Array(places * this.#width)];
    used.set(this.#used);
    numbers.set(this.#numbers);
    this.#used = used;
    this.#numbers = numbers;
  }
}
