/** The order of rows within a list: along the direction in which they spread most, so that the rows a query is near to share pages of fine codes. */

/** Turns of the power iteration (von Mises and Pollaczek-Geiringer, 1929): few, for any direction of much spread will do. */
const TURNS = 2;
/** Rows that a turn looks at. */
const LOOKED_AT = 32;

/** @param values rows x dim, borrowed. @param centre of the list. @returns places of the rows in their order */
export function orderBySpread(values: Float32Array, centre: Float32Array): Uint32Array {
  const dim = centre.length;
  const direction = directionOfSpread(values, centre);
  const along = new Float64Array(values.length / dim);
  for (let r = 0; r < along.length; r++) along[r] = product(direction, values, r * dim);
  return Uint32Array.from(along.keys()).sort((a, b) => along[a]! - along[b]! || a - b);
}

function directionOfSpread(values: Float32Array, centre: Float32Array): Float32Array {
  const dim = centre.length;
  const step = dim * Math.ceil(values.length / dim / LOOKED_AT);
  let direction = rest(values, centre, 0);
  for (let turn = 0; turn < TURNS; turn++) {
    const next = new Float32Array(dim);
    const offset = product(direction, centre, 0);
    for (let at = 0; at < values.length; at += step) {
      const own = product(direction, values, at) - offset;
      for (let i = 0; i < dim; i++) next[i]! += own * (values[at + i]! - centre[i]!);
    }
    const length = Math.sqrt(product(next, next, 0));
    if (!(length > 0)) break;
    direction = next.map((value) => value / length);
  }
  return direction;
}

function rest(values: Float32Array, centre: Float32Array, at: number): Float32Array {
  return centre.map((value, i) => (values[at + i] ?? 0) - value);
}

function product(a: Float32Array, b: Float32Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[at + i]!;
  return sum;
}
