/**
 * Shortlist: the best `capacity` of a stream of (score, place), unordered. A buffer of four times the room that is cut back by quickselect
 * (Hoare, Algorithm 65: Find, 1961) when full: for hundreds of wanted rows several times cheaper than a heap, whose order nobody needs.
 */

const SLACK = 4;

export class Shortlist {
  #capacity = 0;
  #room = 0;
  #scores = new Float32Array(0);
  #places = new Uint32Array(0);
  #size = 0;
  #threshold = Number.NEGATIVE_INFINITY;

  constructor(capacity: number) {
    this.restart(capacity);
  }

  get capacity(): number {
    return this.#capacity;
  }

  get bytes(): number {
    return this.#scores.byteLength + this.#places.byteLength;
  }

  /** Empties it, for another stream. */
  restart(capacity: number): void {
    this.#capacity = Math.max(1, capacity);
    this.#room = this.#capacity * SLACK;
    this.#size = 0;
    this.#threshold = Number.NEGATIVE_INFINITY;
    if (this.#room <= this.#scores.length) return;
    this.#scores = new Float32Array(this.#room);
    this.#places = new Uint32Array(this.#room);
  }

  /** Scores below it cannot be among the best any more. */
  get threshold(): number {
    return this.#threshold;
  }

  push(score: number, place: number): void {
    if (score < this.#threshold) return;
    this.#scores[this.#size] = score;
    this.#places[this.#size++] = place;
    if (this.#size === this.#room) this.#cut();
  }

  /** Raises the threshold as far as what came so far allows, when that is worth a cut. */
  settle(): void {
    if (this.#size > 2 * this.#capacity) this.#cut();
  }

  /** Places of the best, ascending; borrowed until it is used again. */
  finish(): Uint32Array {
    if (this.#size > this.#capacity) this.#cut();
    return this.#places.subarray(0, this.#size).sort();
  }

  #cut(): void {
    const scores = this.#scores;
    const wanted = this.#capacity - 1;
    let low = 0;
    let high = this.#size - 1;
    while (low < high) {
      const pivot = scores[(low + high) >>> 1]!;
      let i = low;
      let j = high;
      while (i <= j) {
        while (scores[i]! > pivot) i++;
        while (scores[j]! < pivot) j--;
        if (i <= j) this.#swap(i++, j--);
      }
      if (wanted <= j) high = j;
      else if (wanted >= i) low = i;
      else break;
    }
    this.#size = this.#capacity;
    this.#threshold = scores[wanted]!;
  }

  #swap(i: number, j: number): void {
    const score = this.#scores[i]!;
    const place = this.#places[i]!;
    this.#scores[i] = this.#scores[j]!;
    this.#places[i] = this.#places[j]!;
    this.#scores[j] = score;
    this.#places[j] = place;
  }
}
