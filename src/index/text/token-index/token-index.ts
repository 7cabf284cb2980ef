/**
 * TokenIndex: which tokens follow a run of tokens somewhere in a corpus, and where it stands (an FM-index over tokens: Ferragina and
 * Manzini, 2000; over documents held backwards, as Bevilacqua and others, Autoregressive Search Engines, 2022, use it, so that a run
 * grows in reading order). In memory, about two and a half bytes a token. For substrings of bytes, on disk, see FmIndex.
 */
import { MnemeError } from "../../../errors.ts";
import { buildTokenIndex, documentAt } from "./build.ts";
import { bitsOf, type IndexFacts, type IndexTables, readIndex } from "./layout.ts";
import { onesBefore, WaveletMatrix } from "./wavelet-matrix.ts";

/** Rows of a run of tokens: from `low` to before `high`, one for each occurrence. */
export interface TokenRange {
  readonly low: number;
  readonly high: number;
}

/** Tokens that follow, ascending, with the rows of the run that each makes longer. Owned, or shared and not to be changed. */
export interface FollowingTokens {
  readonly tokens: Uint32Array;
  readonly lows: Uint32Array;
  readonly highs: Uint32Array;
  /** Occurrences behind which a document ends. */
  readonly ends: number;
}

export interface TokenPlaces {
  /** Ascending by document, then by offset. */
  readonly documents: Uint32Array;
  /** Token of the document with which the occurrence begins. */
  readonly offsets: Uint32Array;
}

/** Ranges wider than this are kept with what follows them, so many at most. */
const WIDE = 2048;
const KEPT = 256;

export class TokenIndex {
  /** All of it, in memory that threads share where it was built here. */
  readonly bytes: Uint8Array;
  readonly #facts: IndexFacts;
  readonly #tables: IndexTables;
  readonly #matrix: WaveletMatrix;
  /** What a place of a symbol in the last level is short of its row, modulo 2^32. */
  readonly #shift: Int32Array;
  readonly #kept = new Map<string, FollowingTokens>();

