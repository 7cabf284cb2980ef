/** Building: balanced centres, rows to lists, lists to the store. What is there under the name already is replaced. */
import { MnemeError, throwIfAborted } from "../../../errors.ts";
import { kernels, type LazyPool } from "../../../kernels/index.ts";
import {
  type BalancedTree,
  balancedTree,
  type Matrix,
  matrix,
  Random,
  rowOf,
} from "../../../linalg/index.ts";
import { crc32 } from "../../../storage/crc32.ts";
import type { Store } from "../../../storage/store.ts";
import { type About, deleteIndex, FORMAT, putAbout, putHeads, type SpannMetric } from "./about.ts";
import { type Assignment, assignRows } from "./assign.ts";
import { mostCopies, type Replication, soarDefaults } from "./closure.ts";
import { GraphHeads } from "./graph-heads.ts";
import { encodeHeads, ScannedHeads } from "./heads.ts";
import { ListCoder } from "./list-codes.ts";
import { LiveRows } from "./live-rows.ts";
import { PostingShape, Postings, rowsOfPages } from "./postings.ts";

export interface SpannBuildOptions {
  readonly metric?: SpannMetric;
  readonly seed?: number;
  /** How rows get into further lists; default SOAR. */
  readonly replication?: Replication;
  /** Rows of a list at most; default as many as fill whole pages of the disk store, about a hundred. */
  readonly limit?: number;
  /** Rows whose nearest centre is a list's, at most, when the centres are chosen; default the limit over the copies of a row, at most 2. */
  readonly leafRows?: number;
  /** Row number of `rows[i]`; default i. */
  readonly ids?: Uint32Array;
  /** Threads that help, borrowed. */
  readonly pool?: LazyPool;
  readonly signal?: AbortSignal;
}

export const spannBuildDefaults: Required<Pick<SpannBuildOptions, "metric" | "seed" | "replication">> = {
  metric: "cosine",
  seed: 1,
  replication: soarDefaults,
};

/** Rows of a list at least, by default. */
const LIST_ROWS = 96;
/** Rows of a leaf that its centre is found with. */
const SAMPLED = 20;
/** Lists written in one transaction. */
const BATCH_LISTS = 1024;

/**
 * Builds the index `name` in the store. Until all is written there is none by that name.
 * @param rows borrowed. @throws MnemeError NOT_FINITE, ZERO_VECTOR (cosine), INSUFFICIENT_DATA (no rows), DIMENSION, ARGUMENT (an id
 * that comes twice), RANGE, CANCELLED
 */
export async function buildSpann(
  store: Store,
  name: string,
  rows: Matrix,
  options: SpannBuildOptions = {},
): Promise<About> {
  const settings = { ...spannBuildDefaults, ...options };
  const points = checkedRows(rows, settings);
  const coder = new ListCoder(rows.cols, settings.seed);
  const limit = settings.limit ?? defaultLimit(coder);
  if (!Number.isInteger(limit) || limit < 2)
    throw new MnemeError("RANGE", `spann: limit must be a whole number from 2, got ${limit}`);
  const tree = treeOf(points, limit, settings);
  const { scanned, centres, stored } = headsOf(tree, settings.seed);
  using heads = new GraphHeads(scanned);
  const assignment = assignRows(
    points,
    { ...tree, leaves: centres },
    settings.replication,
    limit,
    settings.pool,
  );
  throwIfAborted(settings.signal, "spann");
  const about: Omit<About, "format"> = {
    build: buildNumber(assignment, stored.fine),
    dim: rows.cols,
    metric: settings.metric,
    seed: settings.seed,
    limit,
    lists: centres.rows,
    rows: rows.rows,
    copies: assignment.rows.length,
    lastRow: settings.ids ? settings.ids.reduce((most, id) => Math.max(most, id), 0) : rows.rows - 1,
    replication: settings.replication,
    radius: stored.radius,
  };
  await store.batch((batch) => deleteIndex(batch, name));
  const postings = new Postings(store, name, about.build, new PostingShape(coder, limit));
  const radii = await writeLists(store, postings, points, centres, assignment, settings);
  const counts = Uint32Array.from(radii, (_, l) => assignment.starts[l + 1]! - assignment.starts[l]!);
  await heads.relink(settings);
  await store.batch((batch) => {
    heads.write(batch, name);
    putHeads(batch, name, { ...stored, counts, radii });
    LiveRows.of(name, settings.ids ?? Array(rows.rows).keys()).write(batch);
    putAbout(batch, name, about);
  });
  return { format: FORMAT, ...about };
}

type Settings = SpannBuildOptions & typeof spannBuildDefaults;

