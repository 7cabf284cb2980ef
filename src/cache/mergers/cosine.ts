/** Cosines of rows, and what goes with them. */

/** f64 norms of [rows x dim]. */
export function normsOf(rows: Float32Array, dim: number): Float64Array {
  return Float64Array.from({ length: rows.length / dim }, (_, r) => {
    let square = 0;
    for (let i = r * dim; i < (r + 1) * dim; i++) square += rows[i]! * rows[i]!;
    return Math.sqrt(square);
  });
}

/** Cosines between rows of one array; with a row of zeros: `none`. */
export function cosines(rows: Float32Array, dim: number, none: number): (a: number, b: number) => number {
  const norms = normsOf(rows, dim);
  return (a, b) => {
    const scale = norms[a]! * norms[b]!;
    if (scale === 0) return none;
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += rows[a * dim + i]! * rows[b * dim + i]!;
    return dot / scale;
  };
}
