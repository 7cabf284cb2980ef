/** Made-up sets of token vectors, and MaxSim written plainly. */
import { type Matrix, matrix } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";

/** Sets around directions of their own, of 1 to `most` unit vectors. */
export function madeUpSets(count: number, dim: number, most: number, seed: number): Matrix[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const centre = unit(Float32Array.from({ length: dim }, () => random.gaussian()));
    const rows = 1 + random.integer(most);
    const set = matrix(rows, dim);
    for (let r = 0; r < rows; r++)
      set.data.set(unit(centre.map((x) => x + (0.8 * random.gaussian()) / Math.sqrt(dim))), r * dim);
    return set;
  });
}

export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return vector.map((x) => x / length);
}

export function plainMaxSim(query: Matrix, document: Matrix): number {
  let sum = 0;
  for (let q = 0; q < query.rows; q++) {
    let best = Number.NEGATIVE_INFINITY;
    for (let d = 0; d < document.rows; d++) {
      let product = 0;
      for (let i = 0; i < query.cols; i++)
        product += query.data[q * query.cols + i]! * document.data[d * query.cols + i]!;
      best = Math.max(best, product);
    }
    sum += best;
  }
  return sum;
}
