/**
 * How many principal components does retrieval need? The least number at which held-out queries still find their neighbours. Explained
 * variance does not tell: half of it may be enough, or nine tenths too little (PCA-RAG, 2025, keeps a fixed number).
 */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { sampleRows } from "../linalg/k-means.ts";
import { gatherRows, type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { squareOf } from "../linalg/square.ts";
import { checkRows } from "./check.ts";
import type { Metric } from "./codec.ts";
import { pca } from "./pca.ts";
import { scoreOf } from "./score.ts";

export interface DimensionOptions {
  /** Share of the nearest neighbours that must still be found, above 0 to 1; default 0.99. */
  readonly keep?: number;
  /** Neighbours looked for; default 10. */
  readonly neighbours?: number;
  /** Rows found by their projections, among which full vectors find the neighbours; default 100. As many as neighbours: none is re-scored. */
  readonly candidates?: number;
  /** Default "cosine". */
  readonly metric?: Metric;
  /** What is asked, of the sample's width; by default a share of the sample's rows, which are then held out. */
  readonly queries?: Matrix;
  /** As `pca` has them. */
  readonly whiten?: boolean;
  readonly centre?: boolean;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export const dimensionDefaults = {
  keep: 0.99,
  neighbours: 10,
  candidates: 100,
  metric: "cosine",
} as const;

export interface DimensionPoint {
  readonly dim: number;
  /** Share of the neighbours found. */
  readonly found: number;
}

export interface DimensionChoice {
  readonly dim: number;
  /** Below `keep` where all components together lose more: angles of centred rows are not those of the rows. */
  readonly found: number;
  /** All numbers of components that were tried, ascending: to be plotted. */
  readonly curve: readonly DimensionPoint[];
}

/** Rows searched, queries held out, and rows that components are fitted on, at most. */
const MOST = { rows: 20_000, queries: 200, fitted: 8192 } as const;
const HELD_OUT = 0.1;
const FIRST = 4;

/**
 * Deterministic: the same sample and seed give the same choice. Tries 4, 8, 16 ... components, all of them for the curve, then halves the
 * gap below the first that keeps enough.
 * @param sample rows of the documents. @throws MnemeError RANGE, DIMENSION, NOT_FINITE, INSUFFICIENT_DATA, CANCELLED
 */
export function chooseDimension(sample: Matrix, options: DimensionOptions = {}): DimensionChoice {
  const { keep, neighbours, candidates } = { ...dimensionDefaults, ...options };
  check(sample, keep, neighbours, candidates, options.queries);
  const trial = new Trial(sample, options);
  const tried = new Map<number, number>();
  const found = (dim: number): number => {
    throwIfAborted(options.signal, "dimension");
    const known = tried.get(dim) ?? trial.found(dim);
    tried.set(dim, known);
    return known;
  };
  const grid: number[] = [];
  for (let dim = FIRST; dim < trial.most; dim *= 2) grid.push(dim);
  grid.push(trial.most);
  for (const dim of grid) found(dim);
  let high = grid.find((dim) => found(dim) >= keep) ?? trial.most;
  let low = grid[grid.indexOf(high) - 1] ?? 0;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (found(middle) >= keep) high = middle;
    else low = middle;
  }
  const curve = [...tried].map(([dim, share]) => ({ dim, found: share })).sort((a, b) => a.dim - b.dim);
  return { dim: high, found: found(high), curve };
}

function check(sample: Matrix, keep: number, neighbours: number, candidates: number, queries?: Matrix): void {
  if (!(keep > 0 && keep <= 1))
    throw new MnemeError("RANGE", `dimension: keep must be a share above 0 to 1, got ${keep}`);
  if (!(Number.isInteger(neighbours) && neighbours >= 1))
    throw new MnemeError("RANGE", `dimension: neighbours must be a whole number from 1, got ${neighbours}`);
  if (!(Number.isInteger(candidates) && candidates >= neighbours))
    throw new MnemeError(
      "RANGE",
      `dimension: candidates must be a whole number from the ${neighbours} neighbours on, got ${candidates}`,
    );
  checkRows("dimension", sample.cols, sample);
  if (queries) checkRows("dimension", sample.cols, queries);
  if (queries?.rows === 0)
    throw new MnemeError("INSUFFICIENT_DATA", "dimension: no queries; give some, or leave them out");
  if (sample.rows < 4 * candidates)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `dimension: ${sample.rows} rows tell little of ${candidates} candidates; give at least ${4 * candidates}`,
    );
}

