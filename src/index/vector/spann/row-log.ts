/**
 * The log of rows that have come: records of some rows each, written when the rows come and deleted when all of them are in the stored lists.
 * A record is one value of the store: u32 build, u32 rows, their numbers, their values as f32.
 */
import { MnemeError } from "../../../errors.ts";
import { type Matrix, matrix } from "../../../linalg/index.ts";
import { PAGE_BYTES } from "../../../storage/pages.ts";
import type { Batch, Key, ReadableStore } from "../../../storage/store.ts";
import type { About } from "./about.ts";
import { NAMESPACE } from "./postings.ts";

const HEADER = 8;

/** Records [first, end). */
export interface LogRange {
  readonly first: number;
  readonly end: number;
}

export interface LoggedRows {
  readonly ids: Uint32Array;
  readonly values: Matrix;
}

const recordKey = (name: string, record: number): Key => [name, "log", record];

/** Rows of a record: as many as fill some whole pages of the store. */
export const recordRows = (width: number): number =>
  Math.max(1, Math.floor((PAGE_BYTES - HEADER) / (4 + width * 4)));

/** The records of an index, as far as they are still needed. */
export class RowLog {
  readonly #name: string;
  readonly #build: number;
  /** Largest number of a row in each of the records from `first` on. */
  readonly #lastRows: number[];
  #first: number;
  /** Records that are to be deleted: [from, first). */
  #deleted: number;

  constructor(name: string, build: number, { first }: LogRange, lastRows: readonly number[]) {
    this.#name = name;
    this.#build = build;
    this.#first = first;
    this.#deleted = first;
    this.#lastRows = [...lastRows];
  }

  get range(): LogRange {
    return { first: this.#first, end: this.#first + this.#lastRows.length };
  }

  get bytes(): number {
    return this.#lastRows.length * 8;
  }

  /** Writes rows as new records. @param ids ascending, above all of before */
  append(batch: Batch, ids: Uint32Array, rows: Matrix): void {
    const step = recordRows(rows.cols);
    for (let from = 0; from < ids.length; from += step) {
      const some = ids.subarray(from, from + step);
      const values = rows.data.subarray(from * rows.cols, (from + some.length) * rows.cols);
      batch.put(NAMESPACE, recordKey(this.#name, this.range.end), this.#record(some, values));
      this.#lastRows.push(some.at(-1)!);
    }
  }

  /** Records before that of row `oldest` are needed no more; none is, where it is undefined. */
  trim(oldest = Number.POSITIVE_INFINITY): void {
    let gone = 0;
    while (gone < this.#lastRows.length && this.#lastRows[gone]! < oldest) gone++;
    this.#lastRows.splice(0, gone);
    this.#first += gone;
  }

  /** Deletes what is needed no more. */
  write(batch: Batch): void {
    for (; this.#deleted < this.#first; this.#deleted++)
      batch.delete(NAMESPACE, recordKey(this.#name, this.#deleted));
  }

  #record(ids: Uint32Array, values: Float32Array): Uint8Array {
    const words = new Uint32Array(2 + ids.length + values.length);
    words[0] = this.#build;
    words[1] = ids.length;
    words.set(ids, 2);
    new Float32Array(words.buffer).set(values, 2 + ids.length);
    return new Uint8Array(words.buffer);
  }
}

/** @param onDamage is told which record cannot be read, if it may be passed over. @throws MnemeError CORRUPT, VERSION */
export async function readLog(
  store: ReadableStore,
  name: string,
  { build, log }: About,
  width: number,
  onDamage?: (record: number) => void,
): Promise<LoggedRows[]> {
  const records: LoggedRows[] = [];
  for (let record = log?.first ?? 0; record < (log?.end ?? 0); record++) {
    try {
      const [value] = await store.getMany(NAMESPACE, [recordKey(name, record)]);
      records.push(parsed(value, build, width, `spann "${name}": record ${record} of its log`));
    } catch (error) {
      if (!(onDamage && error instanceof MnemeError && error.code === "CORRUPT")) throw error;
      onDamage(record);
      records.push({ ids: new Uint32Array(0), values: matrix(0, width) });
    }
  }
  return records;
}

function parsed(value: Uint8Array | undefined, build: number, width: number, what: string): LoggedRows {
  const words = new Uint32Array((value?.length ?? 0) >> 2);
  if (value) new Uint8Array(words.buffer).set(value.subarray(0, words.byteLength));
  const rows = words[1] ?? 0;
  if (rows === 0 || value!.length !== HEADER + rows * (4 + width * 4))
    throw new MnemeError(
      "CORRUPT",
      `${what} is ${value ? "damaged" : "missing"}; open with \`serveDamaged\` and repair the index, or build it again`,
    );
  if (words[0] !== build)
    throw new MnemeError(
      "VERSION",
      `${what} is of build ${words[0]}, the heads are of build ${build}; build the index again`,
    );
  const values = new Float32Array(words.buffer, HEADER + rows * 4);
  return { ids: words.slice(2, 2 + rows), values: matrix(rows, width, values) };
}
