/**
 * Made-up pairs of queries and documents whose geometry misleads: what a pair means is a point of a curved surface, but half of every vector
 * is nuisance in a few directions, drawn anew for each, and both sides lie off by a fixed step. Nearest rows are often not the relevant
 * ones; a learned projection can find out why.
 */
import { Manifold } from "../src/eval/synth-manifold.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { Random } from "../src/linalg/random.ts";
import { HadamardRotation } from "../src/linalg/rotation.ts";

export interface SynthPairsOptions {
  /** Documents. */
  readonly rows: number;
  /** Queries, the i-th about document i; default as many as documents. */
  readonly queries?: number;
  readonly dim: number;
  /** Directions of the nuisance. */
  readonly nuisance: number;
  /** Its length, where that of the meaning is 1; 0: none. */
  readonly strength: number;
  /** How far a query's latent point is from its document's, in standard deviations; default 0.25. */
  readonly distance?: number;
  readonly seed: number;
}

export interface SynthPairs {
  /** Unit rows. */
  readonly documents: Matrix;
  /** Row i is relevant to document i. */
  readonly queries: Matrix;
}

/** Length of the step between the sides. */
const OFFSET = 0.3;

export function synthPairs(options: SynthPairsOptions): SynthPairs {
  const { rows, dim, seed, distance = 0.25, queries = rows } = options;
  const surface = new Manifold(dim, { seed });
  const documents = surface.rows(rows);
  const asked = matrix(queries, dim);
  surface.fill(0, asked.data, distance);
  disturb(documents, options, seed + 1);
  disturb(asked, options, seed + 2);
  return { documents, queries: asked };
}

function disturb(rows: Matrix, { nuisance, strength, seed, dim }: SynthPairsOptions, side: number): void {
  const random = new Random(side);
  const step = Float32Array.from({ length: dim }, () => random.gaussian());
  const length = Math.hypot(...step);
  // columns of one rotation of both sides: orthonormal directions
  const directions = matrix(nuisance, dim);
  for (let n = 0; n < nuisance; n++) directions.data[n * dim + n] = 1;
  new HadamardRotation(dim, seed).apply(directions.data);
  for (let r = 0; r < rows.rows; r++) {
    const row = rowOf(rows, r);
    for (let n = 0; n < nuisance; n++) {
      const weight = (strength * random.gaussian()) / Math.sqrt(nuisance);
      const direction = rowOf(directions, n);
      for (let d = 0; d < dim; d++) row[d]! += weight * direction[d]!;
    }
    for (let d = 0; d < dim; d++) row[d]! += (OFFSET * step[d]!) / length;
    const norm = Math.hypot(...row);
    for (let d = 0; d < dim; d++) row[d]! /= norm;
  }
}
