/**
 * Metadata in columns: one run of rows per item, each field dictionary-coded, so that a filter over a thousand passages of one item
 * costs one comparison. Part `columns`: JSON of run lengths and fields; small, compressed by the library's pages with the rest.
 */
import type { RowSet as Rows } from "../row-set.ts";
import { RowSet } from "../row-set.ts";
import {
  mergePlan,
  type Parts,
  type RowIds,
  rowAt,
  type SegmentInput,
  type SegmentSource,
} from "../segment.ts";
import { compileWhere, type RunTest } from "./compile-where.ts";
import type { Meta, MetaValue, Scalar, Where } from "./where.ts";

export interface ColumnRun {
  readonly meta: Meta;
  /** Rows of the item, at least 1. */
  readonly rows: number;
}

/** One field over all runs: its distinct values, and per run the number of its value + 1, or 0 for none. */
interface Field {
  readonly values: readonly MetaValue[];
  readonly codes: readonly number[];
}

interface ColumnData {
  readonly rows: readonly number[];
  readonly fields: Readonly<Record<string, Field>>;
}

const PART = "columns";

export const columnsKind = {
  name: "columns",
  version: 1,
  build: (runs: readonly ColumnRun[]): Parts => new Map([[PART, encode(toColumns(runs))]]),
  merge: mergeColumns,
} as const;

function toColumns(runs: readonly ColumnRun[]): ColumnData {
  const fields: Record<string, { values: MetaValue[]; codes: number[]; numbers: Map<string, number> }> =
    Object.create(null);
  runs.forEach(({ meta }, run) => {
    for (const [name, value] of Object.entries(meta)) {
      fields[name] ??= { values: [], codes: new Array<number>(runs.length).fill(0), numbers: new Map() };
      const field = fields[name];
      const key = JSON.stringify(value);
      let number = field.numbers.get(key);
      if (number === undefined) {
        number = field.values.push(value);
        field.numbers.set(key, number);
      }
      field.codes[run] = number;
    }
  });
  return {
    rows: runs.map(({ rows }) => rows),
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, { values, codes }]) => [name, { values, codes }]),
    ),
  };
}

function fromColumns({ rows, fields }: ColumnData): ColumnRun[] {
  const entries = Object.entries(fields);
  return rows.map((count, run) => {
    const meta: Record<string, MetaValue> = Object.create(null);
    for (const [name, { values, codes }] of entries)
      if (codes[run]! > 0) meta[name] = values[codes[run]! - 1]!;
    return { meta, rows: count };
  });
}

const encode = (data: ColumnData): Uint8Array => new TextEncoder().encode(JSON.stringify(data));
const decode = (bytes: Uint8Array): ColumnData => JSON.parse(new TextDecoder().decode(bytes)) as ColumnData;

/** A run stays when its first row does: items live and die as a whole. */
function mergeColumns(inputs: readonly SegmentInput[], live: Rows): Parts {
  const { kept } = mergePlan(inputs, live);
  const runs: ColumnRun[] = [];
  inputs.forEach((input, i) => {
    const alive = new Set(kept[i]!);
    let ordinal = 0;
    for (const run of fromColumns(decode(input.parts.get(PART)!))) {
      if (alive.has(ordinal)) runs.push(run);
      ordinal += run.rows;
    }
  });
  return columnsKind.build(runs);
}

interface ColumnSegment {
  readonly rows: RowIds;
  readonly data: ColumnData;
  readonly bytes: number;
}

interface TailRun {
  readonly firstRow: number;
  readonly rows: number;
  readonly meta: Meta;
}

/** The columns of a library: segments and tail. */
export class Columns implements Disposable {
  readonly #segments = new Map<number, ColumnSegment>();
  #tail: TailRun[] = [];

  async attach(source: SegmentSource): Promise<void> {
    const [bytes] = await source.read([{ part: PART, start: 0, end: source.size(PART) }]);
    this.#segments.set(source.id, { rows: source.rows, data: decode(bytes!), bytes: 2 * bytes!.byteLength });
  }

