/** The words of one attached segment: dictionary and row lengths in RAM, postings read when a query names their term. */

import { MnemeError } from "../../errors.ts";
import { kernels, type ListSource, type Region } from "../../kernels/index.ts";
import type { MaybePromise } from "../../storage/store.ts";
import { type Ranges, type RowIds, rowAt, type SegmentSource } from "../segment.ts";
import { Dictionary } from "./dictionary.ts";
import { u16 } from "./words-kind.ts";

export class WordsSegment implements Disposable {
  readonly source: SegmentSource;
  readonly dictionary: Dictionary;
  /** u16 terms per row, by ordinal, where the kernels read them. */
  readonly lengths: Region;
  /** u32 ids of the rows, where they have gaps. */
  readonly ids: Region | undefined;
  /** Terms of all rows. */
  readonly tokens: number;

  private constructor(source: SegmentSource, dictionary: Dictionary, lengths: Uint16Array) {
    this.source = source;
    this.dictionary = dictionary;
    this.lengths = kernels().arena.alloc(lengths.byteLength);
    this.lengths.u16().set(lengths);
    const { ids } = source.rows;
    this.ids = ids && ids.length > 0 ? kernels().arena.alloc(ids.byteLength) : undefined;
    if (ids) this.ids?.u32().set(ids);
    this.tokens = lengths.reduce((sum, length) => sum + length, 0);
  }

  /** @throws MnemeError CORRUPT */
  static async open(source: SegmentSource): Promise<WordsSegment> {
    const whole = (part: string): { part: string; start: number; end: number } => ({
      part,
      start: 0,
      end: source.size(part),
    });
    const [terms, heads, bytes] = await source.read([whole("terms"), whole("heads"), whole("lengths")]);
    const lengths = u16(bytes!);
    if (lengths.length !== source.rows.count) {
      throw new MnemeError(
        "CORRUPT",
        `words: segment ${source.id} has lengths of ${lengths.length} rows, expected ${source.rows.count}`,
      );
    }
    return new WordsSegment(
      source,
      new Dictionary(terms!, heads!.byteLength > 0 ? heads! : new Uint8Array(4)),
      lengths,
    );
  }

  get rows(): RowIds {
    return this.source.rows;
  }

  get firstRow(): number {
    return this.rows.count === 0 ? 0 : rowAt(this.rows, 0);
  }

  get bytes(): number {
    return this.dictionary.bytes + this.lengths.byteLength + (this.ids?.byteLength ?? 0);
  }

  /** Posting bytes of several terms, read at once. */
  readPostings(ranges: Ranges): MaybePromise<ListSource> {
    return this.source.hold("postings", ranges);
  }

  [Symbol.dispose](): void {
    this.lengths[Symbol.dispose]();
    this.ids?.[Symbol.dispose]();
  }
}
