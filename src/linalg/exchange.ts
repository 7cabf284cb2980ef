/**
 * Clusters of few points: single points change clusters as long as the inertia falls (Hartigan, Clustering Algorithms, 1975), from several
 * seedings (k-means++, Arthur & Vassilvitskii 2007). Where Lloyd's iterations have come to rest a point may still gain by a move (Telgarsky &
 * Vattani, Hartigan's Method, 2010). All distances come from the products of the points with one another, so that a round does not mind
 * how many columns they have, and a move costs two columns of those products.
 */
import { MnemeError } from "../errors.ts";
import type { Matrix } from "./matrix.ts";
import { productTransposed } from "./product.ts";
import { Random } from "./random.ts";

export interface ExchangeOptions {
  readonly seed?: number;
  /** Seedings, of which the clusters of the least inertia are kept; default 10. */
  readonly starts?: number;
  /** Passes over the points at most; default 20. */
  readonly rounds?: number;
}

/** Holds rows x rows products: 4 MB for 1,000 points. @throws MnemeError RANGE when k is not in 1..rows */
export function exchangeClusters(
  rows: Matrix,
  k: number,
  { seed = 1, starts = 10, rounds = 20 }: ExchangeOptions = {},
): { readonly assignment: Uint32Array; readonly inertia: number } {
  if (!Number.isInteger(k) || k < 1 || k > rows.rows)
    throw new MnemeError(
      "RANGE",
      `clusters: k must be a whole number from 1 to the ${rows.rows} rows, got ${k}`,
    );
  const random = new Random(seed);
  const clusters = new Clusters(productTransposed(rows, rows).data, rows.rows, k);
  let best = { assignment: new Uint32Array(rows.rows), inertia: Number.POSITIVE_INFINITY };
  for (let start = 0; start < starts; start++) {
    clusters.seed(random);
    for (let round = 0; round < rounds && clusters.exchange(); round++);
    const inertia = clusters.inertia();
    if (inertia < best.inertia) best = { assignment: clusters.assignment.slice(), inertia };
  }
  return best;
}

class Clusters {
  readonly assignment: Uint32Array;
  readonly #products: Float32Array;
  readonly #points: number;
  readonly #counts: Uint32Array;
  /** Clusters x points: products of a cluster's sum with each point. */
  readonly #sums: Float64Array;
  /** Of each cluster: the product of its sum with itself. */
  readonly #squares: Float64Array;
  readonly #nearest: Float64Array;

  /** @param products points x points, borrowed */
  constructor(products: Float32Array, points: number, k: number) {
    this.#products = products;
    this.#points = points;
    this.assignment = new Uint32Array(points);
    this.#counts = new Uint32Array(k);
    this.#sums = new Float64Array(k * points);
    this.#squares = new Float64Array(k);
    this.#nearest = new Float64Array(points);
  }

  /** Points far apart, and each other one with the nearest of them. */
  seed(random: Random): void {
    const [points, nearest] = [this.#points, this.#nearest];
    nearest.fill(Number.POSITIVE_INFINITY);
    let chosen = random.integer(points);
    for (let cluster = 0; cluster < this.#counts.length; cluster++) {
      let total = 0;
      for (let i = 0; i < points; i++) {
        const distance = this.#distance(i, chosen);
        if (distance < nearest[i]!) {
          nearest[i] = distance;
          this.assignment[i] = cluster;
        }
        total += nearest[i]!;
      }
      chosen = random.weighted(nearest, total);
    }
    this.#counts.fill(0);
    this.#sums.fill(0);
    this.#squares.fill(0);
    for (let i = 0; i < points; i++) this.#add(i, this.assignment[i]!);
  }

  /** One pass over the points. @returns whether one moved */
  exchange(): boolean {
    const [points, products] = [this.#points, this.#products];
    const [counts, sums, squares] = [this.#counts, this.#sums, this.#squares];
    let moved = false;
    for (let i = 0; i < points; i++) {
      const from = this.assignment[i]!;
      const members = counts[from]!;
      if (members === 1) continue;
      const square = products[i * points + i]!;
      const left =
        (square - (2 * sums[from * points + i]!) / members + squares[from]! / members ** 2) *
        (members / (members - 1));
      let [to, least] = [from, left - 1e-6 * square];
      for (let cluster = 0; cluster < counts.length; cluster++) {
        const count = counts[cluster]!;
        if (cluster === from) continue;
        // a cluster that equal points left empty takes one at no cost
        const joined =
          count === 0
            ? 0
            : (square - (2 * sums[cluster * points + i]!) / count + squares[cluster]! / (count * count)) *
              (count / (count + 1));
        if (joined < least) [to, least] = [cluster, joined];
      }
      if (to === from) continue;
      this.#remove(i, from);
      this.#add(i, to);
      this.assignment[i] = to;
      moved = true;
    }
    return moved;
  }

  /** Sum of squared distances to the clusters' means. */
  inertia(): number {
    let sum = 0;
    for (let i = 0; i < this.#points; i++) sum += this.#products[i * this.#points + i]!;
    this.#counts.forEach((count, cluster) => {
      if (count > 0) sum -= this.#squares[cluster]! / count;
    });
    return sum;
  }

  #distance(i: number, j: number): number {
    const [points, products] = [this.#points, this.#products];
    return Math.max(0, products[i * points + i]! - 2 * products[i * points + j]! + products[j * points + j]!);
  }

  #add(point: number, cluster: number): void {
    const [points, products, sums] = [this.#points, this.#products, this.#sums];
    const [row, to] = [point * points, cluster * points];
    this.#squares[cluster]! += 2 * sums[to + point]! + products[row + point]!;
    for (let i = 0; i < points; i++) sums[to + i]! += products[row + i]!;
    this.#counts[cluster]!++;
  }

  #remove(point: number, cluster: number): void {
    const [points, products, sums] = [this.#points, this.#products, this.#sums];
    const [row, to] = [point * points, cluster * points];
    this.#squares[cluster]! -= 2 * sums[to + point]! - products[row + point]!;
    for (let i = 0; i < points; i++) sums[to + i]! -= products[row + i]!;
    this.#counts[cluster]!--;
  }
}
