/** The cube of a library: the labels of its segments where they lie, and those of the tail in memory. Rows come and go with segments; deletes are the library's business. */
import { RowSet } from "../row-set.ts";
import { type RowIds, rowAt, type SegmentSource } from "../segment.ts";
import { CubeIndex, type Labels } from "./cube-index.ts";
import { labelsPart } from "./cube-kind.ts";
import { labelKey } from "./label.ts";
import { LabelTable } from "./label-table.ts";
import type { CubeView } from "./view.ts";

interface FiledSegment {
  readonly rows: RowIds;
  readonly tables: readonly LabelTable[];
}

export class SegmentedCube implements CubeView {
  readonly dimensions: readonly string[];
  readonly #segments = new Map<number, FiledSegment>();
  #tail: CubeIndex;
  #last = -1;
  /** Labels of rows of the tail: a segment made of them need not find them again. */
  readonly #labels = new Map<number, Labels>();

  /** @throws MnemeError ARGUMENT as `CubeIndex` */
  constructor(dimensions: readonly string[]) {
    this.dimensions = [...dimensions];
    this.#tail = new CubeIndex(dimensions);
  }

  /** Takes a segment's labels; rows of the tail that are its own are let go of. @throws MnemeError CORRUPT */
  async attach(source: SegmentSource): Promise<void> {
    const ranges = this.dimensions.map((_, i) => {
      const part = labelsPart(i);
      return { part, start: 0, end: source.size(part) };
    });
    const tables = (await source.read(ranges)).map((bytes) => new LabelTable(bytes));
    const { rows, id } = source;
    this.#segments.set(id, { rows, tables });
    for (let i = 0; i < rows.count && this.#labels.size > 0; i++) {
      const row = rowAt(rows, i);
      if (this.#labels.delete(row)) this.#tail.delete(row);
    }
  }

  detach(segmentId: number): void {
    this.#segments.delete(segmentId);
  }

  has(segmentId: number): boolean {
    return this.#segments.has(segmentId);
  }

  get segmentIds(): readonly number[] {
    return [...this.#segments.keys()];
  }

  /** Files a row of the tail. @throws MnemeError as `CubeIndex.add` */
  append(row: number, labels: Labels): void {
    if (row > this.#last) this.#tail.add(row, labels);
    this.#labels.set(row, labels);
    if (row <= this.#last) this.#renewTail(); // commits that were under way together may be applied in another order
    this.#last = Math.max(this.#last, row);
  }

  #renewTail(): void {
    this.#tail = new CubeIndex(this.dimensions);
    for (const [row, labels] of [...this.#labels].sort(([a], [b]) => a - b)) this.#tail.add(row, labels);
  }

  /** Labels of a row of the tail, where it was filed. */
  tailLabels(row: number): Labels | undefined {
    return this.#labels.get(row);
  }

  clearTail(): void {
    this.#tail = new CubeIndex(this.dimensions);
    this.#labels.clear();
    this.#last = -1;
  }

  get size(): number {
    let size = this.#tail.size;
    for (const { rows } of this.#segments.values()) size += rows.count;
    return size;
  }

  /** Labels of all segments and of the tail; one that several have counts in each. */
  get labelCount(): number {
    let count = this.#tail.labelCount;
    for (const { tables } of this.#segments.values()) for (const table of tables) count += table.count;
    return count;
  }

  count(dimension: string, key: string): number {
    let count = this.#tail.count(dimension, key);
    this.#eachTable(dimension, (table) => {
      const number = table.find(key);
      if (number >= 0) count += table.rowsAt(number);
    });
    return count;
  }

  labelOf(dimension: string, key: string): string | undefined {
    let label: string | undefined;
    this.#eachTable(dimension, (table) => {
      const number = label === undefined ? table.find(key) : -1;
      if (number >= 0) label = table.labelAt(number);
    });
    return label ?? this.#tail.labelOf(dimension, key);
  }

  each(dimension: string, key: string, take: (row: number, times: number) => void): void {
    this.#eachTable(dimension, (table, rows) => {
      const number = table.find(key);
      if (number >= 0) table.each(number, (ordinal, times) => take(rowAt(rows, ordinal), times));
    });
    this.#tail.each(dimension, key, take);
  }

  *keys(dimension: string): IterableIterator<string> {
    const seen = new Set<string>();
    for (const { key } of this.entries(dimension)) {
      if (seen.has(key)) continue;
      seen.add(key);
      yield key;
    }
  }

  /** Every label of a dimension: once for each segment that has it. `each` gives its rows there. */
  *entries(
    dimension: string,
  ): Generator<{ key: string; label: () => string; each: (take: (row: number) => void) => void }> {
    const at = this.#numberOf(dimension);
    for (const { rows, tables } of this.#segments.values()) {
      const table = tables[at]!;
      for (let number = 0; number < table.count; number++)
        yield {
          key: table.keyAt(number),
          label: () => table.labelAt(number),
          each: (take) => table.each(number, (ordinal) => take(rowAt(rows, ordinal))),
        };
    }
    for (const { key, label } of this.#tail.stored(dimension))
      yield { key, label: () => label, each: (take) => this.#tail.each(dimension, key, take) };
  }

  /** Rows of a label, as a filter. @throws MnemeError ARGUMENT for a dimension that there is not */
  rowsOf(dimension: string, label: string): RowSet {
    const rows = new RowSet();
    this.each(dimension, labelKey(label), (row) => rows.add(row));
    return rows;
  }

  memory(): readonly { readonly name: string; readonly bytes: number }[] {
    let bytes = 0;
    for (const { tables } of this.#segments.values())
      for (const { byteLength } of tables) bytes += byteLength;
    // labels of the tail once in the index and once as they were found
    const tail = this.#tail.memory().reduce((sum, one) => sum + 2 * one.bytes, 0);
    return [
      { name: "cube: labels", bytes },
      { name: "cube: tail", bytes: tail },
    ];
  }

  #eachTable(dimension: string, take: (table: LabelTable, rows: RowIds) => void): void {
    const at = this.#numberOf(dimension);
    for (const { rows, tables } of this.#segments.values()) take(tables[at]!, rows);
  }

  /** @throws MnemeError ARGUMENT */
  #numberOf(dimension: string): number {
    const at = this.dimensions.indexOf(dimension);
    return at >= 0 ? at : this.#tail.refuse(dimension);
  }
}
