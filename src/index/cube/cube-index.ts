/**
 * Hypercube: documents filed under labels in several dimensions (place, person, theme ...), found by the labels that a question names
 * (Hypercube-RAG: Shi et al., Hypercube-Based Retrieval-Augmented Generation for Scientific Question-Answering, 2025). A cell is the rows of one
 * label; the cube is as many maps from labels to cells as there are dimensions, never their product.
 */
import { MnemeError } from "../../errors.ts";
import type { RowSet } from "../row-set.ts";
import { RowSet as Rows } from "../row-set.ts";
import { Cell } from "./cell.ts";
import { themeDefaults } from "./extract/themes.ts";
import { labelKey } from "./label.ts";
import type { CubeView } from "./view.ts";

/** Labels of one document by dimension, and how often each occurs. */
export type Labels = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface LabelCount {
  /** As it was written first. */
  readonly label: string;
  /** Rows that have it. */
  readonly count: number;
}

export interface StoredLabel {
  readonly key: string;
  readonly label: string;
  readonly cell: Cell;
}

/** Whether a label of several words occurs in one row, and there no more often than once at its beginning. */
export function isOnce(key: string, cell: Cell): boolean {
  if (cell.count !== 1 || !key.includes(" ")) return false;
  let isOne = true;
  cell.each((_, times) => {
    isOne = times === 1 || times === themeDefaults.leadTimes;
  });
  return isOne;
}

/** Rows that were deleted beside those that are there, before cells are written anew. */
const DROP_SHARE = 0.25;
const MOST_TIMES = 0xffff;

export class CubeIndex implements CubeView {
  readonly #dimensions: Map<string, Map<string, { label: string; cell: Cell }>>;
  /** Dimensions that were declared; others are refused. */
  readonly dimensions: readonly string[];
  #last = -1;
  readonly #rows = new Rows();
  readonly #dead = new Rows();
  #deadCount = 0;
  #count = 0;

  /** @throws MnemeError ARGUMENT for none, or one named twice */
  constructor(dimensions: readonly string[]) {
    if (dimensions.length === 0 || new Set(dimensions).size !== dimensions.length)
      throw new MnemeError(
        "ARGUMENT",
        `cube: dimensions ${JSON.stringify(dimensions)}; name at least one, and each once`,
      );
    this.dimensions = [...dimensions];
    this.#dimensions = new Map(dimensions.map((name) => [name, new Map()]));
  }

  /** Rows that can be found. */
  get size(): number {
    return this.#count;
  }

