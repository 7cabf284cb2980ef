/** Building: balanced centres, rows to lists, lists to the store. What is there under the name already is replaced. */
import { MnemeError, throwIfAborted } from "../../../errors.ts";
import type { LazyPool } from "../../../kernels/index.ts";
import { type BalancedTree, balancedTree, type Matrix, Random } from "../../../linalg/index.ts";
import { crc32 } from "../../../storage/crc32.ts";
import type { Store } from "../../../storage/store.ts";
import { checkWhole } from "../graph/check.ts";
import type { SlowRowSource } from "../row-source.ts";
import { type About, deleteIndex, FORMAT, noLog, putAbout, putHeads, type SpannMetric } from "./about.ts";
import { type Assignment, assignRows } from "./assign.ts";
import { mostCopies, type Replication, soarDefaults } from "./closure.ts";
import { GraphHeads } from "./graph-heads.ts";
import { encodeHeads, ScannedHeads } from "./heads.ts";
import { ListCoder } from "./list-codes.ts";
import { LiveRows } from "./live-rows.ts";
import { MetricSpace } from "./metric-space.ts";
import { longestIn, Points } from "./points.ts";
import { putCodes, sampleDirections, trained, wishFor } from "./posting-codes.ts";
import { PostingShape, Postings, rowsOfPages } from "./postings.ts";
import { writeLists } from "./write-lists.ts";

export interface SpannBuildOptions {
  readonly metric?: SpannMetric;
  readonly seed?: number;
  /**
   * Coarse codes of lists: "pq4", product codes of as many bytes as a bit a value takes: for equal recall a fifth fewer pages than 1-bit codes
   * ask for, a tenth less time, a quarter longer builds, a rotation of 4 x width x width bytes in RAM; "rabitq1", those 1-bit codes, where the
   * rotation is too large; or those of so many parts, "pq4x32-random", "pq4x32-opq". Default `spannBuildDefaults.codes`.
   */
  readonly codes?: string;
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
  /** Bytes of rows that are held at a time where they come from a source: those that centres are found with, and those on their way to lists. */
  readonly memoryBytes?: number;
  /** Under the metric "dot": length that no row exceeds, also of those that come later; default that of the longest. */
  readonly longest?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BuildProgress) => void;
}

/** Rows that have been looked at, or lists that were written, of all. */
export interface BuildProgress {
  readonly phase: "centres" | "assign" | "write";
  readonly done: number;
  readonly all: number;
}

export const spannBuildDefaults: Required<
  Pick<SpannBuildOptions, "codes" | "metric" | "seed" | "replication" | "memoryBytes">
> = {
  codes: "pq4",
  metric: "cosine",
  seed: 1,
  replication: soarDefaults,
  memoryBytes: 512 << 20,
};

/** Rows of a list at least, by default. */
const LIST_ROWS = 96;
/** Rows of a leaf that its centre is found with. */
const SAMPLED = 20;
/** Of the memory for rows, a block of a source. */
const BLOCK_SHARE = 1 / 4;

/**
 * Builds the index `name` in the store. Until all is written there is none by that name.
 * @param rows a matrix, or a source of blocks that is read several times. Borrowed
 * @throws MnemeError NOT_FINITE, ZERO_VECTOR (cosine), INSUFFICIENT_DATA (no rows), DIMENSION, ARGUMENT (an id that comes twice), RANGE, CANCELLED
 */
