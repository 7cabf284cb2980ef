/**
 * Which rows lie in which lists: each row in that of the nearest centre that has room, and in further ones by the rule of replication. No
 * list is longer than its limit: further copies give way first, those furthest from the centre before others.
 */
import type { LazyPool } from "../../../kernels/index.ts";
import { type BalancedTree, type Matrix, RowProducts } from "../../../linalg/index.ts";
import { BLOCK_ROWS } from "../../../linalg/row-products.ts";
import { chooseCopies, mostCopies, type Replication } from "./closure.ts";
import { type Group, TreeGroups } from "./groups.ts";
import { NearestCentres } from "./nearest-centres.ts";
import type { Points } from "./points.ts";

/** Centres that a group of rows chooses among. */
const NEAR_CENTRES = 256;
/** Nearest centres of a row that the rules look at. */
const CANDIDATES = 16;

/** Rows for each centre of a group from which on the distances of all its centres are worth working out. */
const PAIRS_FROM = 2;

type Between = (a: number, b: number) => number;

export interface Assignment {
  /** Where the rows of each list begin; one more than there are lists. */
  readonly starts: Uint32Array;
  /** Rows of the lists, those of each ascending. */
  readonly rows: Uint32Array;
}

/** Copies of rows, a fixed number of slots for each. */
interface Copies {
  readonly most: number;
  readonly counts: Uint8Array;
  readonly lists: Uint32Array;
  readonly distances: Float32Array;
}

/** @param limit rows of a list. @param onBlock is told how many rows have their lists @throws MnemeError as Points.blocks, and what `onBlock` throws */
export async function assignRows(
  points: Points,
  tree: BalancedTree,
  replication: Replication,
  limit: number,
  pool?: LazyPool,
  onBlock?: (rows: number) => void,
): Promise<Assignment> {
  const most = mostCopies(replication);
  const copies: Copies = {
    most,
    counts: new Uint8Array(points.rows),
    lists: new Uint32Array(points.rows * most),
    distances: new Float32Array(points.rows * most),
  };
  const sizes = new Uint32Array(tree.leaves.rows);
  using chooser = new Chooser(tree.leaves, replication, limit, sizes, copies, pool);
  const groups = new TreeGroups(tree, NEAR_CENTRES);
  for await (const { first, points: rows } of points.blocks()) {
    const { starts, ids } = byGroup(groups.of(rows, pool), groups.all.length);
    groups.all.forEach((group, g) =>
      chooser.assign(rows, first, group, ids.subarray(starts[g]!, starts[g + 1]!)),
    );
    onBlock?.(first + rows.rows);
  }
  return trim(copies, sizes, limit);
}

function byGroup(of: Uint32Array, groups: number): { starts: Uint32Array; ids: Uint32Array } {
  const starts = new Uint32Array(groups + 1);
  for (const group of of) starts[group + 1]!++;
  for (let g = 0; g < groups; g++) starts[g + 1]! += starts[g]!;
  const ids = new Uint32Array(of.length);
  const next = starts.slice();
  of.forEach((group, row) => (ids[next[group]!++] = row));
  return { starts, ids };
}

class Chooser implements Disposable {
  readonly #leaves: Matrix;
  readonly #replication: Replication;
  readonly #limit: number;
  /** Rows whose first copy is in each list. */
  readonly #sizes: Uint32Array;
  readonly #copies: Copies;
  readonly #products: RowProducts;
  readonly #nearest = new NearestCentres(CANDIDATES);
  readonly #chosen = new Uint32Array(CANDIDATES);

  constructor(
    leaves: Matrix,
    replication: Replication,
    limit: number,
    sizes: Uint32Array,
    copies: Copies,
    pool: LazyPool | undefined,
  ) {
    this.#leaves = leaves;
    this.#replication = replication;
    this.#limit = limit;
    this.#sizes = sizes;
    this.#copies = copies;
    this.#products = new RowProducts(leaves.cols, pool);
  }

