/** The order of rows within a list: along the direction in which they spread most, so that the rows a query is near to share pages of fine codes. */

/** Turns of the power iteration (von Mises and Pollaczek-Geiringer, 1929): few, for any direction of much spread will do. */
const TURNS = 3;
/** Rows that a turn but the last looks at. */
const LOOKED_AT = 32;

/** @param values rows x dim, borrowed. @param centre of the list. @returns places of the rows in their order */
export function orderBySpread(values: Float32Array, centre: Float32Array): Uint32Array {
  const dim = centre.length;
  const count = values.length / dim;
  const along = new Float64Array(count);
  let direction = rest(values, centre, 0);
  for (let turn = 1; turn <= TURNS; turn++) {
    const next = new Float32Array(dim);
    const offset = product(direction, centre, 0);
    const isLast = turn === TURNS;
    const step = isLast ? 1 : Math.ceil(count / LOOKED_AT);
    for (let r = 0; r < count; r += step) {
      const own = product(direction, values, r * dim) - offset;
      along[r] = own;
      if (isLast) continue;
      for (let i = 0; i < dim; i++) next[i]! += own * (values[r * dim + i]! - centre[i]!);
    }
    if (isLast) break;
    const length = Math.sqrt(product(next, next, 0));
    if (!(length > 0)) break;
    direction = next.map((value) => value / length);
  }
  return Uint32Array.from(along.keys()).sort((a, b) => along[a]! - along[b]! || a - b);
}

function rest(values: Float32Array, centre: Float32Array, at: number): Float32Array {
  return centre.map((value, i) => (values[at + i] ?? 0) - value);
}

function product(a: Float32Array, b: Float32Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[at + i]!;
  return sum;
}
