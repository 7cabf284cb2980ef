/** Seeded random numbers: xoshiro128** (Blackman & Vigna, Scrambled Linear Pseudorandom Number Generators, 2021), seeded by SplitMix32. */

export class Random {
  readonly #state = new Uint32Array(4);
  #spare: number | undefined;

  /** @param seed a whole number, of which the lower 32 bits count: -1 is the seed 2^32 - 1, and 2^32 is 0 */
  constructor(seed: number) {
    let state = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      this.#state[i] = z ^ (z >>> 16);
    }
  }

  /** 32 random bits. */
  u32(): number {
    const s = this.#state;
    const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11);
    return result;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return (this.u32() * 2 ** 21 + (this.u32() >>> 11)) / 2 ** 53;
  }

  /** Uniform whole number in [0, n). */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** A place of `weights`, as likely as its share of their sum `total`; any place where no weight is above 0. */
  weighted(weights: Float32Array | Float64Array, total: number): number {
    let left = this.uniform() * total;
    for (let i = 0; i < weights.length; i++) {
      left -= weights[i]!;
      if (left < 0) return i;
    }
    return this.integer(weights.length);
  }

  /** Standard normal (Box & Muller 1958). */
  gaussian(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** In place (Fisher & Yates). */
  shuffle<T>(values: T[]): T[] {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [values[i], values[j]] = [values[j]!, values[i]!];
    }
    return values;
  }

  /** `count` different whole numbers of [0, n), ascending. */
  sample(n: number, count: number): number[] {
    const chosen = new Set<number>();
    for (let i = n - Math.min(count, n); i < n; i++) {
      const j = this.integer(i + 1);
      chosen.add(chosen.has(j) ? i : j);
    }
    return [...chosen].sort((a, b) => a - b);
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
