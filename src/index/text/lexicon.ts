/** Lexicon: terms over all segments and the tail of one words index, with what was looked up lately kept. */
import type { TermEntry } from "./dictionary.ts";
import type { TermVisitor, Vocabulary } from "./expand.ts";
import type { WordsSegment } from "./words-segment.ts";
import type { WordsTail } from "./words-tail.ts";

/** Terms whose entries are kept: most words of any text are among the frequent ones. */
const CACHE_TERMS = 8192;
/** Rough bytes of a kept term, and of its entry in one segment. */
const TERM_BYTES = 120;
const ENTRY_BYTES = 48;

interface Found {
  /** Entry in each segment, in their order. */
  readonly entries: readonly (TermEntry | undefined)[];
  /** Rows of segments that hold the term. */
  readonly frequency: number;
}

export class Lexicon implements Vocabulary {
  readonly #tail: WordsTail;
  readonly #cache = new Map<string, Found>();
  readonly #encoder = new TextEncoder();
  #segments: readonly WordsSegment[] = [];
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
    this.#cache.clear();
    this.#largest = undefined;
    for (const segment of segments)
      if (segment.rows.count > (this.#largest?.rows.count ?? 0)) this.#largest = segment;
  }

  get bytes(): number {
    return this.#cache.size * (TERM_BYTES + ENTRY_BYTES * this.#segments.length);
  }

  /** Rows of the largest segment and the tail. */
  get sampledRows(): number {
    return (this.#largest?.rows.count ?? 0) + this.#tail.rows.length;
  }

  /** How many of the sampled rows hold the term: one look-up where `frequency` takes many. */
  sampled(term: string): number {
    const entry = this.#largest?.dictionary.find(this.#encoder.encode(term));
    return (entry?.frequency ?? 0) + (this.#tail.terms.get(term)?.places.length ?? 0);
  }

  /** Rows that hold the term. */
  frequency(term: string): number {
    return this.#find(term).frequency + (this.#tail.terms.get(term)?.places.length ?? 0);
  }

  /** The term's entry in segment number `segment`. */
  entry(term: string, segment: number): TermEntry | undefined {
    return this.#find(term).entries[segment];
  }

  startingWith(prefix: string, visit: TermVisitor): void {
    for (const { dictionary } of this.#segments) {
      let first = true;
      dictionary.startingWith(prefix, ({ buffer, length, frequency, shared }) => {
        const hopeless = visit(buffer, length, frequency, first ? 0 : shared);
        first = false;
        return hopeless;
      });
    }
    for (const [term, { places }] of this.#tail.terms) {
      if (!term.startsWith(prefix)) continue;
      const bytes = this.#encoder.encode(term);
      visit(bytes, bytes.length, places.length, 0);
    }
  }

  #find(term: string): Found {
    const known = this.#cache.get(term);
    if (known) return known;
    const bytes = this.#encoder.encode(term);
    const entries = this.#segments.map(({ dictionary }) => dictionary.find(bytes));
    const found = { entries, frequency: entries.reduce((sum, entry) => sum + (entry?.frequency ?? 0), 0) };
    if (this.#cache.size >= CACHE_TERMS) this.#cache.clear();
    this.#cache.set(term, found);
    return found;
  }
}
