/**
 * What a segment keeps of its items: headers and texts, both compressed in blocks.
 * Parts: `heads`, `text` (blocked), `items` (u32 little-endian, three columns per item and a closing sentinel:
 * first ordinal, start in heads, start in text).
 */

import { asU32 } from "../bytes.ts";
import type { RowSet } from "../index/row-set.ts";
import { mergePlan, type Parts, type SegmentInput, type SegmentSource } from "../index/segment.ts";
import type { MaybePromise } from "../storage/store.ts";
import { BlockText } from "./block-text.ts";
import { BlockWriter, unpackBlocks } from "./block-writer.ts";
import { decodeItemRecord, type ItemRecord } from "./item-record.ts";
import type { PageCache } from "./page-cache.ts";
import { passageTexts } from "./passage-text.ts";

export const ITEMS = "items";
const COLUMNS = 3;
/** Hits want one header each, from anywhere: small blocks inflate in half the time and cost a tenth of the headers in size. */
const HEAD_BLOCK_BYTES = 4096;
/** Keeps deflate within 6% of deflating the whole; a passage costs one or two inflations. */
const TEXT_BLOCK_BYTES = 16_384;

/** One item as its bytes: the encoded record, the UTF-8 text, and how many rows (passages) it has. */
export interface ItemBytes {
  readonly record: Uint8Array;
  readonly text: Uint8Array;
  readonly rows: number;
}

export function buildItems(items: readonly ItemBytes[]): Parts {
  const writer = new ItemsWriter();
  for (const item of items) writer.add(item);
  return writer.finish();
}

/** An item lives or dies as a whole: its first row decides. A segment without dead items is taken over without inflating it. */
export function mergeItems(inputs: readonly SegmentInput[], live: RowSet): Parts {
  const { kept } = mergePlan(inputs, live);
  const writer = new ItemsWriter();
  inputs.forEach((input, i) => {
    const table = asU32(input.parts.get(ITEMS)!);
    if (kept[i]!.length === input.rows.count) writer.copy(input.parts, table);
    else addLive(writer, input.parts, table, new Set(kept[i]!));
  });
  return writer.finish();
}

function addLive(writer: ItemsWriter, parts: Parts, table: Uint32Array, alive: ReadonlySet<number>): void {
  const heads = unpackBlocks(parts, "heads");
  const texts = unpackBlocks(parts, "text");
  for (let at = 0; at + 2 * COLUMNS <= table.length; at += COLUMNS) {
    if (!alive.has(table[at]!)) continue;
    writer.add({
      record: heads.subarray(table[at + 1]!, table[at + COLUMNS + 1]!),
      text: texts.subarray(table[at + 2]!, table[at + COLUMNS + 2]!),
      rows: table[at + COLUMNS]! - table[at]!,
    });
  }
}

/** What indexes see of all passages of a segment, in the order of its rows. */
export function* passagesOf(parts: Parts): Generator<string> {
  const table = asU32(parts.get(ITEMS)!);
  const heads = unpackBlocks(parts, "heads");
  const texts = unpackBlocks(parts, "text");
  for (let at = 0; at + 2 * COLUMNS <= table.length; at += COLUMNS) {
    const record = decodeItemRecord(heads.subarray(table[at + 1]!, table[at + COLUMNS + 1]!));
    const text = decoder.decode(texts.subarray(table[at + 2]!, table[at + COLUMNS + 2]!));
    yield* passageTexts(record, text);
  }
}

// a text that begins with a byte order mark keeps it: places of passages count it
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

class ItemsWriter {
  readonly #heads = new BlockWriter(HEAD_BLOCK_BYTES);
  readonly #texts = new BlockWriter(TEXT_BLOCK_BYTES);
  readonly #table: number[] = [];
  #ordinal = 0;

  add({ record, text, rows }: ItemBytes): void {
    this.#table.push(this.#ordinal, this.#heads.length, this.#texts.length);
    this.#ordinal += rows;
    this.#heads.add(record);
    this.#texts.add(text);
  }

  /** All items of a segment. */
  copy(parts: Parts, table: Uint32Array): void {
    const shift = [this.#ordinal, this.#heads.length, this.#texts.length];
    const closing = table.length - COLUMNS;
    for (let at = 0; at < closing; at++) this.#table.push(table[at]! + shift[at % COLUMNS]!);
    this.#ordinal += table[closing]!;
    this.#heads.copy(parts, "heads");
    this.#texts.copy(parts, "text");
  }

  finish(): Parts {
    const parts: Parts = new Map();
    const table = Uint32Array.from(this.#table.concat(this.#ordinal, this.#heads.length, this.#texts.length));
    this.#heads.finish(parts, "heads");
    this.#texts.finish(parts, "text");
    parts.set(ITEMS, new Uint8Array(table.buffer));
    return parts;
  }
}

/** The items of one attached segment. Resident: 12 bytes an item and the block tables. */
export class SegmentItems {
  readonly source: SegmentSource;
  readonly #table: Uint32Array;
  readonly #heads: BlockText;
  readonly #text: BlockText;
  /** The last record that was asked for: the rows of one item come one after the other. Weakly, so that it counts for nothing. */
  #last: { readonly item: number; readonly record: WeakRef<ItemRecord> } | undefined;

  private constructor(source: SegmentSource, table: Uint32Array, heads: BlockText, text: BlockText) {
    this.source = source;
    this.#table = table;
    this.#heads = heads;
    this.#text = text;
  }

  static async open(source: SegmentSource, cache: PageCache): Promise<SegmentItems> {
    const [table] = await source.read([{ part: ITEMS, start: 0, end: source.size(ITEMS) }]);
    return new SegmentItems(
      source,
      asU32(table!),
      await BlockText.open(source, "heads", cache),
      await BlockText.open(source, "text", cache),
    );
  }

  get bytes(): number {
    return this.#table.byteLength + this.#heads.bytes + this.#text.bytes;
  }

  get textBytes(): number {
    return this.#text.length;
  }

  /** Uncompressed bytes of all headers and texts. */
  get rawBytes(): number {
    return this.#heads.length + this.#text.length;
  }

  get count(): number {
    return this.#table.length / COLUMNS - 1;
  }

  /** Index of the item that holds the row with this ordinal. */
  itemOf(ordinal: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#table[middle * COLUMNS]! <= ordinal) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** First ordinal of item `item`; the count of rows for the item past the last. */
  firstOrdinal(item: number): number {
    return this.#table[item * COLUMNS]!;
  }

  record(item: number): MaybePromise<ItemRecord> {
    const last = this.#last?.item === item ? this.#last.record.deref() : undefined;
    if (last) return last;
    const at = item * COLUMNS;
    const bytes = this.#heads.read(this.#table[at + 1]!, this.#table[at + COLUMNS + 1]!);
    const keep = (encoded: Uint8Array): ItemRecord => {
      const record = decodeItemRecord(encoded);
      this.#last = { item, record: new WeakRef(record) };
      return record;
    };
    return bytes instanceof Promise ? bytes.then(keep) : keep(bytes);
  }

  /** UTF-8 bytes [start, end) of the item's text; all of it by default. */
  text(item: number, start = 0, end = Number.POSITIVE_INFINITY): MaybePromise<Uint8Array> {
    const at = item * COLUMNS;
    const from = this.#table[at + 2]!;
    return this.#text.read(from + start, Math.min(from + end, this.#table[at + COLUMNS + 2]!));
  }

  /** UTF-8 length of one item's text. */
  textLength(item: number): number {
    return this.#table[(item + 1) * COLUMNS + 2]! - this.#table[item * COLUMNS + 2]!;
  }
}
