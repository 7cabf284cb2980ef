/**
 * Changes in place: SPFresh's LIRE (SOSP 2023). A row is put in the lists of the nearest centres; a list that outgrows its limit is split, and
 * rows that the new centres are nearer to, or that have lost theirs, move; a list of few rows is given up. Differs from the paper in that rows
 * come to a list many at a time, from memory and a log, and a list is rewritten whole within one transaction of the store: there are no stale
 * copies and no versions, for numbers of rows are never reused. Rows of a split look for a nearer centre among those around it only.
 */
import { kMeans, type Matrix, matrix, rowOf } from "../../../linalg/index.ts";
import type { Replication } from "./closure.ts";
import { squaredDistance as distance } from "./distance.ts";
import type { Draft, DraftRow } from "./draft.ts";
import type { HeadsDraft } from "./heads-draft.ts";
import { listsFor } from "./lists-for.ts";

/** Lists around a split whose rows may move: the paper looks at 64. */
const NEIGHBOURS = 32;
/** Share of the rows that the smaller half of a split has at least. */
const LEAST_SHARE = 1 / 3;
/** Splits whose rows may move, for each list that a change touches. */
const MOST_SPLITS = 8;

export interface LireLimits {
  /** Rows of a list at most. */
  readonly limit: number;
  /** A list of fewer rows is given up. */
  readonly least: number;
}

export class Lire {
  readonly #draft: Draft;
  readonly #heads: HeadsDraft;
  readonly #limits: LireLimits;
  readonly #replication: Replication;

  constructor(draft: Draft, heads: HeadsDraft, replication: Replication, limits: LireLimits) {
    this.#draft = draft;
    this.#heads = heads;
    this.#replication = replication;
    this.#limits = limits;
  }

  /** Puts the rows that wait for lists in them. */
  async take(lists: Iterable<number>): Promise<void> {
    for (const list of lists) {
      this.#draft.take(list);
      await this.#draft.breathe();
    }
  }

  /**
   * Splits what is too long and gives up what is too short, until all is in order. Among rows that are equal but for their codes that may go
   * on for ever, since each new centre is a hair nearer to some: after many splits lists are halved, and no row moves any more.
   * @param mayMove whether other lists may be touched: otherwise lists are halved only, and none is given up
   */
  async settle(mayMove: boolean): Promise<void> {
    let left = mayMove ? MOST_SPLITS * Math.max(1, this.#draft.changed.size) : 0;
    const waiting = new Set(this.#draft.changed);
    for (const list of waiting) {
      waiting.delete(list);
      await this.#draft.breathe();
      const touched = await this.#settle(list, left > 0);
      for (const other of touched) waiting.add(other);
      if (touched.length > 0) left--;
    }
  }

  /** @param mayMove whether rows may go to lists around. @returns lists whose rows have changed by what was done */
  async #settle(list: number, mayMove: boolean): Promise<readonly number[]> {
    const { limit, least } = this.#limits;
    // deleted rows go when it is read whole
    if (this.#draft.count(list) > limit && (await this.#draft.rows(list)).length > limit)
      return this.#split(list, mayMove);
    const isShort = mayMove && this.#draft.count(list) < least && !this.#draft.isLonger(list);
    return isShort && this.#heads.isThere(list) ? this.#giveUp(list) : [];
  }

  /** The lists that a row belongs in: that of the nearest centre, and further ones by the rule of replication. */
  listsFor(values: Float32Array): number[] {
    return listsFor(this.#heads, this.#replication, values);
  }

  /** @returns lists whose rows have changed */
  async #split(list: number, mayMove: boolean): Promise<number[]> {
    const rows = await this.#draft.rows(list);
    const old = this.#heads.centre(list);
    const other = this.#heads.count;
    const halves = halve(rows, old.length);
    [list, other].forEach((half, i) => {
      this.#heads.set(half, halves[i]!.centre);
      this.#draft.replace(half, halves[i]!.rows);
    });
    if (!mayMove) return [list, other];
    const touched = new Set([list, other]);
    const around = Array.from(this.#heads.nearest(old, NEIGHBOURS + 2).lists, (near) => ({
      list: near,
      centre: this.#heads.centre(near),
    }));
    for (const half of [list, other]) await this.#moveOut(half, old, around, touched);
    const beside = around.filter((one) => one.list !== list && one.list !== other);
    await this.#moveIn([list, other], old, beside, touched);
    return [...touched];
  }

