/** Lists under change: read whole when first needed, written back together. Rows are what their fine codes say. */
import type { Batch } from "../../../storage/store.ts";
import type { RowSet } from "../../row-set.ts";
import type { ScannedHeads } from "./heads.ts";
import type { ListReader } from "./list-reader.ts";
import type { Postings } from "./postings.ts";

export interface DraftRow {
  readonly id: number;
  readonly values: Float32Array;
}

export class Draft {
  readonly #postings: Postings;
  readonly #heads: ScannedHeads;
  readonly #reader: ListReader;
  readonly #dead: RowSet;
  readonly #lists = new Map<number, DraftRow[]>();
  /** Lists that differ from what is stored. */
  readonly #changed = new Set<number>();

  constructor(postings: Postings, heads: ScannedHeads, reader: ListReader, dead: RowSet) {
    this.#postings = postings;
    this.#heads = heads;
    this.#reader = reader;
    this.#dead = dead;
  }

  get changed(): ReadonlySet<number> {
    return this.#changed;
  }

  /** Rows of a list that are alive; borrowed. */
  async rows(list: number): Promise<readonly DraftRow[]> {
    return this.#lists.get(list) ?? (await this.#load(list));
  }

  /** @returns whether the row was not in the list already */
  async add(list: number, row: DraftRow): Promise<boolean> {
    const rows = (await this.rows(list)) as DraftRow[];
    if (rows.some(({ id }) => id === row.id)) return false;
    rows.push(row);
    this.#changed.add(list);
    return true;
  }

  replace(list: number, rows: readonly DraftRow[]): void {
    this.#lists.set(list, [...rows]);
    this.#changed.add(list);
  }

  /** Adds the writes to a batch. @returns of each list written its rows and radius */
  write(batch: Batch): { list: number; rows: number; radius: number }[] {
    return [...this.#changed].map((list) => {
      const rows = this.#lists.get(list)!;
      const before = this.#reader.directory.counts[list] ?? 0;
      if (rows.length === 0) {
        this.#postings.remove(batch, list, before);
        return { list, rows: 0, radius: 0 };
      }
      const { coder } = this.#postings.shape;
      const values = new Float32Array(rows.length * coder.dim);
      rows.forEach((row, i) => values.set(row.values, i * coder.dim));
      const codes = coder.encode(values, this.#heads.centre(list));
      this.#postings.put(batch, list, { ids: Uint32Array.from(rows, ({ id }) => id), ...codes }, before);
      return { list, rows: rows.length, radius: codes.radius };
    });
  }

  async #load(list: number): Promise<DraftRow[]> {
    const held = this.#reader.directory.counts[list] ?? 0;
    const rows: DraftRow[] = [];
    if (held > 0) {
      const { ids, fine } = await this.#postings.readWhole(list, held);
      const { dim } = this.#postings.shape.coder;
      const values = this.#postings.shape.coder.decode(fine, this.#heads.centre(list));
      ids.forEach((id, i) => {
        if (!this.#dead.has(id)) rows.push({ id, values: values.slice(i * dim, (i + 1) * dim) });
      });
    }
    this.#lists.set(list, rows);
    return rows;
  }
}