/** The rows, at unit length where the metric wants that. @throws MnemeError as buildSpann */
function checkedRows(rows: Matrix, { metric, ids }: SpannBuildOptions): Matrix {
  if (rows.rows === 0) throw new MnemeError("INSUFFICIENT_DATA", "spann: there are no rows to build from");
  if (ids && ids.length !== rows.rows)
    throw new MnemeError("DIMENSION", `spann: ${ids.length} ids for ${rows.rows} rows; give one for each`);
  const twice = ids && repeated(ids);
  if (twice !== undefined)
    throw new MnemeError("ARGUMENT", `spann: id ${twice} comes twice; give each row its own`);
  const bad = kernels().findNotFinite(rows.data);
  if (bad >= 0)
    throw new MnemeError("NOT_FINITE", `spann: row ${Math.floor(bad / rows.cols)} holds ${rows.data[bad]}`);
  return (metric ?? spannBuildDefaults.metric) === "cosine" ? unitRows(rows) : rows;
}

function repeated(ids: Uint32Array): number | undefined {
  const sorted = ids.slice().sort();
  return sorted.find((id, i) => i > 0 && id === sorted[i - 1]);
}

/** A copy only where a row is not of unit length. */
function unitRows(rows: Matrix): Matrix {
  let areUnits = true;
  for (let r = 0; r < rows.rows; r++) {
    let square = 0;
    for (let i = r * rows.cols; i < (r + 1) * rows.cols; i++) square += rows.data[i]! * rows.data[i]!;
    if (square === 0)
      throw new MnemeError("ZERO_VECTOR", `spann: row ${r} is zero, which has no cosine; leave it out`);
    if (Math.abs(square - 1) > 1e-5) areUnits = false;
  }
  if (areUnits) return rows;
  const copy = matrix(rows.rows, rows.cols, rows.data.slice());
  const step = 4096 * rows.cols;
  for (let at = 0; at < copy.data.length; at += step)
    kernels().normalizeF32(copy.data.subarray(at, at + step), rows.cols);
  return copy;
}

function defaultLimit(coder: ListCoder): number {
  for (let pages = 1; ; pages++) {
    const rows = rowsOfPages(coder, pages);
    if (rows >= LIST_ROWS) return rows;
  }
}

/** The tree of a sample that is large enough for every leaf. */
function treeOf(
  rows: Matrix,
  limit: number,
  { replication, seed, pool, signal, ...given }: Settings,
): BalancedTree {
  const leafRows = given.leafRows ?? Math.max(1, Math.floor(limit / Math.min(2, mostCopies(replication))));
  const wanted = Math.ceil(rows.rows / leafRows) * SAMPLED;
  const share = Math.min(1, wanted / rows.rows);
  const sample = share === 1 ? rows : sampleOf(rows, wanted, seed);
  return balancedTree(sample, {
    leafRows: Math.max(1, Math.floor(leafRows * share)),
    seed,
    ...(pool ? { pool } : {}),
    ...(signal ? { signal } : {}),
  });
}

function sampleOf(rows: Matrix, count: number, seed: number): Matrix {
  const places = new Random(seed).sample(rows.rows, count);
  const sample = matrix(count, rows.cols);
  places.forEach((place, i) => sample.data.set(rowOf(rows, place), i * rows.cols));
  return sample;
}

interface CodedHeads {
  readonly mean: Float32Array;
  readonly radius: number;
  readonly coarse: Uint8Array;
  readonly fine: Uint8Array;
}

/** Heads, and the centres as searches will know them. */
function headsOf(
  tree: BalancedTree,
  seed: number,
): { scanned: ScannedHeads; centres: Matrix; stored: CodedHeads } {
  const { coder, ...stored } = encodeHeads(tree.leaves, seed);
  const scanned = new ScannedHeads(coder, stored.mean, stored.radius, stored.coarse, stored.fine);
  return { scanned, centres: scanned.centres(), stored };
}

/** Tells builds apart: the same rows and settings give the same number. */
function buildNumber({ starts, rows }: Assignment, fine: Uint8Array): number {
  let sum = crc32(fine);
  for (const part of [starts, rows])
    sum = crc32(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), sum);
  return sum;
}

/** @returns radius of each list */
async function writeLists(
  store: Store,
  postings: Postings,
  points: Matrix,
  centres: Matrix,
  { starts, rows }: Assignment,
  { ids, signal }: Settings,
): Promise<Float32Array> {
  const { coder } = postings.shape;
  const { cols } = points;
  const radii = new Float32Array(centres.rows);
  for (let first = 0; first < centres.rows; first += BATCH_LISTS) {
    throwIfAborted(signal, "spann");
    await store.batch((batch) => {
      for (let list = first; list < Math.min(centres.rows, first + BATCH_LISTS); list++) {
        const own = rows.subarray(starts[list]!, starts[list + 1]!);
        const values = new Float32Array(own.length * cols);
        own.forEach((row, i) => values.set(rowOf(points, row), i * cols));
        const codes = coder.encode(values, rowOf(centres, list));
        radii[list] = codes.radius;
        postings.put(batch, list, { ids: ids ? own.map((row) => ids[row]!) : own, ...codes });
      }
    });
  }
  return radii;
}
