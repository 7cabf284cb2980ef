/**
 * What a segment keeps of its words: a dictionary (`terms`, `heads`), `postings`, `lengths` (u16 terms per row). Positions are not
 * stored: a phrase is verified on the text of its candidates, which saves an eighth of the text's size on disk.
 */
import { StringTable } from "../../string-table.ts";
import type { RowSet } from "../row-set.ts";
import { mergePlan, type Parts, type SegmentInput, type SegmentKind } from "../segment.ts";
import {
  compareBytes,
  Dictionary,
  type DictionaryCursor,
  DictionaryWriter,
  type TermEntry,
} from "./dictionary.ts";
import { termsOf } from "./normalize.ts";
import { PostingList, writePostings } from "./postings.ts";
import { segmentWords } from "./segment-words.ts";
import { ByteWriter } from "../../varint.ts";

/** Rows longer than this count as this long. */
const MAX_LENGTH = 0xffff;

/** A Row is the text of one passage. */
export const wordsKind: SegmentKind<string> = {
  name: "words",
  version: 1,
  build: (rows) => buildWords(rows),
  merge: (inputs, live) => mergeWords(inputs, live),
};

/** Growing columns of (term, row), one entry per occurrence. */
class Occurrences {
  terms: Uint32Array = new Uint32Array(1 << 16);
  count = 0;

  push(term: number): void {
    if (this.count === this.terms.length) {
      const grown = new Uint32Array(this.terms.length * 2);
      grown.set(this.terms);
      this.terms = grown;
    }
    this.terms[this.count++] = term;
  }
}

interface Vocabulary {
  /** Term -> number, in order of first sight. */
  readonly numbers: Map<string, number>;
  /** Raw run -> entry in `lists`. */
  readonly runs: StringTable;
  /** Numbers of a run's terms. */
  readonly lists: (readonly number[])[];
}

function buildWords(rows: readonly string[]): Parts {
  const vocabulary: Vocabulary = { numbers: new Map(), runs: new StringTable(), lists: [] };
  const occurrences = new Occurrences();
  const ends = new Uint32Array(rows.length);
  rows.forEach((text, row) => {
    collect(text, vocabulary, occurrences);
    ends[row] = occurrences.count;
  });
  const lengths = Uint16Array.from(ends, (end, row) =>
    Math.min(MAX_LENGTH, end - (row === 0 ? 0 : ends[row - 1]!)),
  );
  const { rowsOfTerm, starts } = groupByTerm(occurrences, ends, vocabulary.numbers.size);
  const encoder = new TextEncoder();
  const terms = [...vocabulary.numbers].map(([term, number]) => ({ bytes: encoder.encode(term), number }));
  terms.sort((a, b) => compareBytes(a.bytes, b.bytes));
  const writer = new SegmentWriter(lengths);
  for (const { bytes, number } of terms)
    writer.addOccurrences(bytes, rowsOfTerm.subarray(starts[number]!, starts[number + 1]!));
  return writer.finish();
}

function collect(text: string, vocabulary: Vocabulary, occurrences: Occurrences): void {
  segmentWords(text, (start, end, unspaced, plain) => {
    const known = unspaced ? -1 : vocabulary.runs.get(text, start, end);
    const numbers =
      known >= 0 ? vocabulary.lists[known]! : learn(text, start, end, unspaced, plain, vocabulary);
    for (let i = 0; i < numbers.length; i++) occurrences.push(numbers[i]!);
  });
}

function learn(
  text: string,
  start: number,
  end: number,
  unspaced: boolean,
  plain: boolean,
  vocabulary: Vocabulary,
): readonly number[] {
  const numbers = termsOf(text.slice(start, end), unspaced, plain).map((term) =>
    numberOf(vocabulary.numbers, term),
  );
  if (!unspaced) vocabulary.runs.set(text, start, end, vocabulary.lists.push(numbers) - 1);
  return numbers;
}

function numberOf(numbers: Map<string, number>, term: string): number {
  let number = numbers.get(term);
  if (number === undefined) {
    number = numbers.size;
    numbers.set(term, number);
  }
  return number;
}

/** Counting sort of occurrences by term; rows stay ascending within a term. */
function groupByTerm(
  { terms, count }: Occurrences,
  ends: Uint32Array,
  vocabulary: number,
): { rowsOfTerm: Uint32Array; starts: Uint32Array } {
  const starts = new Uint32Array(vocabulary + 1);
  for (let i = 0; i < count; i++) starts[terms[i]! + 1]!++;
  for (let term = 0; term < vocabulary; term++) starts[term + 1]! += starts[term]!;
  const next = starts.slice();
  const rowsOfTerm = new Uint32Array(count);
  let at = 0;
  ends.forEach((end, row) => {
    for (; at < end; at++) {
      const term = terms[at]!;
      rowsOfTerm[next[term]!] = row;
      next[term]!++;
    }
  });
  return { rowsOfTerm, starts };
}

