/**
 * A sequence of whole numbers as bits, level by level, with ranks (Claude and Navarro, The Wavelet Matrix, 2012): which value stands
 * somewhere, how often a value comes before a place, and which values a stretch holds, in time of their number and not of the stretch.
 */
import { popcount } from "../../../popcount.ts";

/** Bits from one stored rank to the next. */
const BLOCK_BITS = 256;
const BLOCK_WORDS = BLOCK_BITS / 32;

/** Words of the bits of a level, and ranks stored beside them. */
export function levelSize(length: number): { readonly words: number; readonly ranks: number } {
  const ranks = Math.floor(length / BLOCK_BITS) + 1;
  return { words: ranks * BLOCK_WORDS, ranks };
}

/** Fills in the ranks of a level whose bits are set. */
export function storeRanks(words: Uint32Array, ranks: Uint32Array): void {
  let sum = 0;
  for (let block = 0; block < ranks.length; block++) {
    ranks[block] = sum;
    for (let w = 0; w < BLOCK_WORDS; w++) sum += popcount(words[block * BLOCK_WORDS + w]!);
  }
}

/** Ones among the first `at` bits of the level that begins at these words and ranks. */
export function onesBefore(
  words: Uint32Array,
  ranks: Uint32Array,
  firstWord: number,
  firstRank: number,
  at: number,
): number {
  const block = at >>> 8;
  let sum = ranks[firstRank + block]!;
  const last = firstWord + (at >>> 5);
  for (let w = firstWord + block * BLOCK_WORDS; w < last; w++) sum += popcount(words[w]!);
  return sum + popcount(words[last]! & ((1 << (at & 31)) - 1));
}

/** Values of a stretch, ascending, and where in the last level each one's lie. Views that the next call overwrites. */
export interface Distinct {
  readonly count: number;
  readonly values: Uint32Array;
  readonly lows: Uint32Array;
  readonly highs: Uint32Array;
}

export class WaveletMatrix {
  readonly length: number;
  readonly bits: number;
  readonly #words: Uint32Array;
  readonly #ranks: Uint32Array;
  readonly #size: { readonly words: number; readonly ranks: number };
  readonly #zeros: Uint32Array;
  #scratch: readonly [Uint32Array[], Uint32Array[]] | undefined;
  /** Of the value that `follow` met last. */
  value = 0;

  /** @param words bits of all levels, most significant first, borrowed. @param ranks of `storeRanks`, level by level, borrowed */
  constructor(length: number, bits: number, words: Uint32Array, ranks: Uint32Array) {
    this.length = length;
    this.bits = bits;
    this.#words = words;
    this.#ranks = ranks;
    this.#size = levelSize(length);
    this.#zeros = Uint32Array.from({ length: bits }, (_, level) => length - this.#ones(level, length));
  }

  /** Sets the bits and ranks of all levels. @param values below 2^bits; overwritten */
  static fill(values: Uint32Array, bits: number, words: Uint32Array, ranks: Uint32Array): void {
    const { length } = values;
    const size = levelSize(length);
    const ones = new Uint32Array(length);
    for (let level = 0; level < bits; level++) {
      const own = words.subarray(level * size.words, (level + 1) * size.words);
      const shift = bits - 1 - level;
      let [zeros, count] = [0, 0];
      for (let i = 0; i < length; i++) {
        const value = values[i]!;
        if ((value >>> shift) & 1) {
          own[i >>> 5]! |= 1 << (i & 31);
          ones[count++] = value;
        } else values[zeros++] = value;
      }
      values.set(ones.subarray(0, count), zeros);
      storeRanks(own, ranks.subarray(level * size.ranks, (level + 1) * size.ranks));
    }
  }

  /** Where a place of the first level comes to lie in the last one; `value` is what stands there. */
  follow(at: number): number {
    let [place, value] = [at, 0];
    for (let level = 0; level < this.bits; level++) {
      const word = this.#words[level * this.#size.words + (place >>> 5)]!;
      const bit = (word >>> (place & 31)) & 1;
      const ones = this.#ones(level, place);
      place = bit ? this.#zeros[level]! + ones : place - ones;
      value = value * 2 + bit;
    }
    this.value = value;
    return place;
  }

  /** Where places before `at` that hold a value end in the last level. */
  descend(value: number, at: number): number {
    let place = at;
    for (let level = 0; level < this.bits; level++) {
      const ones = this.#ones(level, place);
      place = (value >>> (this.bits - 1 - level)) & 1 ? this.#zeros[level]! + ones : place - ones;
    }
    return place;
  }

  /** Which values stand from `low` to before `high`. */
  distinct(low: number, high: number): Distinct {
    this.#scratch ??= this.#rooms();
    let [from, to] = this.#scratch;
    let count = Number(low < high);
    from[0]![0] = 0;
    from[1]![0] = low;
    from[2]![0] = high;
    for (let level = 0; level < this.bits; level++) {
      count = this.#split(level, count, from, to);
      [from, to] = [to, from];
    }
    return { count, values: from[0]!, lows: from[1]!, highs: from[2]! };
  }

  /** Each stretch of a level as the one or two of the next. @returns how many there are now */
  #split(level: number, count: number, from: readonly Uint32Array[], to: readonly Uint32Array[]): number {
    const [values, lows, highs] = from as [Uint32Array, Uint32Array, Uint32Array];
    const [nextValues, nextLows, nextHighs] = to as [Uint32Array, Uint32Array, Uint32Array];
    const zeros = this.#zeros[level]!;
    let next = 0;
    for (let i = 0; i < count; i++) {
      const [low, high] = [lows[i]!, highs[i]!];
      const before = this.#ones(level, low);
      const ones = this.#ones(level, high) - before;
      if (ones < high - low) {
        nextValues[next] = values[i]! * 2;
        nextLows[next] = low - before;
        nextHighs[next++] = high - before - ones;
      }
      if (ones > 0) {
        nextValues[next] = values[i]! * 2 + 1;
        nextLows[next] = zeros + before;
        nextHighs[next++] = zeros + before + ones;
      }
    }
    return next;
  }

  #rooms(): readonly [Uint32Array[], Uint32Array[]] {
    const rooms = (): Uint32Array[] => Array.from({ length: 3 }, () => new Uint32Array(2 ** this.bits));
    return [rooms(), rooms()];
  }

  #ones(level: number, at: number): number {
    return onesBefore(this.#words, this.#ranks, level * this.#size.words, level * this.#size.ranks, at);
  }
}
