/**
 * Rows and queries as points whose squared distances order as the metric does: at unit length for cosine; for the inner product with one more
 * value, which makes all rows as long as the longest (Bachrach et al., Speeding Up the Xbox Recommender System, RecSys 2014).
 */
import { checkDirection, checkLength, checkNumbers } from "../../../codecs/check.ts";
import type { Metric } from "../../../codecs/codec.ts";
import { MnemeError } from "../../../errors.ts";
import { kernels } from "../../../kernels/index.ts";
import { type Matrix, matrix } from "../../../linalg/index.ts";

/** A square that differs by less is that of a unit. */
const UNIT_SLACK = 1e-5;
/** Rows made ready at once. */
const STEP = 4096;

/** A query as a point, and what makes scores of its distances: (bias - distance) / 2 / scale. */
export interface QueryPoint {
  readonly values: Float32Array;
  readonly bias: number;
  readonly scale: number;
}

export class MetricSpace {
  readonly metric: Metric;
  readonly dim: number;
  /** Length of the longest row, for the inner product; else 0. */
  readonly longest: number;

  constructor(metric: Metric, dim: number, longest = 0) {
    this.metric = metric;
    this.dim = dim;
    this.longest = longest;
  }

  /** Values of a point. */
  get width(): number {
    return this.metric === "dot" ? this.dim + 1 : this.dim;
  }

  /**
   * @param rows borrowed; a copy only where they must change. @param first number of the first, for messages
   * @throws MnemeError NOT_FINITE, ZERO_VECTOR (cosine), RANGE (its square leaves f32; dot: longer than the longest)
   */
  points(rows: Matrix, verb: string, first = 0): Matrix {
    checkNumbers(verb, rows, first);
    if (this.metric === "cosine") return unitRows(rows, verb, first);
    return this.metric === "dot" ? this.#longer(rows, verb, first) : rows;
  }

  /**
   * Under the inner product the query is made as long as the longest row: that changes no order, and codes are finest for what is near.
   * @throws MnemeError NOT_FINITE, ZERO_VECTOR (cosine), RANGE (its square leaves f32)
   */
  point(query: Float32Array): QueryPoint {
    const square = squareAt(query, 0, query.length);
    if (!Number.isFinite(square)) throw new MnemeError("NOT_FINITE", "search: the query is not finite");
    checkLength("search: the query", square);
    if (this.metric === "l2") return { values: query, bias: 0, scale: 0.5 };
    if (this.metric === "cosine") checkDirection("search: the query", square);
    const length = this.metric === "dot" ? this.longest : 1;
    const scale = square > 0 && length > 0 ? length / Math.sqrt(square) : 1;
    const values = new Float32Array(this.width);
    for (let i = 0; i < query.length; i++) values[i] = query[i]! * scale;
    if (this.metric === "cosine") return { values, bias: 2, scale: 1 };
    return { values, bias: square * scale ** 2 + this.longest ** 2, scale };
  }

  #longer({ rows, cols, data }: Matrix, verb: string, first: number): Matrix {
    const points = matrix(rows, cols + 1);
    const most = this.longest ** 2;
    for (let r = 0; r < rows; r++) {
      const square = squareAt(data, r * cols, cols);
      if (square > most * (1 + UNIT_SLACK))
        throw new MnemeError(
          "RANGE",
          `${verb}: row ${first + r} is ${Math.sqrt(square)} long, the longest may be ${this.longest}; build again with a larger \`longest\``,
        );
      points.data.set(data.subarray(r * cols, (r + 1) * cols), r * (cols + 1));
      points.data[(r + 1) * (cols + 1) - 1] = Math.sqrt(Math.max(0, most - square));
    }
    return points;
  }
}

export const scoreOf = (distance: number, { bias, scale }: QueryPoint): number =>
  Math.fround((bias - distance) / (2 * scale));

export const distanceOf = (score: number, { bias, scale }: QueryPoint): number => bias - 2 * scale * score;

/** Length of the longest row. */
export function longestOf({ rows, cols, data }: Matrix): number {
  let most = 0;
  for (let r = 0; r < rows; r++) most = Math.max(most, squareAt(data, r * cols, cols));
  return Math.sqrt(most);
}

function squareAt(data: Float32Array, start: number, count: number): number {
  let square = 0;
  for (let i = start; i < start + count; i++) square += data[i]! * data[i]!;
  return square;
}

function unitRows(rows: Matrix, verb: string, first: number): Matrix {
  let areUnits = true;
  for (let r = 0; r < rows.rows; r++) {
    const square = squareAt(rows.data, r * rows.cols, rows.cols);
    checkDirection(`${verb}: row ${first + r}`, square);
    if (Math.abs(square - 1) > UNIT_SLACK) areUnits = false;
  }
  if (areUnits) return rows;
  const copy = matrix(rows.rows, rows.cols, rows.data.slice());
  const step = STEP * rows.cols;
  for (let at = 0; at < copy.data.length; at += step)
    kernels().normalizeF32(copy.data.subarray(at, at + step), rows.cols);
  return copy;
}
