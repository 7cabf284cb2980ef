/** Lexicon: terms over all segments and the tail of one words index, with what was looked up lately kept. */
import {
  type HeldLists,
  kernels,
  MOST_NEAR_BYTES,
  NearTerms,
  type NearVisitor,
} from "../../kernels/index.ts";
import type { Ranges } from "../segment.ts";
import type { TermRoom } from "./dictionary.ts";
import { EntryCache } from "./entry-cache.ts";
import type { TermVisitor, Vocabulary } from "./expand.ts";
import { editDistance } from "./fuzzy.ts";
import type { WordsSegment } from "./words-segment.ts";
import type { WordsTail } from "./words-tail.ts";

/** Terms whose entries are kept: most words of any text are among the frequent ones. */
const KEPT_TERMS = 16_384;
/** Most terms are shorter. */
const FIRST_SPELT = 256;
/** Numbers of an entry: frequency (0 where the segment lacks the term), start, end; where the list is held, since which generation. */
const ENTRY = 5;
const START = 1;
const END = 2;
const LIST = 3;
const GENERATION = 4;

/** Lists of one segment that are held nowhere: numbers of their terms, and ranges in the part `postings`. Room that is used again. */
export class MissingLists implements Ranges {
  count = 0;
  readonly terms: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  add(term: number, start: number, end: number): void {
    this.terms[this.count] = term;
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.count++;
  }
}

export class Lexicon implements Vocabulary, Disposable {
  readonly #tail: WordsTail;
  /** Of each term its entry in each segment, in their order. */
  #cache = new EntryCache(0, KEPT_TERMS);
  readonly #encoder = new TextEncoder();
  readonly #entry: TermRoom = { frequency: 0, start: 0, end: 0 };
  /** UTF-8 of the term looked up last. */
  #spelt = new Uint8Array(FIRST_SPELT);
  #segments: readonly WordsSegment[] = [];
  /** Made by the first misspelt word. */
  #near: NearTerms | undefined;
  /** The segment with most rows: what stands for all where an estimate will do. */
  #largest: WordsSegment | undefined;

  constructor(tail: WordsTail) {
    this.#tail = tail;
  }

  /** Segments in row order. */
  get segments(): readonly WordsSegment[] {
    return this.#segments;
  }

  set segments(segments: readonly WordsSegment[]) {
    this.#segments = segments;
    this.#cache = new EntryCache(ENTRY * segments.length, KEPT_TERMS);
    this.#largest = undefined;
    for (const segment of segments)
      if (segment.rows.count > (this.#largest?.rows.count ?? 0)) this.#largest = segment;
  }

  get bytes(): number {
    return this.#cache.bytes + (this.#near?.bytes ?? 0);
  }

  get rowCount(): number {
    let rows = this.#tail.rows.length;
    for (const { rows: own } of this.#segments) rows += own.count;
    return rows;
  }

  /** Rows of the largest segment and the tail. */
  get sampledRows(): number {
    return (this.#largest?.rows.count ?? 0) + this.#tail.rows.length;
  }

  /** How many of the sampled rows hold the term: one look-up where `frequency` takes many. */
  sampled(term: string): number {
    const size = this.#spell(term);
    const entry = this.#largest?.dictionary.find(this.#spelt, size, this.#entry);
    return (entry?.frequency ?? 0) + (this.#tail.terms.get(term)?.places.length ?? 0);
  }

  /** Rows that hold the term. */
  frequency(term: string): number {
    let frequency = this.#tail.terms.get(term)?.places.length ?? 0;
    const at = this.#find(term);
    const { numbers } = this.#cache;
    for (let segment = 0; segment < this.#segments.length; segment++)
      frequency += numbers[at + segment * ENTRY]!;
    return frequency;
  }

  /**
   * Writes the frequencies of terms in segment number `segment`, and where their lists are held, to `out` from `at` on; those that are held
   * nowhere to `missing`.
   */
  entries(
    terms: readonly string[],
    segment: number,
    held: HeldLists,
    out: Uint32Array,
    at: number,
    missing: MissingLists,
  ): void {
    missing.count = 0;
    for (let term = 0; term < terms.length; term++) {
      const from = this.#find(terms[term]!) + segment * ENTRY;
      const { numbers } = this.#cache;
      const frequency = numbers[from]!;
      if (frequency === 0) continue;
      const list = held.renewed(numbers[from + LIST]!, numbers[from + GENERATION]!);
      numbers[from + LIST] = list;
      numbers[from + GENERATION] = held.generation;
      out[at + 2 * term] = frequency;
      out[at + 2 * term + 1] = list;
      if (list === 0) missing.add(term, numbers[from + START]!, numbers[from + END]!);
    }
  }

  /** Says where the list of a term is held from now on. */
  hold(term: string, segment: WordsSegment, list: number, generation: number): void {
    const number = this.#segments.indexOf(segment);
    const known = this.#cache.find(term);
    if (number < 0 || known < 0) return;
    const at = known + number * ENTRY;
    this.#cache.numbers[at + LIST] = list;
    this.#cache.numbers[at + GENERATION] = generation;
  }

  startingWith(prefix: string, visit: TermVisitor): void {
    for (const { dictionary } of this.#segments)
      dictionary.startingWith(prefix, ({ term, frequency }) => visit(term, frequency));
    this.#inTail(prefix, visit);
  }

  near(word: string, limit: number, visit: NearVisitor): void {
    const bytes = this.#encoder.encode(word);
    const letter = String.fromCodePoint(word.codePointAt(0)!);
    const compare = (term: Uint8Array, frequency: number): void => {
      const edits = editDistance(bytes, term, term.length, limit);
      if (edits <= limit) visit(term, frequency, edits);
    };
    if (bytes.length > MOST_NEAR_BYTES) {
      this.startingWith(letter, compare);
      return;
    }
    const leading = this.#encoder.encode(letter);
    this.#near ??= new NearTerms(kernels());
    this.#near.begin(bytes, limit, leading.length);
    for (const { dictionary } of this.#segments) this.#near.scan(dictionary.entriesFrom(leading), visit);
    this.#inTail(letter, compare);
  }

  [Symbol.dispose](): void {
    this.#near?.[Symbol.dispose]();
    this.#near = undefined;
  }

  #inTail(prefix: string, visit: TermVisitor): void {
    for (const [term, { places }] of this.#tail.terms)
      if (term.startsWith(prefix)) visit(this.#encoder.encode(term), places.length);
  }

  /** Writes UTF-8 of a term to where it is looked up. @returns how many bytes */
  #spell(term: string): number {
    if (this.#spelt.length < term.length * 3) this.#spelt = new Uint8Array(term.length * 3);
    return this.#encoder.encodeInto(term, this.#spelt).written;
  }

  /** Where the numbers of the term begin in the cache. */
  #find(term: string): number {
    const known = this.#cache.find(term);
    if (known >= 0) return known;
    const size = this.#spell(term);
    const at = this.#cache.add(term);
    const { numbers } = this.#cache;
    for (let segment = 0; segment < this.#segments.length; segment++) {
      const entry = this.#segments[segment]!.dictionary.find(this.#spelt, size, this.#entry);
      numbers[at + segment * ENTRY] = entry?.frequency ?? 0;
      numbers[at + segment * ENTRY + START] = entry?.start ?? 0;
      numbers[at + segment * ENTRY + END] = entry?.end ?? 0;
      numbers[at + segment * ENTRY + GENERATION] = 0;
    }
    return at;
  }
}
