/** Rows that are not spread evenly, and what coders make of them. */
import type { Codec, Metric } from "../../src/codecs/codec.ts";
import { scoreOf } from "../../src/codecs/score.ts";
import { type Matrix, matrix, rowOf } from "../../src/linalg/matrix.ts";
import { Random } from "../../src/linalg/random.ts";
import { squareOf } from "../../src/linalg/square.ts";

/** Rows near a plane: columns depend on each other. */
export function related(rows: number, cols: number, seed: number): Matrix {
  const fixed = new Random(cols);
  const basis = Float32Array.from({ length: 4 * cols }, () => fixed.gaussian());
  const random = new Random(seed);
  const out = matrix(rows, cols);
  for (let r = 0; r < rows; r++) {
    const place = Array.from({ length: 4 }, () => random.gaussian());
    for (let c = 0; c < cols; c++)
      out.data[r * cols + c] =
        place.reduce((sum, value, i) => sum + value * basis[i * cols + c]!, 0) + 0.1 * random.gaussian();
  }
  return out;
}

/** Rows near twelve directions, the same for all seeds, as embeddings are. @param noise of each value, beside them */
export function nearDirections(count: number, dim: number, seed: number, noise: number): Matrix {
  const random = new Random(seed);
  const axes = new Random(77);
  const basis = Array.from({ length: 12 }, () => Float32Array.from({ length: dim }, () => axes.gaussian()));
  const all = matrix(count, dim);
  for (let r = 0; r < count; r++) {
    const row = rowOf(all, r);
    for (const axis of basis) {
      const weight = random.gaussian();
      for (let c = 0; c < dim; c++) row[c]! += weight * axis[c]!;
    }
    for (let c = 0; c < dim; c++) row[c]! += noise * random.gaussian() + 0.5;
  }
  return all;
}

export function squaredError(a: Matrix, b: Matrix): number {
  return a.data.reduce((sum, value, i) => sum + (value - b.data[i]!) ** 2, 0);
}

export function loss(codec: Codec, rows: Matrix): number {
  const coder = codec.fit(rows, { seed: 3 });
  return squaredError(coder.decode(coder.encode(rows), rows.rows), rows);
}

export const METRICS = ["dot", "cosine", "l2"] as const;

/** Scores of decoded rows. */
export function scoresOf(query: Float32Array, decoded: Matrix, metric: Metric): number[] {
  return Array.from({ length: decoded.rows }, (_, r) => {
    const row = rowOf(decoded, r);
    const dot = query.reduce((sum, value, i) => sum + value * row[i]!, 0);
    return scoreOf(metric, dot, squareOf(query), squareOf(row));
  });
}
