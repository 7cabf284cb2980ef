/** A cell of the cube: rows that have a label and how often, in the bytes of their differences. Rows come in ascending order. */
import { ByteReader, ByteWriter } from "../../varint.ts";

export class Cell {
  readonly #bytes: ByteWriter;
  #last = -1;
  #count = 0;

  constructor(bytes: ByteWriter = new ByteWriter(16)) {
    this.#bytes = bytes;
  }

  /** The cell whose `bytes` these are. */
  static from(bytes: Uint8Array, count: number, last: number): Cell {
    const writer = new ByteWriter(bytes.length);
    writer.bytes(bytes);
    const cell = new Cell(writer);
    cell.#last = last;
    cell.#count = count;
    return cell;
  }

  /** Rows, deleted ones too until they are dropped. */
  get count(): number {
    return this.#count;
  }

  get last(): number {
    return this.#last;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  finish(): Uint8Array {
    return this.#bytes.finish();
  }

  /** @param row above all before @param times from 1 */
  push(row: number, times: number): void {
    this.#bytes.varint(row - this.#last - 1);
    this.#bytes.varint(times);
    this.#last = row;
    this.#count++;
  }

  /** Calls `take` for each row in ascending order. */
  each(take: (row: number, times: number) => void): void {
    const reader = new ByteReader(this.#bytes.written);
    let row = -1;
    for (let i = 0; i < this.#count; i++) {
      row += reader.varint() + 1;
      take(row, reader.varint());
    }
  }

  /** The same cell without some rows. */
  without(isDropped: (row: number) => boolean): Cell {
    const kept = new Cell();
    this.each((row, times) => {
      if (!isDropped(row)) kept.push(row, times);
    });
    return kept;
  }
}
