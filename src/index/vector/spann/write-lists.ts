/** Lists to the store. Rows that are not in memory are gathered for many lists at a time, in one pass over their source for each lot. */
import { throwIfAborted } from "../../../errors.ts";
import { type Matrix, matrix, rowOf } from "../../../linalg/index.ts";
import { Pacer } from "../../../pacer.ts";
import type { Store } from "../../../storage/store.ts";
import type { Assignment } from "./assign.ts";
import type { Points } from "./points.ts";
import type { ListValues, Postings } from "./postings.ts";
import { orderBySpread } from "./row-order.ts";

/** Lists written in one transaction. */
const BATCH_LISTS = 1024;

export interface WriteOptions {
  readonly ids?: Uint32Array;
  /** Of the rows that are gathered at a time. */
  readonly memoryBytes: number;
  readonly signal?: AbortSignal;
  /** Lists that are written. */
  readonly onLists?: (lists: number) => void;
}

/** @returns radius of each list */
export async function writeLists(
  store: Store,
  postings: Postings,
  points: Points,
  centres: Matrix,
  assignment: Assignment,
  options: WriteOptions,
): Promise<Float32Array> {
  const radii = new Float32Array(centres.rows);
  const most = Math.max(1, Math.floor(options.memoryBytes / (centres.cols * 4)));
  for (let first = 0; first < centres.rows; ) {
    const last = points.whole ? centres.rows : lotFrom(assignment, first, most);
    const rows = points.whole ? undefined : await gather(points, assignment, first, last, options.signal);
    for (let from = first; from < last; from += BATCH_LISTS) {
      throwIfAborted(options.signal, "spann");
      const to = Math.min(last, from + BATCH_LISTS);
      const valuesOf = (list: number): Float32Array =>
        rows ? slotsOf(rows, assignment, first, list) : copied(points.whole!, assignment, list);
      await writeBatch(store, postings, centres, assignment, { from, to, valuesOf, radii, ids: options.ids });
      options.onLists?.(to);
    }
    first = last;
  }
  return radii;
}

interface Lot {
  readonly from: number;
  readonly to: number;
  readonly valuesOf: (list: number) => Float32Array;
  readonly radii: Float32Array;
  readonly ids: Uint32Array | undefined;
}

async function writeBatch(
  store: Store,
  postings: Postings,
  centres: Matrix,
  { starts, rows }: Assignment,
  { from, to, valuesOf, radii, ids }: Lot,
): Promise<void> {
  const pacer = new Pacer();
  const lists: ListValues[] = [];
  for (let list = from; list < to; list++) {
    const values = valuesOf(list);
    const centre = rowOf(centres, list);
    const order = orderBySpread(values, centre);
    const own = order.map((place) => rows[starts[list]! + place]!);
    const codes = postings.shape.coder.encode(inOrder(values, order, centre.length), centre);
    radii[list] = codes.radius;
    lists.push(postings.values(list, { ids: ids ? own.map((row) => ids[row]!) : own, ...codes }, 0));
    if (pacer.isDue) await pacer.pause();
  }
  await store.batch((batch) => {
    for (const values of lists) postings.write(batch, values);
  });
}

function inOrder(values: Float32Array, order: Uint32Array, dim: number): Float32Array {
  const ordered = new Float32Array(values.length);
  order.forEach((from, to) => ordered.set(values.subarray(from * dim, (from + 1) * dim), to * dim));
  return ordered;
}

/** The first list that does not fit with those from `first` on into `most` rows; at least one does. */
function lotFrom({ starts }: Assignment, first: number, most: number): number {
  let last = first + 1;
  while (last + 1 < starts.length && starts[last + 1]! - starts[first]! <= most) last++;
  return last;
}

/** Rows of lists [first, last), as they lie in the assignment. */
async function gather(
  points: Points,
  { starts, rows }: Assignment,
  first: number,
  last: number,
  signal: AbortSignal | undefined,
): Promise<Matrix> {
  const wanted = rows.subarray(starts[first]!, starts[last]!);
  const gathered = matrix(wanted.length, points.space.width);
  // row above, place below: numbers sort fast
  const order = Float64Array.from(wanted, (row, i) => row * wanted.length + i).sort();
  let at = 0;
  for await (const block of points.blocks()) {
    throwIfAborted(signal, "spann");
    const { cols, data } = block.points;
    const end = (block.first + block.points.rows) * wanted.length;
    for (; at < order.length && order[at]! < end; at++) {
      const place = order[at]! % wanted.length;
      const start = (wanted[place]! - block.first) * cols;
      gathered.data.set(data.subarray(start, start + cols), place * cols);
    }
  }
  return gathered;
}

function slotsOf({ cols, data }: Matrix, { starts }: Assignment, first: number, list: number): Float32Array {
  const base = starts[first]!;
  return data.subarray((starts[list]! - base) * cols, (starts[list + 1]! - base) * cols);
}

function copied(points: Matrix, { starts, rows }: Assignment, list: number): Float32Array {
  const { cols } = points;
  const values = new Float32Array((starts[list + 1]! - starts[list]!) * cols);
  for (let i = starts[list]!; i < starts[list + 1]!; i++)
    values.set(rowOf(points, rows[i]!), (i - starts[list]!) * cols);
  return values;
}