  detach(segmentId: number): void {
    this.#segments.delete(segmentId);
  }

  append(firstRow: number, rows: number, meta: Meta): void {
    this.#tail.push({ firstRow, rows, meta });
  }

  trimTail(lastRow: number): void {
    this.#tail = this.#tail.filter(({ firstRow, rows }) => firstRow + rows - 1 > lastRow);
  }

  /** Rows of all items that match, dead ones included. @throws MnemeError ARGUMENT for a filter that is none. */
  evaluate(where: Where): RowSet {
    const found = new RowSet();
    const test = compileWhere(where);
    for (const { rows, data } of this.#segments.values()) evaluateSegment(rows, data, test, found);
    for (const { firstRow, rows, meta } of this.#tail)
      if (test((field) => ownValue(meta, field))) found.addRange(firstRow, firstRow + rows);
    return found;
  }

  /** Whether any item has the field. */
  has(field: string): boolean {
    return (
      [...this.#segments.values()].some(({ data }) => Object.hasOwn(data.fields, field)) ||
      this.#tail.some(({ meta }) => Object.hasOwn(meta, field))
    );
  }

  /** Items whose first row is in `rows`. */
  countItems(rows: RowSet): number {
    let count = 0;
    this.#forEachRun((firstRow) => {
      if (rows.has(firstRow)) count++;
    });
    return count;
  }

  /** Values of a field over the items in `rows`, most frequent first; a list counts for each of its values. */
  facets(field: string, rows: RowSet, limit: number): { value: string; count: number }[] {
    const counts = new Map<string, number>();
    this.#forEachRun((firstRow, valueIn) => {
      if (!rows.has(firstRow)) return;
      const value = valueIn(field);
      if (value === undefined) return;
      for (const one of Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar])
        counts.set(String(one), (counts.get(String(one)) ?? 0) + 1);
    });
    const all = [...counts].map(([value, count]) => ({ value, count }));
    return all.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)).slice(0, limit);
  }

  memory(): readonly { name: string; bytes: number }[] {
    let bytes = this.#tail.length * 200;
    for (const segment of this.#segments.values()) bytes += segment.bytes;
    return [{ name: "columns", bytes }];
  }

  [Symbol.dispose](): void {
    this.#segments.clear();
    this.#tail = [];
  }

  #forEachRun(visit: (firstRow: number, valueIn: (field: string) => MetaValue | undefined) => void): void {
    for (const { rows, data } of this.#segments.values()) {
      let ordinal = 0;
      data.rows.forEach((count, run) => {
        visit(rowAt(rows, ordinal), (field) => valueAt(data, field, run));
        ordinal += count;
      });
    }
    for (const { firstRow, meta } of this.#tail) visit(firstRow, (field) => ownValue(meta, field));
  }
}

function valueAt(data: ColumnData, field: string, run: number): MetaValue | undefined {
  const column = Object.hasOwn(data.fields, field) ? data.fields[field] : undefined;
  const code = column?.codes[run] ?? 0;
  return code === 0 ? undefined : column!.values[code - 1];
}

function evaluateSegment(rows: RowIds, data: ColumnData, test: RunTest, found: RowSet): void {
  let ordinal = 0;
  data.rows.forEach((count, run) => {
    if (test((field) => valueAt(data, field, run))) {
      if (rows.base !== null) found.addRange(rows.base + ordinal, rows.base + ordinal + count);
      else for (let i = 0; i < count; i++) found.add(rowAt(rows, ordinal + i));
    }
    ordinal += count;
  });
}

/** Fields named like what every object inherits (`constructor`) are fields only when the item has them. */
function ownValue(meta: Meta, field: string): MetaValue | undefined {
  return Object.hasOwn(meta, field) ? meta[field] : undefined;
}
