/** What a build takes its rows from, as points of its metric: a matrix, or a source that gives blocks of them. */
import { MnemeError } from "../../../errors.ts";
import { type Matrix, matrix } from "../../../linalg/index.ts";
import type { SlowRowSource } from "../row-source.ts";
import { longestOf, type MetricSpace } from "./metric-space.ts";

export function isMatrix(rows: Matrix | SlowRowSource): rows is Matrix {
  return "data" in rows;
}

/** Blocks of a source, as points of a metric. */
export class Points {
  readonly rows: number;
  readonly space: MetricSpace;
  /** All of them, where they are in memory. */
  readonly whole: Matrix | undefined;
  readonly #source: SlowRowSource | undefined;
  readonly #blockRows: number;

  /** @param blockBytes bytes of a block of a source that is no matrix. @throws MnemeError as MetricSpace.points */
  constructor(rows: Matrix | SlowRowSource, space: MetricSpace, blockBytes: number) {
    this.rows = rows.rows;
    this.space = space;
    this.#blockRows = Math.max(1, Math.floor(blockBytes / (space.width * 4)));
    if (isMatrix(rows)) this.whole = space.points(rows, "spann");
    else this.#source = rows;
  }

  /** Rows from number `first` on. @throws as MetricSpace.points; DIMENSION */
  async *blocks(): AsyncGenerator<{ readonly first: number; readonly points: Matrix }> {
    if (this.whole) {
      yield { first: 0, points: this.whole };
      return;
    }
    for (let first = 0; first < this.rows; first += this.#blockRows)
      yield {
        first,
        points: this.space.points(await read(this.#source!, first, this.#blockRows), "spann", first),
      };
  }

  /** Some rows. @param places ascending. @returns owned, or all of them borrowed */
  async pick(places: ArrayLike<number>): Promise<Matrix> {
    if (this.whole && places.length === this.rows) return this.whole;
    const picked = matrix(places.length, this.space.width);
    let at = 0;
    for await (const { first, points } of this.blocks())
      for (; at < places.length && places[at]! < first + points.rows; at++) {
        const start = (places[at]! - first) * points.cols;
        picked.data.set(points.data.subarray(start, start + points.cols), at * points.cols);
      }
    return picked;
  }
}

/** Length of the longest row of a source. */
export async function longestIn(rows: Matrix | SlowRowSource, blockBytes: number): Promise<number> {
  if (isMatrix(rows)) return longestOf(rows);
  let longest = 0;
  const step = Math.max(1, Math.floor(blockBytes / (rows.cols * 4)));
  for (let first = 0; first < rows.rows; first += step)
    longest = Math.max(longest, longestOf(await read(rows, first, step)));
  return longest;
}

async function read(source: SlowRowSource, first: number, most: number): Promise<Matrix> {
  const count = Math.min(most, source.rows - first);
  const values = await source.read(first, count);
  if (values.length !== count * source.cols)
    throw new MnemeError(
      "DIMENSION",
      `spann: rows ${first} to ${first + count} came as ${values.length} values, expected ${count} x ${source.cols}`,
    );
  return matrix(count, source.cols, values);
}
