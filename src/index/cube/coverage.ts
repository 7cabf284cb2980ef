/** What rows cover of a question's components: of each component the best label that a row has. Flat arrays: a question may touch many rows. */

const ROOM = 64;

export class Coverage {
  readonly #components: number;
  readonly #places = new Map<number, number>();
  readonly #rows: number[] = [];
  #weights: Float64Array;
  /** Labels by number from 1; 0 for none. */
  #labels: Int32Array;

  constructor(components: number) {
    this.#components = components;
    this.#weights = new Float64Array(ROOM * components);
    this.#labels = new Int32Array(ROOM * components);
  }

  /** Rows that cover anything. */
  get rows(): readonly number[] {
    return this.#rows;
  }

  /** Takes a label of a component in a row, if none there weighs as much. @param label from 0 @param isSame whether another label is the same by another name: the first one names it */
  take(
    row: number,
    component: number,
    weight: number,
    label: number,
    isSame: (other: number) => boolean,
  ): void {
    let place = this.#places.get(row);
    if (place === undefined) {
      place = this.#rows.length;
      this.#places.set(row, place);
      this.#rows.push(row);
      if (this.#rows.length * this.#components > this.#weights.length) this.#grow();
    }
    const at = place * this.#components + component;
    if (weight <= this.#weights[at]!) return;
    this.#weights[at] = weight;
    if (this.#labels[at] === 0 || !isSame(this.#labels[at]! - 1)) this.#labels[at] = label + 1;
  }

  /** Weight of a component in the row of a place; 0 where it is not covered. */
  weight(place: number, component: number): number {
    return this.#weights[place * this.#components + component]!;
  }

  /** Number of the label that covers a component in the row of a place, or -1. */
  label(place: number, component: number): number {
    return this.#labels[place * this.#components + component]! - 1;
  }

  /** Of each place the sum of the weights. */
  scores(): Float64Array {
    return this.#sums((at) => this.#weights[at]!);
  }

  /** Of each place the components that are covered. */
  counts(): Float64Array {
    return this.#sums((at) => Number(this.#labels[at]! > 0));
  }

  #sums(of: (at: number) => number): Float64Array {
    const sums = new Float64Array(this.#rows.length);
    for (let place = 0, at = 0; place < sums.length; place++)
      for (let c = 0; c < this.#components; c++) sums[place]! += of(at++);
    return sums;
  }

  #grow(): void {
    const [weights, labels] = [this.#weights, this.#labels];
    this.#weights = new Float64Array(2 * weights.length);
    this.#weights.set(weights);
    this.#labels = new Int32Array(2 * labels.length);
    this.#labels.set(labels);
  }
}
