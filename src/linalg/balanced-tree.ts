/**
 * Hierarchical balanced k-means: rows are split into a few even clusters, those again, until a cluster is small enough. What it costs grows
 * with the depth, not with the number of leaves. Evenness comes from a penalty on a cluster's count (Liu et al., Balanced Clustering with
 * Least Square Regression, AAAI 2017, as SPANN uses it, NeurIPS 2021); differs from it in that a row pays for the rows before it of the same
 * pass, not for those of the last one: counts then do not swing.
 */
import { MnemeError, throwIfAborted } from "../errors.ts";
import type { LazyPool } from "../kernels/index.ts";
import { standAside } from "../stand-aside.ts";
import { type Matrix, matrix, rowOf } from "./matrix.ts";
import { Random } from "./random.ts";
import { BLOCK_ROWS, RowProducts } from "./row-products.ts";

export interface BalancedOptions {
  /** Most rows of a leaf. */
  readonly leafRows: number;
  readonly seed?: number;
  /** Most children of a node. */
  readonly branching?: number;
  /** Rows for each child that a node's centres are found with. */
  readonly sampleRows?: number;
  readonly rounds?: number;
  /** What a full cluster costs, as a share of the mean squared distance. */
  readonly balance?: number;
  readonly signal?: AbortSignal;
  /** Threads that help, borrowed. */
  readonly pool?: LazyPool;
}

export const balancedDefaults = {
  seed: 1,
  branching: 32,
  sampleRows: 64,
  rounds: 8,
  balance: 0.25,
} as const;

export interface TreeNode {
  /** children x cols. */
  readonly centres: Matrix;
  /** Of each child the number of its node, or -1 - its leaf. */
  readonly children: Int32Array;
}

export interface BalancedTree {
  /** The root first; none when there is one leaf only. */
  readonly nodes: readonly TreeNode[];
  /** Means of the rows of each leaf. */
  readonly leaves: Matrix;
  /** Rows of each leaf. */
  readonly counts: Uint32Array;
}

/** @throws MnemeError RANGE, INSUFFICIENT_DATA without rows, CANCELLED */
export function balancedTree(rows: Matrix, options: BalancedOptions): BalancedTree {
  const { leafRows } = options;
  if (!Number.isInteger(leafRows) || leafRows < 1)
    throw new MnemeError("RANGE", `clusters: leafRows must be a whole number from 1, got ${leafRows}`);
  if (rows.rows === 0) throw new MnemeError("INSUFFICIENT_DATA", "clusters: there are no rows");
  using growth = new Growth(rows, { ...balancedDefaults, ...options });
  return growth.tree();
}

type Settings = BalancedOptions & Required<Omit<BalancedOptions, "signal" | "pool">>;

class Growth implements Disposable {
  readonly #rows: Matrix;
  readonly #settings: Settings;
  readonly #random: Random;
  readonly #products: RowProducts;
  /** Numbers of rows, those of a node side by side. */
  readonly #ids: Uint32Array;
  readonly #nodes: TreeNode[] = [];
  readonly #leaves: Float32Array[] = [];
  readonly #counts: number[] = [];

  constructor(rows: Matrix, settings: Settings) {
    this.#rows = rows;
    this.#settings = settings;
    this.#random = new Random(settings.seed);
    this.#products = new RowProducts(rows.cols, settings.pool);
    this.#ids = Uint32Array.from({ length: rows.rows }, (_, i) => i);
  }

  tree(): BalancedTree {
    this.#grow(0, this.#rows.rows);
    const leaves = matrix(this.#leaves.length, this.#rows.cols);
    this.#leaves.forEach((leaf, i) => leaves.data.set(leaf, i * this.#rows.cols));
    return { nodes: this.#nodes, leaves, counts: Uint32Array.from(this.#counts) };
  }

  [Symbol.dispose](): void {
    this.#products[Symbol.dispose]();
  }

  /** @returns the number of the node of ids [from, to), or -1 - that of the leaf */
  #grow(from: number, to: number): number {
    throwIfAborted(this.#settings.signal, "clusters");
    const { leafRows, branching } = this.#settings;
    if (to - from <= leafRows) return this.#leaf(from, to);
    const wanted = Math.max(2, Math.min(branching, Math.ceil((to - from) / leafRows)));
    const centres = this.#centresOf(from, to, wanted);
    const ends = this.#split(from, to, centres);
    if (ends.length < 2) return this.#halves(from, to);
    const kept = matrix(ends.length, centres.cols);
    ends.forEach(({ centre }, i) => kept.data.set(rowOf(centres, centre), i * centres.cols));
    return this.#node(
      kept,
      ends.map(({ end }) => end),
      from,
    );
  }

  #node(centres: Matrix, ends: readonly number[], from: number): number {
    const number = this.#nodes.length;
    const children = new Int32Array(ends.length);
    this.#nodes.push({ centres, children });
    ends.forEach((end, i) => {
      children[i] = this.#grow(i === 0 ? from : ends[i - 1]!, end);
    });
    return number;
  }