  private constructor(bytes: Uint8Array) {
    const { facts, tables } = readIndex(bytes);
    this.bytes = bytes;
    this.#facts = facts;
    this.#tables = tables;
    this.#matrix = new WaveletMatrix(facts.rows, bitsOf(facts), tables.words, tables.ranks);
    this.#shift = Int32Array.from(
      tables.tokens,
      (_, symbol) => tables.firsts[symbol]! - this.#matrix.descend(symbol, 0),
    );
  }

  /**
   * @param documents tokens of each, none empty: whole numbers below 2^32, at most 65,535 different ones
   * @param tag names what made the tokens; whoever reads with another is told apart by it
   * @throws MnemeError RANGE
   */
  static build(documents: readonly ArrayLike<number>[], tag = 0): TokenIndex {
    return new TokenIndex(buildTokenIndex(documents, tag));
  }

  /** @param bytes of an index, borrowed. @throws MnemeError FORMAT, VERSION, CORRUPT */
  static open(bytes: Uint8Array): TokenIndex {
    return new TokenIndex(bytes);
  }

  get documents(): number {
    return this.#facts.documents;
  }

  /** Tokens of all documents. */
  get tokens(): number {
    return this.#facts.rows - this.#facts.documents;
  }

  get tag(): number {
    return this.#facts.tag;
  }

  /** Rows of no tokens at all: any may follow. */
  start(): TokenRange {
    return { low: 0, high: this.#facts.rows };
  }

  /** Rows of the places at which documents begin: what follows are their first tokens. */
  begins(): TokenRange {
    return { low: 0, high: this.documents };
  }

  /** Rows of a run with one token more; none where it does not occur. */
  extend({ low, high }: TokenRange, token: number): TokenRange {
    const symbol = this.#symbolOf(token);
    if (symbol === 0 || low >= high) return { low: 0, high: 0 };
    const shift = this.#shift[symbol]!;
    const from = this.#matrix.descend(symbol, low) + shift;
    return { low: from, high: this.#matrix.descend(symbol, high) + shift };
  }

  /** Rows of a run of tokens. */
  find(tokens: ArrayLike<number>): TokenRange {
    let range = this.start();
    for (let i = 0; i < tokens.length; i++) range = this.extend(range, tokens[i]!);
    return range;
  }

  /** How often a run of tokens occurs. */
  count(tokens: ArrayLike<number>): number {
    const { low, high } = this.find(tokens);
    return high - low;
  }

  /** Which tokens follow. */
  next({ low, high }: TokenRange): FollowingTokens {
    if (high - low <= WIDE) return this.#distinct(low, high);
    const key = `${low} ${high}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const found = this.#distinct(low, high);
    if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, found);
    return found;
  }

  #distinct(low: number, high: number): FollowingTokens {
    const { count, values, lows, highs } = this.#matrix.distinct(low, high);
    const isEnd = count > 0 && values[0] === 0 ? 1 : 0;
    const found = {
      tokens: new Uint32Array(count - isEnd),
      lows: new Uint32Array(count - isEnd),
      highs: new Uint32Array(count - isEnd),
      ends: isEnd ? highs[0]! - lows[0]! : 0,
    };
    for (let i = isEnd; i < count; i++) {
      const symbol = values[i]!;
      const shift = this.#shift[symbol]!;
      found.tokens[i - isEnd] = this.#tables.tokens[symbol]!;
      found.lows[i - isEnd] = lows[i]! + shift;
      found.highs[i - isEnd] = highs[i]! + shift;
    }
    return found;
  }

  /** Where a run of so many tokens occurs. */
  locate({ low, high }: TokenRange, length: number): TokenPlaces {
    const { begins } = this.#tables;
    const keys = new Float64Array(Math.max(0, high - low));
    for (let row = low; row < high; row++) {
      const place = this.#placeOf(row);
      const document = documentAt(begins, place);
      const offset = begins[document + 1]! - 1 - place - length;
      keys[row - low] = document * 2 ** 32 + offset;
    }
    keys.sort();
    return {
      documents: Uint32Array.from(keys, (key) => Math.floor(key / 2 ** 32)),
      offsets: Uint32Array.from(keys, (key) => key % 2 ** 32),
    };
  }

  /** @throws MnemeError RANGE for a document that is none */
  lengthOf(document: number): number {
    const { begins } = this.#tables;
    if (!(Number.isInteger(document) && document >= 0 && document < this.documents))
      throw new MnemeError("RANGE", `token index: document ${document}, there are ${this.documents}`);
    return begins[document + 1]! - begins[document]! - 1;
  }

  /** Tokens of a document, in reading order. @throws MnemeError RANGE for a document that is none */
  tokensOf(document: number): Uint32Array {
    const out = new Uint32Array(this.lengthOf(document));
    // ends come first, by their documents
    let row = document;
    for (let i = 0; i < out.length; i++) {
      row = this.#step(row);
      out[i] = this.#tables.tokens[this.#matrix.value]!;
    }
    return out;
  }

  /** Place of the joined text with which a row's suffix begins. */
  #placeOf(row: number): number {
    const { marks, markRanks, samples } = this.#tables;
    let [at, steps] = [row, 0];
    while (((marks[at >>> 5]! >>> (at & 31)) & 1) === 0) {
      at = this.#step(at);
      steps++;
    }
    return samples[onesBefore(marks, markRanks, 0, 0, at)]! + steps;
  }

  /** Row of the suffix that is longer by the token before it, which is then the matrix's `value`. */
  #step(row: number): number {
    const place = this.#matrix.follow(row);
    return place + this.#shift[this.#matrix.value]!;
  }

  #symbolOf(token: number): number {
    const { tokens } = this.#tables;
    let [low, high] = [1, tokens.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (tokens[middle]! < token) low = middle + 1;
      else high = middle;
    }
    return tokens[low] === token ? low : 0;
  }
}