  /** @param first number of the first of `rows`. @param ids which of them are the group's */
  assign(rows: Matrix, first: number, group: Group, ids: Uint32Array): void {
    if (ids.length === 0) return;
    const { cols } = rows;
    const centres = new Float32Array(group.near.length * cols);
    group.near.forEach((leaf, i) => {
      centres.set(this.#leaves.data.subarray(leaf * cols, (leaf + 1) * cols), i * cols);
    });
    this.#products.setCentres(centres);
    const between = this.#distances(centres, group.near.length, ids.length);
    for (let from = 0; from < ids.length; from += BLOCK_ROWS)
      this.#block(rows, first, group, ids.subarray(from, from + BLOCK_ROWS), between);
  }

  [Symbol.dispose](): void {
    this.#products[Symbol.dispose]();
  }

  /** Squared distances of a group's centres: all at once where many rows ask for them, else those that are asked for. */
  #distances(centres: Float32Array, known: number, rows: number): Between {
    const { squares } = this.#products;
    if (this.#replication.rule !== "single" && rows > known * PAIRS_FROM) {
      const pairs = this.#products.ofCentres();
      return (a, b) => squares[a]! + squares[b]! - 2 * pairs[a * known + b]!;
    }
    const cols = centres.length / known;
    return (a, b) => {
      let product = 0;
      for (let i = 0; i < cols; i++) product += centres[a * cols + i]! * centres[b * cols + i]!;
      return squares[a]! + squares[b]! - 2 * product;
    };
  }

  #block(rows: Matrix, first: number, group: Group, ids: Uint32Array, between: Between): void {
    const count = ids.length;
    this.#nearest.of(this.#products, this.#products.of(rows, ids, 0, count), count, rows.cols);
    for (let r = 0; r < count; r++) {
      this.#nearest.row(r);
      this.#chosen[0] = this.#first(group.near);
      const some = chooseCopies(this.#replication, this.#nearest, between, this.#chosen);
      this.#keep(first + ids[r]!, group.near, some);
    }
  }

  /** The nearest list that has room; where none has, the nearest. */
  #first(near: Uint32Array): number {
    const { count, centres } = this.#nearest;
    for (let place = 0; place < count; place++)
      if (this.#sizes[near[centres[place]!]!]! < this.#limit) return place;
    return 0;
  }

  #keep(row: number, near: Uint32Array, some: number): void {
    const { most, counts, lists, distances } = this.#copies;
    counts[row] = some;
    for (let i = 0; i < some; i++) {
      const place = this.#chosen[i]!;
      lists[row * most + i] = near[this.#nearest.centres[place]!]!;
      distances[row * most + i] = this.#nearest.distances[place]!;
    }
    this.#sizes[lists[row * most]!]!++;
  }
}

/** Lists from copies, each within the limit. */
function trim({ most, counts, lists, distances }: Copies, sizes: Uint32Array, limit: number): Assignment {
  const further: number[][] = Array.from(sizes, () => []);
  counts.forEach((count, row) => {
    for (let i = 1; i < count; i++) further[lists[row * most + i]!]!.push(row * most + i);
  });
  const starts = new Uint32Array(sizes.length + 1);
  further.forEach((slots, list) => {
    slots.sort((a, b) => distances[a]! - distances[b]! || a - b);
    slots.length = Math.max(0, Math.min(slots.length, limit - sizes[list]!));
    starts[list + 1] = starts[list]! + sizes[list]! + slots.length;
  });
  const rows = new Uint32Array(starts[sizes.length]!);
  const next = starts.slice();
  counts.forEach((_, row) => (rows[next[lists[row * most]!]!++] = row));
  further.forEach((slots, list) => {
    for (const slot of slots) rows[next[list]!++] = Math.floor(slot / most);
    rows.subarray(starts[list]!, starts[list + 1]!).sort();
  });
  return { starts, rows };
}
