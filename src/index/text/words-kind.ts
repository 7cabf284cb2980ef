/**
 * What a segment keeps of its words: a dictionary (`terms`, `heads`), `postings`, `lengths` (u16 terms per row), and by the name of a part
 * which analyser made the terms. Positions are not stored: a phrase is verified on the text of its candidates, which saves an eighth of
 * the text's size on disk.
 */
import { standAside } from "../../stand-aside.ts";
import type { RowSet } from "../row-set.ts";
import { mergePlan, type Parts, type SegmentInput, type SegmentKind } from "../segment.ts";
import { buildWords } from "./build-words.ts";
import { compareBytes, Dictionary, type DictionaryCursor, type TermEntry } from "./dictionary.ts";
import { PostingList } from "./postings.ts";
import { WordsWriter } from "./words-writer.ts";

/** Grows when a text gets other terms than before. */
const ANALYSER = 2;
/** Part of words whose terms are those that queries have now; words of the first analyser have no such part, and are still searched. */
export const ANALYSER_PART: string = `analyser.${ANALYSER}`;

/** A Row is the text of one passage. */
export const wordsKind: SegmentKind<string> = {
  name: "words",
  version: 1,
  build: (rows) => buildWords(rows).set(ANALYSER_PART, Uint8Array.of(ANALYSER)),
  merge: (inputs, live) => mergeWords(inputs, live),
};

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

  copyTo(writer: WordsWriter): void {
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
  const writer = new WordsWriter(lengths);
  for (let term = smallest(cursors); term; term = smallest(cursors)) {
    standAside();
    for (const cursor of cursors) {
      if (!cursor.term || compareBytes(cursor.term, term) !== 0) continue;
      cursor.copyTo(writer);
      cursor.next();
    }
    writer.endTerm(term);
  }
  const parts = writer.finish();
  // terms of two analysers stay what they are, and are taken for the older one's
  if (inputs.every(({ parts: own }) => own.has(ANALYSER_PART)))
    parts.set(ANALYSER_PART, Uint8Array.of(ANALYSER));
  return parts;
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
