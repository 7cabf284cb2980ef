/**
 * Lists under change: read whole when first needed, or only appended to; made ready for the store while searches go on among the old ones.
 * Rows that are read are what their fine codes say.
 */

import type { HeadsDraft } from "./heads-draft.ts";
import { BLOCK_ROWS } from "./list-codes.ts";
import type { ListReader } from "./list-reader.ts";
import type { LiveRows } from "./live-rows.ts";
import type { ListValues, Postings } from "./postings.ts";

export interface DraftRow {
  readonly id: number;
  readonly values: Float32Array;
}

/** A list as it will be. */
export interface DraftedList extends ListValues {
  readonly radius: number;
}

export class Draft {
  /** Lets others have the thread when it is time; throws where the index is closed. */
  readonly breathe: () => Promise<void>;
  readonly #postings: Postings;
  readonly #heads: HeadsDraft;
  readonly #reader: ListReader;
  readonly #live: LiveRows;
  readonly #lists = new Map<number, DraftRow[]>();
  /** Rows behind those of lists that were not read. */
  readonly #appended = new Map<number, DraftRow[]>();
  /** Lists that differ from what is stored. */
  readonly #changed = new Set<number>();

  constructor(
    postings: Postings,
    heads: HeadsDraft,
    reader: ListReader,
    live: LiveRows,
    breathe: () => Promise<void>,
  ) {
    this.#postings = postings;
    this.#heads = heads;
    this.#reader = reader;
    this.#live = live;
    this.breathe = breathe;
  }

  get changed(): ReadonlySet<number> {
    return this.#changed;
  }

  /** Rows of a list that are alive; borrowed. */
  async rows(list: number): Promise<readonly DraftRow[]> {
    return this.#lists.get(list) ?? (await this.#load(list));
  }

  /** Rows of a list, deleted ones too where it was not read. */
  count(list: number): number {
    const read = this.#lists.get(list);
    return read ? read.length : this.#held(list) + (this.#appended.get(list)?.length ?? 0);
  }

  /** Whether all that happened to the list is that rows came. */
  isLonger(list: number): boolean {
    return this.#appended.has(list);
  }

  /** Adds a row that is in no list yet. */
  append(list: number, row: DraftRow): void {
    const rows = this.#lists.get(list) ?? this.#appended.get(list);
    if (rows) rows.push(row);
    else if (this.#held(list) === 0) this.#lists.set(list, [row]);
    else this.#appended.set(list, [row]);
    this.#changed.add(list);
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
    this.#appended.delete(list);
    this.#changed.add(list);
  }

  /** Whether a list has rows that were deleted. */
  hasDead(list: number): boolean {
    const held = this.#held(list);
    return held > 0 && this.#postings.readIds(list, held).some((id) => !this.#live.has(id));
  }

  /** What of the changed lists is to be written. */
  async drafted(): Promise<DraftedList[]> {
    const lists: DraftedList[] = [];
    for (const list of this.#changed) {
      await this.breathe();
      const appended = this.#appended.get(list);
      lists.push(appended ? this.#longer(list, appended) : this.#whole(list));
    }
    return lists;
  }

  #whole(list: number): DraftedList {
    const rows = this.#lists.get(list)!;
    const { coder } = this.#postings.shape;
    const values = new Float32Array(rows.length * coder.dim);
    rows.forEach((row, i) => values.set(row.values, i * coder.dim));
    const codes = coder.encode(values, this.#heads.centre(list));
    const ids = Uint32Array.from(rows, ({ id }) => id);
    return { ...this.#postings.values(list, { ids, ...codes }, this.#held(list)), radius: codes.radius };
  }

  #longer(list: number, rows: readonly DraftRow[]): DraftedList {
    const { coder } = this.#postings.shape;
    const held = this.#held(list);
    const centre = this.#heads.centre(list);
    const codes = rows.map(({ values }) => coder.encode(values, centre));
    const fine = new Uint8Array(rows.length * coder.fineBytes);
    codes.forEach((one, i) => fine.set(one.fine, i * coder.fineBytes));
    const squares = codes.reduce((sum, { radius }) => sum + radius ** 2, 0);
    const before = this.#reader.directory.radii[list] ?? 0;
    return {
      ...this.#postings.appended(
        list,
        held,
        rows.map(({ id }) => id),
        codes.map(({ coarse }) => coarse.subarray(0, BLOCK_ROWS * coder.coarseBytes)),
        fine,
      ),
      radius: Math.sqrt((before ** 2 * held + squares) / (held + rows.length)),
    };
  }

  /** Rows of the list as it is stored. */
  #held(list: number): number {
    return this.#reader.directory.counts[list] ?? 0;
  }

  async #load(list: number): Promise<DraftRow[]> {
    const held = this.#held(list);
    const rows: DraftRow[] = [];
    if (held > 0) {
      const { ids, fine } = await this.#postings.readWhole(list, held);
      const { dim } = this.#postings.shape.coder;
      const values = this.#postings.shape.coder.decode(fine, this.#heads.centre(list));
      ids.forEach((id, i) => {
        if (this.#live.has(id)) rows.push({ id, values: values.subarray(i * dim, (i + 1) * dim) });
      });
    }
    rows.push(...(this.#appended.get(list) ?? []));
    this.#appended.delete(list);
    this.#lists.set(list, rows);
    return rows;
  }
}
