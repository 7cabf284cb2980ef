/**
 * Lists under change: read whole when first needed, or only appended to; made ready for the store while searches go on among the old ones.
 * Rows that are read are what their fine codes say.
 */
import { kernels } from "../../../kernels/index.ts";
import { BLOCK_ROWS } from "./coarse-codes.ts";
import type { HeadsDraft } from "./heads-draft.ts";
import type { ListCoder } from "./list-codes.ts";
import type { ListReader } from "./list-reader.ts";
import type { LiveRows } from "./live-rows.ts";
import type { PendingRows } from "./pending.ts";
import type { ListValue, ListValues, Postings } from "./postings.ts";
import { orderBySpread } from "./row-order.ts";

export interface DraftRow {
  readonly id: number;
  readonly values: Float32Array;
  /** The list that it was read from, and its place there: the codes that it has there need not be made again. */
  readonly from?: number;
  readonly place?: number;
}

/** A list as it will be. */
export interface DraftedList extends ListValues {
  readonly radius: number;
}

/** A row as it lies in a list: most are moved on as they are, and never asked for their values. */
class StoredRow implements DraftRow {
  readonly id: number;
  readonly from: number;
  readonly place: number;
  readonly #coder: ListCoder;
  readonly #fine: Uint8Array;
  readonly #centre: Float32Array;
  #values: Float32Array | undefined;

  constructor(
    coder: ListCoder,
    fine: Uint8Array,
    centre: Float32Array,
    from: number,
    id: number,
    place: number,
  ) {
    this.#coder = coder;
    this.#fine = fine;
    this.#centre = centre;
    this.from = from;
    this.id = id;
    this.place = place;
  }

  get values(): Float32Array {
    const { fineBytes } = this.#coder;
    const codes = this.#fine.subarray(this.place * fineBytes, (this.place + 1) * fineBytes);
    this.#values ??= this.#coder.decode(codes, this.#centre);
    return this.#values;
  }
}

export class Draft {
  /** Lets others have the thread when it is time; throws where the index is closed. */
  readonly breathe: () => Promise<void>;
  readonly #postings: Postings;
  readonly #heads: HeadsDraft;
  readonly #reader: ListReader;
  readonly #live: LiveRows;
  readonly #pending: PendingRows;
  readonly #lists = new Map<number, DraftRow[]>();
  /** Rows behind those of lists that were not read. */
  readonly #appended = new Map<number, DraftRow[]>();
  /** Lists that only lose their deleted rows. */
  readonly #shorter = new Set<number>();
  /** What was read of lists. */
  readonly #stored = new Map<number, ListValue>();
  /** Lists that differ from what is stored. */
  readonly #changed = new Set<number>();