/** Writes terms in byte order. */
class SegmentWriter {
  readonly #lengths: Uint16Array;
  readonly #dictionary = new DictionaryWriter();
  readonly #postings = new ByteWriter();
  #ordinals = new Uint32Array(1024);
  #frequencies = new Uint32Array(1024);
  #count = 0;

  constructor(lengths: Uint16Array) {
    this.#lengths = lengths;
  }

  /** @param rows ascending, one entry per occurrence */
  addOccurrences(term: Uint8Array, rows: Uint32Array): void {
    for (const row of rows) {
      if (this.#count > 0 && this.#ordinals[this.#count - 1] === row) this.#frequencies[this.#count - 1]!++;
      else this.push(row, 1);
    }
    this.endTerm(term);
  }

  push(ordinal: number, frequency: number): void {
    if (this.#count === this.#ordinals.length) {
      this.#ordinals = doubled(this.#ordinals);
      this.#frequencies = doubled(this.#frequencies);
    }
    this.#ordinals[this.#count] = ordinal;
    this.#frequencies[this.#count++] = frequency;
  }

  endTerm(term: Uint8Array): void {
    if (this.#count === 0) return;
    const before = this.#postings.length;
    writePostings(this.#postings, this.#ordinals, this.#frequencies, this.#count, this.#lengths);
    this.#dictionary.add(term.slice(), this.#count, this.#postings.length - before);
    this.#count = 0;
  }

  finish(): Parts {
    const { terms, heads } = this.#dictionary.finish();
    const { buffer, byteOffset, byteLength } = this.#lengths;
    return new Map([
      ["terms", terms],
      ["heads", heads],
      ["postings", this.#postings.finish()],
      ["lengths", new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)],
    ]);
  }
}

function doubled(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(values.length * 2);
  grown.set(values);
  return grown;
}

/** One input of a merge, walked term by term. */
class MergeCursor {
  readonly #entries: DictionaryCursor;
  readonly #postings: Uint8Array;
  /** Old ordinal -> new ordinal, 0xffffffff for a dead row. */
  readonly #moved: Uint32Array;
  term: Uint8Array | undefined;
  #entry: TermEntry | undefined;

  constructor(input: SegmentInput, moved: Uint32Array) {
    this.#entries = new Dictionary(
      input.parts.get("terms") ?? new Uint8Array(0),
      input.parts.get("heads") ?? new Uint8Array(4),
    ).all();
    this.#postings = input.parts.get("postings") ?? new Uint8Array(0);
    this.#moved = moved;
    this.next();
  }

  next(): void {
    const more = this.#entries.next();
    this.term = more ? this.#entries.term.slice() : undefined;
    this.#entry = more ? this.#entries.entry : undefined;
  }

  copyTo(writer: SegmentWriter): void {
    const { start, end, frequency } = this.#entry!;
    const list = new PostingList(this.#postings.subarray(start, end), frequency);
    for (let block = 0; block < list.blocks; block++) {
      const size = list.decode(block);
      for (let i = 0; i < size; i++) {
        const moved = this.#moved[list.ordinals[i]!]!;
        if (moved !== 0xffff_ffff) writer.push(moved, list.frequencies[i]!);
      }
    }
  }
}

function mergeWords(inputs: readonly SegmentInput[], live: RowSet): Parts {
  const { kept, rows } = mergePlan(inputs, live);
  const lengths = new Uint16Array(rows.count);
  let first = 0;
  const cursors = inputs.map((input, i) => {
    const old = u16(input.parts.get("lengths") ?? new Uint8Array(0));
    const moved = new Uint32Array(input.rows.count).fill(0xffff_ffff);
    kept[i]!.forEach((ordinal, place) => {
      moved[ordinal] = first + place;
      lengths[first + place] = old[ordinal]!;
    });
    first += kept[i]!.length;
    return new MergeCursor(input, moved);
  });
  const writer = new SegmentWriter(lengths);
  for (let term = smallest(cursors); term; term = smallest(cursors)) {
    for (const cursor of cursors) {
      if (!cursor.term || compareBytes(cursor.term, term) !== 0) continue;
      cursor.copyTo(writer);
      cursor.next();
    }
    writer.endTerm(term);
  }
  return writer.finish();
}

function smallest(cursors: readonly MergeCursor[]): Uint8Array | undefined {
  let least: Uint8Array | undefined;
  for (const { term } of cursors) if (term && (!least || compareBytes(term, least) < 0)) least = term;
  return least;
}

export function u16(bytes: Uint8Array): Uint16Array {
  const aligned = new Uint8Array(bytes);
  return new Uint16Array(aligned.buffer, 0, aligned.byteLength >>> 1);
}