  /** Rows of a half that were nearer to the old centre may now be nearer to a centre around. */
  async #moveOut(
    half: number,
    old: Float32Array,
    around: readonly Centre[],
    touched: Set<number>,
  ): Promise<void> {
    const centre = this.#heads.centre(half);
    const stay: DraftRow[] = [];
    for (const row of (await this.#draft.rows(half)).slice()) {
      await this.#draft.breathe();
      const own = distance(row.values, centre);
      // as near is not nearer: equal rows would move for ever
      const target =
        distance(row.values, old) <= own ? nearest(row.values, around, { list: half, own }) : half;
      if (target !== half && (await this.#draft.add(target, row))) touched.add(target);
      else stay.push(row);
    }
    this.#draft.replace(half, stay);
  }

  /** Rows of lists around that a new centre is nearer to than the old one was, and than their own is. */
  async #moveIn(
    halves: readonly number[],
    old: Float32Array,
    around: readonly Centre[],
    touched: Set<number>,
  ): Promise<void> {
    const centres = halves.map((half) => this.#heads.centre(half));
    for (const { list, centre: own } of around) {
      await this.#draft.breathe();
      const places = await this.#draft.nearerPlaces(list, centres, [old, own]);
      if (places?.size === 0) continue;
      const stay: DraftRow[] = [];
      const rows = await this.#draft.rows(list);
      for (const row of rows) {
        if (places && !places.has(row.place!)) {
          stay.push(row);
          continue;
        }
        const far = centres.map((centre) => distance(row.values, centre));
        const best = far[0]! <= far[1]! ? 0 : 1;
        const isNearer = far[best]! < distance(row.values, old) && far[best]! < distance(row.values, own);
        if (!(isNearer && (await this.#draft.add(halves[best]!, row)))) stay.push(row);
      }
      if (stay.length === rows.length) continue;
      this.#draft.replace(list, stay);
      touched.add(list);
    }
  }

  /** Its rows go to the nearest other lists. @returns those */
  async #giveUp(list: number): Promise<number[]> {
    const rows = await this.#draft.rows(list);
    // the last list stays
    if (this.#heads.nearest(this.#heads.centre(list), 2).count < 2) return [];
    this.#heads.remove(list);
    this.#draft.replace(list, []);
    const touched = new Set<number>();
    for (const row of rows) {
      await this.#draft.breathe();
      for (const target of this.#heads.nearest(row.values, 2).lists.slice()) {
        if (target === list || !(await this.#draft.add(target, row))) continue;
        touched.add(target);
        break;
      }
    }
    return [...touched];
  }
}

interface Centre {
  readonly list: number;
  readonly centre: Float32Array;
}

/** The list whose centre is nearest; the one that the row is in where none is nearer. */
function nearest(
  values: Float32Array,
  centres: readonly Centre[],
  { list: half, own }: { readonly list: number; readonly own: number },
): number {
  let [best, least] = [half, own];
  for (const { list, centre } of centres) {
    const far = distance(values, centre);
    if (far < least) [best, least] = [list, far];
  }
  return best;
}

interface Half {
  readonly centre: Float32Array;
  readonly rows: readonly DraftRow[];
}

/** Two clusters, cut along the line between their centres such that neither is small. */
function halve(rows: readonly DraftRow[], dim: number): [Half, Half] {
  const all: Matrix = matrix(rows.length, dim);
  rows.forEach(({ values }, i) => all.data.set(values, i * dim));
  const { centroids } = kMeans(all, 2);
  const [a, b] = [rowOf(centroids, 0), rowOf(centroids, 1)];
  const sides = rows.map(({ values }) => distance(values, a) - distance(values, b));
  const order = rows.map((_, i) => i).sort((i, j) => sides[i]! - sides[j]! || i - j);
  const least = Math.floor(rows.length * LEAST_SHARE);
  const nearerToA = sides.filter((side) => side <= 0).length;
  const cut = Math.max(least, Math.min(rows.length - least, nearerToA));
  const half = (some: readonly number[]): Half => {
    const own = some.map((i) => rows[i]!);
    return { centre: meanOf(own, dim), rows: own };
  };
  return [half(order.slice(0, cut)), half(order.slice(cut))];
}

function meanOf(rows: readonly DraftRow[], dim: number): Float32Array {
  const mean = new Float32Array(dim);
  for (const { values } of rows) for (let i = 0; i < dim; i++) mean[i]! += values[i]! / rows.length;
  return mean;
}
