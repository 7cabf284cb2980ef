/** The words of one attached segment: dictionary and row lengths in RAM, postings read when a query names their term. */

import type { MaybePromise } from "../../storage/store.ts";
import type { SegmentSource } from "../segment.ts";
import { Dictionary, type TermEntry } from "./dictionary.ts";
import { PostingList } from "./postings.ts";
import { u16 } from "./words-kind.ts";

export class WordsSegment {
  readonly source: SegmentSource;
  readonly dictionary: Dictionary;
  /** Terms per row, by ordinal. */
  readonly lengths: Uint16Array;
  /** Terms of all rows. */
  readonly tokens: number;

  private constructor(source: SegmentSource, dictionary: Dictionary, lengths: Uint16Array) {
    this.source = source;
    this.dictionary = dictionary;
    this.lengths = lengths;
    this.tokens = lengths.reduce((sum, length) => sum + length, 0);
  }

  static async open(source: SegmentSource): Promise<WordsSegment> {
    const whole = (part: string): { part: string; start: number; end: number } => ({
      part,
      start: 0,
      end: source.size(part),
    });
    const [terms, heads, lengths] = await source.read([whole("terms"), whole("heads"), whole("lengths")]);
    return new WordsSegment(
      source,
      new Dictionary(terms!, heads!.byteLength > 0 ? heads! : new Uint8Array(4)),
      u16(lengths!),
    );
  }

  get bytes(): number {
    return this.dictionary.bytes + this.lengths.byteLength;
  }

  /** Posting bytes of several terms in one read. */
  readPostings(entries: readonly TermEntry[]): MaybePromise<Uint8Array[]> {
    return this.source.read(entries.map(({ start, end }) => ({ part: "postings", start, end })));
  }
}

/** A fresh list over posting bytes: lists hold a position, so each walk takes its own. */
export function listOf(bytes: Uint8Array, entry: TermEntry): PostingList {
  return new PostingList(bytes, entry.frequency);
}