export async function buildSpann(
  store: Store,
  name: string,
  rows: Matrix | SlowRowSource,
  options: SpannBuildOptions = {},
): Promise<About> {
  const settings = { ...spannBuildDefaults, ...options };
  const { metric, seed, replication, ids, signal, onProgress } = settings;
  checkIds(rows.rows, ids);
  checkWhole("spann", { leafRows: options.leafRows });
  if (!(settings.memoryBytes > 0))
    throw new MnemeError("RANGE", `spann: memoryBytes must be above 0, got ${settings.memoryBytes}`);
  const points = await pointsOf(rows, settings);
  const { width } = points.space;
  const wish = wishFor(settings.codes, width);
  const limit = settings.limit ?? defaultLimit(wish.rowBytes);
  if (!Number.isInteger(limit) || limit < 2)
    throw new MnemeError("RANGE", `spann: limit must be a whole number from 2, got ${limit}`);
  const report = (phase: BuildProgress["phase"], all: number) => (done: number) => {
    throwIfAborted(signal, "spann");
    onProgress?.({ phase, done, all });
  };
  const tree = await treeOf(points, limit, settings);
  const { scanned, centres, stored } = headsOf(tree, seed);
  using heads = new GraphHeads(scanned);
  report("centres", points.rows)(points.rows);
  const assignment = await assignRows(
    points,
    { ...tree, leaves: centres },
    replication,
    limit,
    settings.pool,
    report("assign", points.rows),
  );
  const { codes, stored: coder } = await trained(wish, width, seed, () =>
    sampleDirections(points, assignment, centres, seed),
  );
  const about: Omit<About, "format"> = {
    build: buildNumber(assignment, stored.fine, coder),
    dim: points.space.dim,
    metric,
    longest: points.space.longest,
    seed,
    limit,
    lists: centres.rows,
    rows: points.rows,
    copies: assignment.rows.length,
    lastRow: ids ? ids.reduce((most, id) => Math.max(most, id), 0) : points.rows - 1,
    replication,
    radius: stored.radius,
    codes: { id: codes.id, bytes: coder.length },
    log: noLog,
  };
  await store.batch((batch) => deleteIndex(batch, name));
  const postings = new Postings(store, name, about.build, new PostingShape(new ListCoder(codes), limit));
  const onLists = report("write", centres.rows);
  const radii = await writeLists(store, postings, points, centres, assignment, { ...settings, onLists });
  const counts = Uint32Array.from(radii, (_, l) => assignment.starts[l + 1]! - assignment.starts[l]!);
  await heads.relink(settings);
  await store.batch((batch) => {
    heads.write(batch, name);
    putHeads(batch, name, { ...stored, counts, radii });
    putCodes(batch, name, coder);
    LiveRows.of(name, ids ?? Array(points.rows).keys()).write(batch);
    putAbout(batch, name, about);
  });
  return { format: FORMAT, ...about };
}

type Settings = SpannBuildOptions & typeof spannBuildDefaults;

function checkIds(rows: number, ids: Uint32Array | undefined): void {
  if (rows === 0) throw new MnemeError("INSUFFICIENT_DATA", "spann: there are no rows to build from");
  if (!ids) return;
  if (ids.length !== rows)
    throw new MnemeError("DIMENSION", `spann: ${ids.length} ids for ${rows} rows; give one for each`);
  const sorted = ids.slice().sort();
  const twice = sorted.find((id, i) => i > 0 && id === sorted[i - 1]);
  if (twice !== undefined)
    throw new MnemeError("ARGUMENT", `spann: id ${twice} comes twice; give each row its own`);
}

/** @throws MnemeError NOT_FINITE, ZERO_VECTOR, RANGE */
async function pointsOf(
  rows: Matrix | SlowRowSource,
  { metric, memoryBytes, longest }: Settings,
): Promise<Points> {
  const blockBytes = memoryBytes * BLOCK_SHARE;
  const known = metric === "dot" ? (longest ?? (await longestIn(rows, blockBytes))) : 0;
  if (!Number.isFinite(known))
    throw new MnemeError("NOT_FINITE", "spann: a row is not finite, so there is no longest one");
  return new Points(rows, new MetricSpace(metric, rows.cols, known), blockBytes);
}

function defaultLimit(rowBytes: number): number {
  for (let pages = 1; ; pages++) {
    const rows = rowsOfPages(rowBytes, pages);
    if (rows >= LIST_ROWS) return rows;
  }
}

/** The tree of a sample that is large enough for every leaf, or as large as memory allows. */
async function treeOf(points: Points, limit: number, settings: Settings): Promise<BalancedTree> {
  const { replication, seed, pool, signal, memoryBytes } = settings;
  const leafRows = settings.leafRows ?? Math.max(1, Math.floor(limit / Math.min(2, mostCopies(replication))));
  const most = points.whole ? points.rows : Math.max(1, Math.floor(memoryBytes / (points.space.width * 4)));
  const wanted = Math.min(points.rows, most, Math.ceil(points.rows / leafRows) * SAMPLED);
  const places =
    wanted === points.rows
      ? Array.from({ length: wanted }, (_, row) => row)
      : Array.from(new Random(seed).sample(points.rows, wanted)).sort((a, b) => a - b);
  return balancedTree(await points.pick(places), {
    leafRows: Math.max(1, Math.floor((leafRows * wanted) / points.rows)),
    seed,
    ...(pool ? { pool } : {}),
    ...(signal ? { signal } : {}),
  });
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
function buildNumber({ starts, rows }: Assignment, fine: Uint8Array, coder: Uint8Array): number {
  let sum = crc32(coder, crc32(fine));
  for (const part of [starts, rows])
    sum = crc32(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), sum);
  return sum;
}
