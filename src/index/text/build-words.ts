/** Building the words of a segment: numbers of terms row by row, then a counting sort that turns rows of terms into lists of rows. */
import { standAside } from "../../stand-aside.ts";
import type { Parts } from "../segment.ts";
import { sortStrings } from "./sort-terms.ts";
import { Vocabulary } from "./vocabulary.ts";
import { WordsWriter } from "./words-writer.ts";

/** Rows longer than this count as this long. */
const MAX_LENGTH = 0xffff;
/** A vocabulary with more terms is not kept for the next segment. */
const KEPT_TERMS = 100_000;

/** What earlier segments of this thread taught. */
let vocabulary: Vocabulary | undefined;

export function buildWords(rows: readonly string[]): Parts {
  vocabulary ??= new Vocabulary();
  const postings = new RowPostings(rows.length);
  for (const text of rows) {
    standAside();
    postings.addRow(vocabulary.read(text), vocabulary.size);
  }
  const parts = write(postings, vocabulary);
  if (vocabulary.size > KEPT_TERMS) {
    vocabulary[Symbol.dispose]();
    vocabulary = undefined;
  }
  return parts;
}

/** Columns of (term, frequency), row after row; a term once a row. */
class RowPostings {
  terms = new Uint32Array(1 << 16);
  frequencies = new Uint32Array(1 << 16);
  count = 0;
  readonly lengths: Uint16Array;
  /** Where the postings of each row end. */
  readonly ends: Uint32Array;
  /** Of each term its last posting + 1. */
  #last = new Uint32Array(1 << 15);
  #rows = 0;

  constructor(rows: number) {
    this.lengths = new Uint16Array(rows);
    this.ends = new Uint32Array(rows);
  }

  /** @param vocabulary terms that there are */
  addRow(numbers: Uint32Array, vocabulary: number): void {
    this.#makeRoom(numbers.length, vocabulary);
    const { terms, frequencies } = this;
    const last = this.#last;
    const start = this.count;
    let count = start;
    for (let i = 0; i < numbers.length; i++) {
      const term = numbers[i]!;
      const posting = last[term]!;
      if (posting > start) frequencies[posting - 1]!++;
      else {
        terms[count] = term;
        frequencies[count] = 1;
        last[term] = ++count;
      }
    }
    this.count = count;
    this.lengths[this.#rows] = Math.min(MAX_LENGTH, numbers.length);
    this.ends[this.#rows++] = count;
  }

  #makeRoom(more: number, vocabulary: number): void {
    if (this.count + more > this.terms.length) {
      this.terms = wider(this.terms, this.count + more);
      this.frequencies = wider(this.frequencies, this.count + more);
    }
    if (vocabulary > this.#last.length) this.#last = wider(this.#last, vocabulary);
  }
}

function write(postings: RowPostings, vocabulary: Vocabulary): Parts {
  const { starts, ordinals, frequencies } = byTerm(postings, vocabulary.size);
  const present: number[] = [];
  for (let term = 0; term < vocabulary.size; term++)
    if (starts[term + 1]! > starts[term]!) present.push(term);
  const order = Uint32Array.from(present);
  const { spelling } = vocabulary;
  sortStrings(order, spelling);
  const writer = new WordsWriter(postings.lengths);
  for (const term of order) {
    standAside();
    const bytes = spelling.bytes.subarray(spelling.starts[term]!, spelling.starts[term + 1]!);
    writer.add(bytes, ordinals, frequencies, starts[term]!, starts[term + 1]!);
  }
  return writer.finish();
}

interface ByTerm {
  /** Where the list of each term begins, and where the last one ends. */
  readonly starts: Uint32Array;
  readonly ordinals: Uint32Array;
  readonly frequencies: Uint32Array;
}

/** Counting sort by term; rows stay ascending within a term. */
function byTerm({ terms, frequencies, count, ends }: RowPostings, vocabulary: number): ByTerm {
  const starts = new Uint32Array(vocabulary + 1);
  for (let i = 0; i < count; i++) starts[terms[i]! + 1]!++;
  for (let term = 0; term < vocabulary; term++) starts[term + 1]! += starts[term]!;
  const next = starts.slice();
  const sorted = { starts, ordinals: new Uint32Array(count), frequencies: new Uint32Array(count) };
  let at = 0;
  for (let row = 0; row < ends.length; row++) {
    for (const end = ends[row]!; at < end; at++) {
      const to = next[terms[at]!]!++;
      sorted.ordinals[to] = row;
      sorted.frequencies[to] = frequencies[at]!;
    }
  }
  return sorted;
}

function wider(from: Uint32Array, least: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(Math.max(from.length * 2, least));
  to.set(from);
  return to;
}
