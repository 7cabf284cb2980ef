/**
 * What a segment keeps of its items: headers and texts, both compressed in blocks.
 * Parts: `heads`, `text` (blocked), `items` (u32 little-endian, three columns per item and a closing sentinel:
 * first ordinal, start in heads, start in text).
 */
import type { RowSet } from "../index/row-set.ts";
import { mergePlan, type Parts, type SegmentInput, type SegmentSource } from "../index/segment.ts";
import type { MaybePromise } from "../storage/store.ts";
import { asU32, BlockText, concat, packBlocks, unpackBlocks } from "./block-text.ts";
import { decodeItemRecord, type ItemRecord } from "./item-record.ts";

export const ITEMS = "items";
const COLUMNS = 3;
/** Hits want one header each, from anywhere: small blocks inflate in half the time and cost a tenth of the headers in size. */
const HEAD_BLOCK_BYTES = 4096;

/** One item as its bytes: the encoded record, the UTF-8 text, and how many rows (passages) it has. */
export interface ItemBytes {
  readonly record: Uint8Array;
  readonly text: Uint8Array;
  readonly rows: number;
}

export function buildItems(items: readonly ItemBytes[]): Parts {
  const parts: Parts = new Map();
  const table = new Uint32Array((items.length + 1) * COLUMNS);
  let [ordinal, head, text] = [0, 0, 0];
  items.forEach((item, i) => {
    table.set([ordinal, head, text], i * COLUMNS);
    ordinal += item.rows;
    head += item.record.byteLength;
    text += item.text.byteLength;
  });
  table.set([ordinal, head, text], items.length * COLUMNS);
  packBlocks(
    parts,
    "heads",
    concat(
      items.map((item) => item.record),
      head,
    ),
    HEAD_BLOCK_BYTES,
  );
  packBlocks(
    parts,
    "text",
    concat(
      items.map((item) => item.text),
      text,
    ),
  );
  parts.set(ITEMS, new Uint8Array(table.buffer));
  return parts;
}

/** An item lives or dies as a whole: its first row decides. */
export function mergeItems(inputs: readonly SegmentInput[], live: RowSet): Parts {
  const { kept } = mergePlan(inputs, live);
  const items: ItemBytes[] = [];
  inputs.forEach((input, i) => {
    const alive = new Set(kept[i]!);
    const table = asU32(input.parts.get(ITEMS)!);
    const heads = unpackBlocks(input.parts, "heads", HEAD_BLOCK_BYTES);
    const texts = unpackBlocks(input.parts, "text");
    for (let at = 0; at + 2 * COLUMNS <= table.length; at += COLUMNS) {
      if (!alive.has(table[at]!)) continue;
      items.push({
        record: heads.subarray(table[at + 1]!, table[at + COLUMNS + 1]!),
        text: texts.subarray(table[at + 2]!, table[at + COLUMNS + 2]!),
        rows: table[at + COLUMNS]! - table[at]!,
      });
    }
  });
  return buildItems(items);
}

/** The items of one attached segment. Resident: 12 bytes an item and the block tables. */
export class SegmentItems {
  readonly source: SegmentSource;
  readonly #table: Uint32Array;
  readonly #heads: BlockText;
  readonly #text: BlockText;

  private constructor(source: SegmentSource, table: Uint32Array, heads: BlockText, text: BlockText) {
    this.source = source;
    this.#table = table;
    this.#heads = heads;
    this.#text = text;
  }

  static async open(source: SegmentSource): Promise<SegmentItems> {
    const [table] = await source.read([{ part: ITEMS, start: 0, end: source.size(ITEMS) }]);
    return new SegmentItems(
      source,
      asU32(table!),
      await BlockText.open(source, "heads", HEAD_BLOCK_BYTES),
      await BlockText.open(source, "text"),
    );
  }

  get bytes(): number {
    return this.#table.byteLength + this.#heads.bytes + this.#text.bytes;
  }

  get textBytes(): number {
    return this.#text.length;
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

  async record(item: number): Promise<ItemRecord> {
    const at = item * COLUMNS;
    return decodeItemRecord(await this.#heads.read(this.#table[at + 1]!, this.#table[at + COLUMNS + 1]!));
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