  constructor(
    postings: Postings,
    heads: HeadsDraft,
    reader: ListReader,
    live: LiveRows,
    pending: PendingRows,
    breathe: () => Promise<void>,
  ) {
    this.#postings = postings;
    this.#heads = heads;
    this.#reader = reader;
    this.#live = live;
    this.#pending = pending;
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
    if (this.#shorter.has(list)) return this.#alive(this.#postings.readIds(list, this.#held(list)));
    return read
      ? read.length
      : this.#held(list) + (this.#appended.get(list) ?? this.#pending.of(list)).length;
  }

  /** Whether all that happened to the list is that rows came. */
  isLonger(list: number): boolean {
    return this.#appended.has(list);
  }

  /** Puts the rows that wait for a list in it. */
  take(list: number): void {
    this.#changed.add(list);
    if (this.#lists.has(list) || this.#appended.has(list)) return;
    const lists = this.#held(list) === 0 ? this.#lists : this.#appended;
    lists.set(list, this.waiting(list));
  }

  /** Rows that wait for a list. */
  waiting(list: number): DraftRow[] {
    const pending = this.#pending;
    return pending.of(list).map((slot) => ({ id: pending.id(slot), values: pending.values(slot) }));
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
    this.#shorter.delete(list);
    this.#appended.delete(list);
    this.#changed.add(list);
  }

  /**
   * Takes the deleted rows out of a list, whose other rows keep their codes.
   * @param least share of the rows that must have been deleted
   */
  async shorten(list: number, least: number): Promise<void> {
    const held = this.#held(list);
    if (held === 0 || this.#changed.has(list)) return;
    const dead = held - this.#alive(this.#postings.readIds(list, held));
    if (dead === 0 || dead < least * held) return;
    this.#changed.add(list);
    if (this.#pending.of(list).length > 0) await this.rows(list);
    else this.#shorter.add(list);
  }

  /**
   * Places of the rows of a list that are nearer to one of some points than to all of some others, deleted ones too; undefined where something
   * has happened to the list: it is to be looked through row by row.
   */
  async nearerPlaces(
    list: number,
    points: readonly Float32Array[],
    others: readonly Float32Array[],
  ): Promise<ReadonlySet<number> | undefined> {
    if (this.#lists.has(list) || this.#appended.has(list) || this.#pending.of(list).length > 0)
      return undefined;
    const held = this.#held(list);
    const places = new Set<number>();
    if (held === 0) return places;
    const centre = this.#heads.centre(list);
    const { coder } = this.#postings.shape;
    using codes = kernels().arena.alloc(held * coder.fineBytes);
    await this.#postings.readAllFine(list, held, (bytes, at) => codes.u8().set(bytes, at));
    const fine = codes.u8().subarray(0, held * coder.fineBytes);
    const [near, far] = [coder.least(fine, centre, points), coder.least(fine, centre, others)];
    for (let place = 0; place < held; place++) if (near[place]! < far[place]!) places.add(place);
    return places;
  }

  /** What of the changed lists is to be written. */
  async drafted(): Promise<DraftedList[]> {
    const lists: DraftedList[] = [];
    for (const list of this.#changed) {
      await this.breathe();
      const appended = this.#appended.get(list);
      if (this.#shorter.has(list)) lists.push(await this.#shortened(list));
      else if (!appended) lists.push(this.#whole(list));
      else if (appended.length > 0) lists.push(this.#longer(list, appended));
    }
    return lists;
  }

  /** The radius stays as it was: the rows that went were not of another kind. */
  async #shortened(list: number): Promise<DraftedList> {
    const stored = await this.#read(list);
    const { coder } = this.#postings.shape;
    const { fineBytes } = coder;
    const rows = this.#alive(stored.ids);
    const ids = new Uint32Array(rows);
    const coarse = new Uint8Array(coder.blockBytes(rows));
    const fine = new Uint8Array(rows * fineBytes);
    let to = 0;
    stored.ids.forEach((id, place) => {
      if (!this.#live.has(id)) return;
      ids[to] = id;
      coder.putRow(coarse, to, stored.coarse, place);
      fine.set(stored.fine.subarray(place * fineBytes, (place + 1) * fineBytes), to * fineBytes);
      to++;
    });
    const radius = rows === 0 ? 0 : this.#reader.directory.radii[list]!;
    return { ...this.#postings.values(list, { ids, coarse, fine }, this.#held(list)), radius };
  }

  /** How many of the rows were not deleted. */
  #alive(ids: Uint32Array): number {
    let alive = 0;
    for (const id of ids) if (this.#live.has(id)) alive++;
    return alive;
  }

  #whole(list: number): DraftedList {
    const rows = this.#lists.get(list)!;
    const before = this.#held(list);
    const stored = this.#heads.isAsBefore(list) ? this.#stored.get(list) : undefined;
    if (stored) return this.#patched(list, rows, stored);
    const centre = this.#heads.centre(list);
    const order = orderBySpread(valuesOf(rows, centre.length), centre);
    const ordered = Array.from(order, (place) => rows[place]!);
    const codes = this.#postings.shape.coder.encode(valuesOf(ordered, centre.length), centre);
    return {
      ...this.#postings.values(list, { ids: idsOf(ordered), ...codes }, before),
      radius: codes.radius,
    };
  }

  /** A list around the same centre: rows that it had keep their codes. */
  #patched(list: number, rows: readonly DraftRow[], stored: ListValue): DraftedList {
    const { coder } = this.#postings.shape;
    const { fineBytes } = coder;
    const centre = this.#heads.centre(list);
    const fresh = coder.encode(
      valuesOf(
        rows.filter(({ from }) => from !== list),
        coder.dim,
      ),
      centre,
    );
    const coarse = new Uint8Array(coder.blockBytes(rows.length));
    const fine = new Uint8Array(rows.length * fineBytes);
    // rows in front that stay where they are: their blocks stay whole
    let same = 0;
    while (same < rows.length && rows[same]!.from === list && rows[same]!.place === same) same++;
    const blocks = Math.floor(same / BLOCK_ROWS) * BLOCK_ROWS;
    coarse.set(stored.coarse.subarray(0, coder.blockBytes(blocks)));
    fine.set(stored.fine.subarray(0, same * fineBytes));
    let next = 0;
    for (let i = blocks; i < rows.length; i++) {
      const { from, place } = rows[i]!;
      const codes = from === list ? stored : fresh;
      const at = from === list ? place! : next++;
      coder.putRow(coarse, i, codes.coarse, at);
      fine.set(codes.fine.subarray(at * fineBytes, (at + 1) * fineBytes), i * fineBytes);
    }
    const values = this.#postings.values(list, { ids: idsOf(rows), coarse, fine }, this.#held(list));
    return { ...values, radius: this.#radiusWith(list, rows.length - next, fresh.radius, next) };
  }

  /** Of a list with rows of its own, as spread as all were, and others. */
  #radiusWith(list: number, own: number, radius: number, others: number): number {
    const before = this.#reader.directory.radii[list] ?? 0;
    return own + others === 0 ? 0 : Math.sqrt((before ** 2 * own + radius ** 2 * others) / (own + others));
  }

  #longer(list: number, rows: readonly DraftRow[]): DraftedList {
    const { coder } = this.#postings.shape;
    const held = this.#held(list);
    const centre = this.#heads.centre(list);
    const { coarse, fine, radius } = coder.encode(valuesOf(rows, coder.dim), centre);
    return {
      ...this.#postings.appended(
        list,
        held,
        rows.map(({ id }) => id),
        coarse,
        fine,
      ),
      radius: this.#radiusWith(list, held, radius, rows.length),
    };
  }

  /** Rows of the list as it is stored. */
  #held(list: number): number {
    return this.#reader.directory.counts[list] ?? 0;
  }

  async #read(list: number): Promise<ListValue> {
    const known = this.#stored.get(list);
    if (known) return known;
    const stored = await this.#postings.readWhole(list, this.#held(list));
    this.#stored.set(list, stored);
    return stored;
  }

  async #load(list: number): Promise<DraftRow[]> {
    const held = this.#held(list);
    const rows: DraftRow[] = [];
    if (held > 0) {
      const stored = await this.#read(list);
      const { coder } = this.#postings.shape;
      const centre = this.#heads.centre(list);
      stored.ids.forEach((id, place) => {
        if (this.#live.has(id)) rows.push(new StoredRow(coder, stored.fine, centre, list, id, place));
      });
    }
    rows.push(...(this.#appended.get(list) ?? this.waiting(list)));
    this.#appended.delete(list);
    this.#shorter.delete(list);
    this.#lists.set(list, rows);
    return rows;
  }
}

function valuesOf(rows: readonly DraftRow[], dim: number): Float32Array {
  const all = new Float32Array(rows.length * dim);
  rows.forEach(({ values }, i) => all.set(values, i * dim));
  return all;
}

const idsOf = (rows: readonly DraftRow[]): Uint32Array => Uint32Array.from(rows, ({ id }) => id);
