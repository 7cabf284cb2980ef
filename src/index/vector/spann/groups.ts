/** Groups: parts of a tree of centres, each with the leaves near it; rows that fall into one share their candidates. */

import { kernels, type LazyPool } from "../../../kernels/index.ts";
import {
  type BalancedTree,
  type Matrix,
  matrix,
  RowProducts,
  rowOf,
  type TreeNode,
} from "../../../linalg/index.ts";
import { BLOCK_ROWS } from "../../../linalg/row-products.ts";

/** Leaves of a group at most. */
const GROUP_LEAVES = 64;

export interface Group {
  /** Leaves under it. */
  readonly own: readonly number[];
  /** The leaves nearest to the mean of its own, ascending. */
  readonly near: Uint32Array;
}

/** The groups of a tree. */
export class TreeGroups {
  readonly all: readonly Group[];
  readonly #tree: BalancedTree;
  readonly #groupOf: ReadonlyMap<number, Int32Array>;

  /** @param near leaves that a group knows */
  constructor(tree: BalancedTree, near: number) {
    const { own, groupOf } = groupsOf(tree);
    this.all = own.map((leaves) => ({ own: leaves, near: nearestLeaves(tree.leaves, leaves, near) }));
    this.#tree = tree;
    this.#groupOf = groupOf;
  }

  /** Group of each row. */
  of(rows: Matrix, pool?: LazyPool): Uint32Array {
    return descend(rows, this.#tree, this.#groupOf, pool);
  }
}

/** Cuts the tree at the nodes that have few leaves. `groupOf`: of each child of a node that is not cut off, its group or -1. */
function groupsOf({ nodes, leaves }: BalancedTree): { own: number[][]; groupOf: Map<number, Int32Array> } {
  const own: number[][] = [];
  const groupOf = new Map<number, Int32Array>();
  if (nodes.length === 0) return { own: [Array.from({ length: leaves.rows }, (_, i) => i)], groupOf };
  const under = leavesUnder(nodes);
  const visit = (number: number): void => {
    const { children } = nodes[number]!;
    const groups = new Int32Array(children.length).fill(-1);
    groupOf.set(number, groups);
    children.forEach((child, i) => {
      const some = child < 0 ? [-1 - child] : under[child]!;
      if (some.length > GROUP_LEAVES) visit(child);
      else groups[i] = own.push(some) - 1;
    });
  };
  visit(0);
  return { own, groupOf };
}

function leavesUnder(nodes: readonly TreeNode[]): number[][] {
  const under: number[][] = nodes.map(() => []);
  // children come after their parents
  for (let n = nodes.length - 1; n >= 0; n--)
    for (const child of nodes[n]!.children) under[n]!.push(...(child < 0 ? [-1 - child] : under[child]!));
  return under;
}

/** Lets all rows fall through the tree to a group, by the nearest child. */
function descend(
  rows: Matrix,
  { nodes }: BalancedTree,
  groupOf: ReadonlyMap<number, Int32Array>,
  pool: LazyPool | undefined,
): Uint32Array {
  const of = new Uint32Array(rows.rows);
  if (nodes.length === 0) return of;
  using products = new RowProducts(rows.cols, pool);
  const visit = (number: number, ids: Uint32Array): void => {
    const { centres, children } = nodes[number]!;
    const groups = groupOf.get(number)!;
    const places = nearestChildren(rows, ids, centres, products);
    children.forEach((child, i) => {
      const some = ids.filter((_, at) => places[at] === i);
      if (groups[i]! >= 0) for (const id of some) of[id] = groups[i]!;
      else visit(child, some);
    });
  };
  visit(
    0,
    Uint32Array.from({ length: rows.rows }, (_, i) => i),
  );
  return of;
}

function nearestChildren(
  rows: Matrix,
  ids: Uint32Array,
  centres: Matrix,
  products: RowProducts,
): Uint32Array {
  const places = new Uint32Array(ids.length);
  products.setCentres(centres.data);
  const { squares } = products;
  for (let from = 0; from < ids.length; from += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, ids.length - from);
    const found = products.of(rows, ids, from, from + count);
    const least = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    for (let c = 0, at = 0; c < centres.rows; c++)
      for (let r = 0; r < count; r++, at++) {
        const cost = squares[c]! - 2 * found[at]!;
        if (cost >= least[r]!) continue;
        least[r] = cost;
        places[from + r] = c;
      }
  }
  return places;
}

function nearestLeaves(leaves: Matrix, own: readonly number[], count: number): Uint32Array {
  const mean = matrix(1, leaves.cols);
  for (const leaf of own) rowOf(leaves, leaf).forEach((value, i) => (mean.data[i]! += value / own.length));
  const distances = new Float32Array(leaves.rows);
  kernels().l2F32(mean.data, leaves.data, distances);
  const most = Math.min(leaves.rows, Math.max(count, own.length));
  // numbers alone are sorted without asking a function for each pair
  const furthest = distances.slice().sort()[most - 1]!;
  const near = new Uint32Array(most);
  let found = 0;
  for (let leaf = 0; leaf < leaves.rows; leaf++) if (distances[leaf]! < furthest) near[found++] = leaf;
  // as far as it, or no number
  for (let leaf = 0; found < most; leaf++)
    if (!(distances[leaf]! < furthest || distances[leaf]! > furthest)) near[found++] = leaf;
  return near.sort();
}