  /**
   * Files a row. @param row above all that were ever there @returns labels that were left out: they do not occur, are nothing but signs, or sentences
   * @throws MnemeError ARGUMENT (a dimension that is not declared, rows out of order), RANGE (a count below 0); then nothing was filed
   */
  add(row: number, labels: Labels): number {
    if (!Number.isInteger(row) || row <= this.#last)
      throw new MnemeError(
        "ARGUMENT",
        `cube: row ${row} after row ${this.#last}; rows are added in ascending order`,
      );
    const { filed, skipped } = this.#checked(labels);
    this.#last = row;
    this.#rows.add(row);
    this.#count++;
    for (const [dimension, ofIt] of filed)
      for (const [key, { label, times }] of ofIt)
        this.#file(dimension, key, label).push(row, Math.min(times, MOST_TIMES));
    return skipped;
  }

  /** @returns false where there is no such row */
  delete(row: number): boolean {
    if (!this.#rows.has(row)) return false;
    this.#rows.delete(row);
    this.#dead.add(row);
    this.#count--;
    this.#deadCount++;
    if (this.#deadCount > DROP_SHARE * this.#count) this.drop();
    return true;
  }

  /** Takes away labels of several words that one row has once: no phrase of this corpus. */
  dropOnce(dimension: string): void {
    const labels = this.#of(dimension);
    for (const [key, { cell }] of labels) if (isOnce(key, cell)) labels.delete(key);
  }

  /** Writes cells without deleted rows. */
  drop(): void {
    if (this.#deadCount === 0) return;
    for (const labels of this.#dimensions.values())
      for (const [key, { label, cell }] of labels) {
        const kept = cell.without((row) => this.#dead.has(row));
        if (kept.count === 0) labels.delete(key);
        else labels.set(key, { label, cell: kept });
      }
    for (const row of [...this.#dead]) this.#dead.delete(row);
    this.#deadCount = 0;
  }

  has(row: number): boolean {
    return this.#rows.has(row);
  }

  /** The cell of a label in a dimension, by its key. */
  cell(dimension: string, key: string): Cell | undefined {
    return this.#of(dimension).get(key)?.cell;
  }

  /** Labels of all dimensions. */
  get labelCount(): number {
    let count = 0;
    for (const labels of this.#dimensions.values()) count += labels.size;
    return count;
  }

  count(dimension: string, key: string): number {
    return this.cell(dimension, key)?.count ?? 0;
  }

  /** A label as it was written first. */
  labelOf(dimension: string, key: string): string | undefined {
    return this.#of(dimension).get(key)?.label;
  }

  /** Calls `take` for each row of a cell that can be found. */
  each(dimension: string, key: string, take: (row: number, times: number) => void): void {
    const isWhole = this.#deadCount === 0;
    this.cell(dimension, key)?.each(
      isWhole
        ? take
        : (row, times) => {
            if (this.#rows.has(row)) take(row, times);
          },
    );
  }

  /** Keys of all labels of a dimension. */
  keys(dimension: string): IterableIterator<string> {
    return this.#of(dimension).keys();
  }

  /** Labels of a dimension, the most frequent first: facets. @param among only these rows count */
  labels(
    dimension: string,
    options: { readonly limit?: number; readonly among?: RowSet } = {},
  ): LabelCount[] {
    const { limit = 50, among } = options;
    const counts: LabelCount[] = [];
    for (const [key, { label }] of this.#of(dimension)) {
      let count = 0;
      this.each(dimension, key, (row) => {
        if (!among || among.has(row)) count++;
      });
      if (count > 0) counts.push({ label, count });
    }
    counts.sort((a, b) => b.count - a.count || (a.label < b.label ? -1 : 1));
    return counts.slice(0, limit);
  }

  /** Rows of a label, as a filter. */
  rowsOf(dimension: string, label: string): RowSet {
    const rows = new Rows();
    this.each(dimension, labelKey(label), (row) => rows.add(row));
    return rows;
  }

  /** Every label of a dimension with its cell, for a store. */
  *stored(dimension: string): Generator<StoredLabel> {
    for (const [key, { label, cell }] of this.#of(dimension)) yield { key, label, cell };
  }

  /** Puts back what `stored` gave, and rows without labels. */
  restore(dimension: string, { key, label, cell }: StoredLabel): void {
    this.#of(dimension).set(key, { label, cell });
  }

  /** Rows that there are, for a store. */
  get rows(): RowSet {
    return this.#rows;
  }

  restoreRows(rows: Iterable<number>): void {
    for (const row of rows) {
      this.#rows.add(row);
      this.#last = Math.max(this.#last, row);
      this.#count++;
    }
  }

  memory(): readonly { readonly name: string; readonly bytes: number }[] {
    let cells = 0;
    let labels = 0;
    for (const map of this.#dimensions.values())
      for (const [key, { label, cell }] of map) {
        cells += cell.byteLength;
        // a string's head and its characters, and an entry of a map
        labels += 64 + key.length + label.length;
      }
    return [
      { name: "cube: cells", bytes: cells + this.#rows.bytes + this.#dead.bytes },
      { name: "cube: labels", bytes: labels },
    ];
  }

  #of(dimension: string): Map<string, { label: string; cell: Cell }> {
    const labels = this.#dimensions.get(dimension);
    return labels ?? this.refuse(dimension);
  }

  /** @throws MnemeError ARGUMENT, always: there is no such dimension */
  refuse(dimension: string): never {
    throw new MnemeError(
      "ARGUMENT",
      `cube: no dimension ${JSON.stringify(dimension)}; there are ${this.dimensions.join(", ")}`,
    );
  }

  /** Labels by key: two spellings of a label in one row are one label. */
  #checked(labels: Labels): {
    filed: Map<string, Map<string, { label: string; times: number }>>;
    skipped: number;
  } {
    const filed = new Map<string, Map<string, { label: string; times: number }>>();
    let skipped = 0;
    for (const [dimension, ofIt] of Object.entries(labels)) {
      this.#of(dimension);
      const merged = new Map<string, { label: string; times: number }>();
      filed.set(dimension, merged);
      for (const [label, times] of Object.entries(ofIt)) {
        if (!Number.isInteger(times) || times < 0)
          throw new MnemeError(
            "RANGE",
            `cube: ${JSON.stringify(label)} occurs ${times} times in ${dimension}; a whole number from 0 is needed`,
          );
        const key = labelKey(label);
        const there = merged.get(key);
        if (key === "" || times === 0) skipped++;
        else if (there) there.times += times;
        else merged.set(key, { label, times });
      }
    }
    return { filed, skipped };
  }

  #file(dimension: string, key: string, label: string): Cell {
    const labels = this.#of(dimension);
    let entry = labels.get(key);
    if (!entry) {
      entry = { label, cell: new Cell() };
      labels.set(key, entry);
    }
    return entry.cell;
  }
}