/** Rows and queries, whole and projected on all components there are: fewer components are the first columns. */
class Trial {
  /** Components that the rows determine. */
  readonly most: number;
  readonly #rows: Matrix;
  readonly #queries: Matrix;
  readonly #metric: Metric;
  readonly #candidates: number;
  /** The nearest rows of each query by the whole vectors. */
  readonly #truth: readonly Set<number>[];

  constructor(sample: Matrix, options: DimensionOptions) {
    const { metric, neighbours, candidates } = { ...dimensionDefaults, ...options };
    const random = new Random(options.seed ?? 1);
    const { rows, queries } = split(sample, options.queries, random);
    const fitted = sampleRows(rows, MOST.fitted, random);
    this.most = Math.min(sample.cols, fitted.rows - 1);
    const { whiten = false, centre = true } = options;
    const transform = pca({ dim: this.most, whiten, centre }).fit(fitted);
    this.#rows = transform.forward(rows);
    this.#queries = transform.forward(queries);
    this.#metric = metric;
    this.#candidates = candidates;
    this.#truth = nearestRows(rows, queries, metric, neighbours).map((best) => new Set(best));
  }

  /** Share of the neighbours among the candidates of the first `dim` components. */
  found(dim: number): number {
    const [rows, queries] = [firstColumns(this.#rows, dim), firstColumns(this.#queries, dim)];
    let [all, found] = [0, 0];
    nearestRows(rows, queries, this.#metric, this.#candidates).forEach((best, q) => {
      all += this.#truth[q]!.size;
      for (const row of best) if (this.#truth[q]!.has(row)) found++;
    });
    return found / all;
  }
}

function split(
  sample: Matrix,
  queries: Matrix | undefined,
  random: Random,
): { rows: Matrix; queries: Matrix } {
  const some = sampleRows(sample, MOST.rows, random);
  if (queries) return { rows: some, queries: sampleRows(queries, MOST.queries, random) };
  const asked = random.sample(some.rows, Math.min(MOST.queries, Math.ceil(HELD_OUT * some.rows)));
  const held = new Set(asked);
  const rest = Array.from({ length: some.rows }, (_, r) => r).filter((r) => !held.has(r));
  return { rows: gatherRows(some, rest), queries: gatherRows(some, asked) };
}

function firstColumns({ rows, cols, data }: Matrix, width: number): Matrix {
  const out = matrix(rows, width);
  for (let r = 0; r < rows; r++) out.data.set(data.subarray(r * cols, r * cols + width), r * width);
  return out;
}

/** Of each query the `count` rows of the highest scores. */
function nearestRows(rows: Matrix, queries: Matrix, metric: Metric, count: number): Uint32Array[] {
  const squares = Float32Array.from({ length: rows.rows }, (_, r) => squareOf(rowOf(rows, r)));
  using room = kernels().arena.alloc(Math.max(4, rows.data.byteLength));
  room.f32().set(rows.data);
  const scores = new Float32Array(rows.rows);
  return Array.from({ length: queries.rows }, (_, q) => {
    const query = rowOf(queries, q);
    const square = squareOf(query);
    kernels().dotF32(query, room.f32().subarray(0, rows.data.length), scores);
    for (let r = 0; r < scores.length; r++) scores[r] = scoreOf(metric, scores[r]!, square, squares[r]!);
    const least = scores.slice().sort().at(-count) ?? Number.NEGATIVE_INFINITY;
    const found = new Uint32Array(count);
    let kept = 0;
    for (let r = 0; r < scores.length && kept < count; r++) if (scores[r]! > least) found[kept++] = r;
    for (let r = 0; r < scores.length && kept < count; r++) if (scores[r] === least) found[kept++] = r;
    return found.subarray(0, kept);
  });
}