  /** Rows that no centres tell apart: copies of one row. */
  #halves(from: number, to: number): number {
    const middle = (from + to) >>> 1;
    const mean = this.#mean(from, to);
    const centres = matrix(2, mean.length);
    centres.data.set(mean);
    centres.data.set(mean, mean.length);
    return this.#node(centres, [middle, to], from);
  }

  #leaf(from: number, to: number): number {
    this.#leaves.push(this.#mean(from, to));
    this.#counts.push(to - from);
    return -this.#leaves.length;
  }

  #mean(from: number, to: number): Float32Array {
    const { cols, data } = this.#rows;
    const sums = new Float64Array(cols);
    for (let i = from; i < to; i++) {
      const start = this.#ids[i]! * cols;
      for (let c = 0; c < cols; c++) sums[c]! += data[start + c]!;
    }
    return Float32Array.from(sums, (sum) => sum / (to - from));
  }

  /** Lloyd's rounds over a sample of ids [from, to). */
  #centresOf(from: number, to: number, count: number): Matrix {
    const { sampleRows, rounds } = this.#settings;
    const { cols } = this.#rows;
    const places = this.#random.sample(to - from, sampleRows * count);
    // in random order: a row pays for those before it
    const sample = Uint32Array.from(this.#random.shuffle(places), (place) => this.#ids[from + place]!);
    const centres = matrix(count, cols);
    for (let c = 0; c < count; c++) centres.data.set(rowOf(this.#rows, sample[c]!), c * cols);
    const assignment = new Uint32Array(sample.length);
    let last = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      const total = this.#assign(sample, centres, assignment);
      if (round > 2 && last - total <= 1e-3 * last) break;
      last = total;
      this.#update(sample, assignment, centres);
    }
    return centres;
  }

  #update(sample: Uint32Array, assignment: Uint32Array, centres: Matrix): void {
    const { cols } = centres;
    const { data } = this.#rows;
    const sums = new Float64Array(centres.data.length);
    const counts = new Uint32Array(centres.rows);
    for (let i = 0; i < sample.length; i++) {
      const to = assignment[i]! * cols;
      const start = sample[i]! * cols;
      counts[assignment[i]!]!++;
      for (let c = 0; c < cols; c++) sums[to + c]! += data[start + c]!;
    }
    for (let k = 0; k < centres.rows; k++) {
      if (counts[k] === 0)
        centres.data.set(rowOf(this.#rows, sample[this.#random.integer(sample.length)]!), k * cols);
      else for (let c = 0; c < cols; c++) centres.data[k * cols + c] = sums[k * cols + c]! / counts[k]!;
    }
  }

  /** Nearest centres under the penalty. @returns the sum of squared distances, less the rows' own squares */
  #assign(ids: Uint32Array, centres: Matrix, assignment: Uint32Array): number {
    const counts = new Float64Array(centres.rows);
    this.#products.setCentres(centres.data);
    let total = 0;
    let price = 0;
    for (let from = 0; from < ids.length; from += BLOCK_ROWS) {
      standAside();
      const to = Math.min(ids.length, from + BLOCK_ROWS);
      const products = this.#products.of(this.#rows, ids, from, to);
      if (from === 0) price = this.#price(products, to, centres.rows, ids.length);
      total += choose(
        products,
        this.#products.squares,
        to - from,
        counts,
        price,
        assignment.subarray(from, to),
      );
    }
    return total;
  }

  /** What each row in a cluster costs the next one: `balance` of the mean squared distance when the cluster is full. */
  #price(products: Float32Array, rows: number, centres: number, total: number): number {
    const { squares, block } = this.#products;
    const { cols } = this.#rows;
    let sum = 0;
    for (let r = 0; r < rows; r++) {
      let best = Number.POSITIVE_INFINITY;
      for (let c = 0; c < centres; c++) best = Math.min(best, squares[c]! - 2 * products[c * rows + r]!);
      for (let i = r * cols; i < (r + 1) * cols; i++) best += block[i]! * block[i]!;
      sum += Math.max(0, best);
    }
    return ((sum / rows) * this.#settings.balance * centres) / total;
  }

  /** Sorts ids [from, to) by centre. @returns centres that have rows, and where those end */
  #split(from: number, to: number, centres: Matrix): { centre: number; end: number }[] {
    const ids = this.#ids.slice(from, to);
    const assignment = new Uint32Array(ids.length);
    this.#assign(ids, centres, assignment);
    const starts = new Uint32Array(centres.rows + 1);
    for (const centre of assignment) starts[centre + 1]!++;
    for (let c = 0; c < centres.rows; c++) starts[c + 1]! += starts[c]!;
    const next = starts.slice();
    for (let i = 0; i < ids.length; i++) this.#ids[from + next[assignment[i]!]!++] = ids[i]!;
    const ends: { centre: number; end: number }[] = [];
    for (let c = 0; c < centres.rows; c++)
      if (starts[c + 1]! > starts[c]!) ends.push({ centre: c, end: from + starts[c + 1]! });
    return ends;
  }
}

/** Chooses for each row the centre of least distance plus price. Adds to `counts`. */
function choose(
  products: Float32Array,
  squares: Float32Array,
  rows: number,
  counts: Float64Array,
  price: number,
  assignment: Uint32Array,
): number {
  let total = 0;
  for (let r = 0; r < rows; r++) {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let c = 0, at = r; c < counts.length; c++, at += rows) {
      const cost = squares[c]! - 2 * products[at]! + price * counts[c]!;
      if (cost < least) {
        least = cost;
        best = c;
      }
    }
    assignment[r] = best;
    total += least - price * counts[best]!;
    counts[best]!++;
  }
  return total;
}
