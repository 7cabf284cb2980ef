/** The words of rows not yet in a segment: a small inverted index of plain arrays. */
import { termsOf } from "./normalize.ts";
import { segmentWords } from "./segment-words.ts";

export interface TailPostings {
  /** Places in the tail, ascending. */
  readonly places: number[];
  readonly frequencies: number[];
}

/** Rough bytes of a map entry with its two arrays. */
const TERM_BYTES = 160;

export class WordsTail {
  readonly terms: Map<string, TailPostings> = new Map();
  rows: number[] = [];
  lengths: number[] = [];
  tokens = 0;
  #texts: string[] = [];

  append(row: number, text: string): void {
    const place = this.rows.length;
    let length = 0;
    segmentWords(text, (start, end, unspaced, plain) => {
      for (const term of termsOf(text.slice(start, end), unspaced, plain)) {
        this.#count(term, place);
        length++;
      }
    });
    this.rows.push(row);
    this.lengths.push(length);
    this.#texts.push(text);
    this.tokens += length;
  }

  /** Drops rows up to `lastRow`; what stays is indexed again. */
  trim(lastRow: number): void {
    const kept = this.rows.map((row, i) => [row, this.#texts[i]!] as const).filter(([row]) => row > lastRow);
    this.terms.clear();
    this.rows = [];
    this.lengths = [];
    this.#texts = [];
    this.tokens = 0;
    for (const [row, text] of kept) this.append(row, text);
  }

  get bytes(): number {
    let postings = 0;
    for (const { places } of this.terms.values()) postings += places.length * 16;
    return this.terms.size * TERM_BYTES + postings + this.rows.length * 32;
  }

  #count(term: string, place: number): void {
    let postings = this.terms.get(term);
    if (!postings) {
      postings = { places: [], frequencies: [] };
      this.terms.set(term, postings);
    }
    if (postings.places.at(-1) === place) postings.frequencies[postings.frequencies.length - 1]!++;
    else {
      postings.places.push(place);
      postings.frequencies.push(1);
    }
  }
}
