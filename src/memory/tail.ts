/** The tail: items that are durable in the log but not yet in a segment, in row order. */
import type { Meta } from "../index/filter/where.ts";
import type { SparseVector } from "../index/sparse/weights.ts";
import type { ItemRecord } from "./item-record.ts";

/** One item with everything that a segment will need of it. */
export interface TailItem {
  readonly firstRow: number;
  /** Passages, hence rows. */
  readonly rows: number;
  readonly record: ItemRecord;
  /** UTF-8 of the whole text. */
  readonly text: Uint8Array;
  /** Text of each passage as the words index sees it: headings and body. */
  readonly passages: readonly string[];
  /** One vector a passage, in the active space: rows x dim. */
  readonly vectors: Float32Array;
  /** Metadata with Mneme's own `$` fields. */
  readonly columns: Meta;
  /** Learnt sparse vector of its one passage. */
  readonly sparse?: SparseVector;
}

/** Rough RAM of an item beside its text: record, strings, arrays. */
const ITEM_OVERHEAD_BYTES = 600;

export class Tail {
  #items: TailItem[] = [];
  #rows = 0;
  #bytes = 0;

  get items(): readonly TailItem[] {
    return this.#items;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(item: TailItem): void {
    this.#items.push(item);
    this.#rows += item.rows;
    this.#bytes += sizeOfTailItem(item);
  }

  /** Forgets items whose rows end at or before `lastRow`. */
  trim(lastRow: number): void {
    const kept = this.#items.filter((item) => item.firstRow + item.rows - 1 > lastRow);
    this.#items = kept;
    this.#rows = kept.reduce((sum, item) => sum + item.rows, 0);
    this.#bytes = kept.reduce((sum, item) => sum + sizeOfTailItem(item), 0);
  }

  itemOf(row: number): TailItem | undefined {
    return this.#items.find((item) => row >= item.firstRow && row < item.firstRow + item.rows);
  }
}

/** Rough bytes of a token with its weight: in the item and in the sparse index. */
const TOKEN_BYTES = 120;

/** RAM of one item. */
export function sizeOfTailItem({
  text,
  vectors,
  sparse,
}: Pick<TailItem, "text" | "vectors" | "sparse">): number {
  const tokens = sparse ? Object.keys(sparse).length : 0;
  return text.byteLength * 2 + vectors.byteLength + tokens * TOKEN_BYTES + ITEM_OVERHEAD_BYTES;
}
