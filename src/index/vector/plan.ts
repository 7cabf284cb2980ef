/**
 * plan: which kind of vector index the segments of a space shall have: the fastest one that fits into the bytes that are left. Only
 * computes. The constants are of `mneme bench library-vectors`, on one core.
 */
import { MnemeError } from "../../errors.ts";
import { diskGraphBytes } from "./disk-graph/segment-disk-graph.ts";
import { graphBytes } from "./graph/segment-graph.ts";
import { VECTOR_INDEXES, type VectorIndex } from "./kinds.ts";
import { listsBytes } from "./spann/segment-lists.ts";

export const VECTOR_WISHES: readonly ["auto", ...VectorIndex[]] = ["auto", ...VECTOR_INDEXES];
export type VectorWish = (typeof VECTOR_WISHES)[number];

export interface PlanInput {
  /** Rows of each segment. */
  readonly segments: readonly number[];
  /** Values of a vector. */
  readonly dim: number;
  /** Bytes of a row's coarse code. */
  readonly coarseBytes: number;
  /** Bytes of RAM left for vectors. */
  readonly budgetBytes: number;
  readonly wish: VectorWish;
}

export interface Estimate {
  readonly kind: VectorIndex;
  /** RAM of all segments, small ones flat. */
  readonly bytes: number;
  /** A search's time in the indexes, on one core. */
  readonly ms: number;
  readonly fits: boolean;
}

export interface VectorPlan extends Estimate {
  readonly reason: string;
  /** A segment of fewer rows stays flat. */
  readonly leastRows: number;
  readonly alternatives: readonly Estimate[];
}

/** Milliseconds that a byte of coarse codes takes to scan. */
const SCAN_MS = 0.11e-6;
/**
 * Milliseconds of a walk for a recall of 0.95 at 10, whatever the segment's rows; questions that lie far from all passages make it long. Walks
 * of `disk-graph` took 0.5 to 1.1 times as long as those of `graph`, its building 1.3 to 2.6 times: they count as equal, and `graph` is taken
 * where it fits.
 */
const WALK_MS = 0.4;
/** Milliseconds of a walk for each row of its list: 1.3 for a list of 660 over 303,846 passages of 256 values. */
const WALK_ROW_MS = 0.002;
/** Milliseconds of reading the lists near a query from pages in RAM, and of scanning them. */
const LISTS_MS = 3;
/** No index is built over fewer rows, though it be wished for. */
const LEAST_ROWS = 2048;
/** Rows from which lists take less RAM than a scan's codes. */
const LISTS_ROWS = 32_768;

/** @throws MnemeError ARGUMENT */
export function checkWish(wish: VectorWish): VectorWish {
  if (VECTOR_WISHES.includes(wish)) return wish;
  const known = VECTOR_WISHES.join(", ");
  throw new MnemeError("ARGUMENT", `open: unknown vector index ${JSON.stringify(wish)}; use one of ${known}`);
}

/** Whether the planned kind fits is in `fits`. @throws MnemeError ARGUMENT for an unknown wish */
export function planVectors(input: PlanInput): VectorPlan {
  checkWish(input.wish);
  const all = VECTOR_INDEXES.map((kind) => estimate(kind, input));
  const chosen = input.wish === "auto" ? fastest(all) : all.find(({ kind }) => kind === input.wish)!;
  return {
    ...chosen,
    reason: reasonOf(chosen, all, input),
    leastRows: leastRows(chosen.kind, input),
    alternatives: all.filter((one) => one !== chosen),
  };
}

/** The kind that a segment of so many rows gets. */
export function kindFor({ kind, leastRows: least }: VectorPlan, rows: number): VectorIndex {
  return rows >= least ? kind : "flat";
}

/** The longest list of a walk that ends before a scan of so many rows would. */
export const mostEffort = (rows: number, coarseBytes: number): number =>
  Math.floor((rows * coarseBytes * SCAN_MS) / WALK_ROW_MS);

/** The fastest that fits, the smallest where none does. Lists only where nothing else fits: their time holds while their pages stay in RAM. */
function fastest(all: readonly Estimate[]): Estimate {
  const resident = all.filter(({ kind, fits }) => fits && kind !== "lists");
  const fitting = resident.length > 0 ? resident : all.filter(({ fits }) => fits);
  // of equals the first: flat has nothing to build
  if (fitting.length > 0) return fitting.reduce((best, one) => (one.ms < best.ms ? one : best));
  return all.reduce((best, one) => (one.bytes < best.bytes ? one : best));
}

function estimate(kind: VectorIndex, input: PlanInput): Estimate {
  const least = leastRows(kind, input);
  let [bytes, ms] = [0, 0];
  for (const rows of input.segments) {
    const one = rows >= least ? segmentOf(kind, rows, input) : segmentOf("flat", rows, input);
    bytes += one.bytes;
    ms += one.ms;
  }
  return { kind, bytes, ms, fits: bytes <= input.budgetBytes };
}

function segmentOf(
  kind: VectorIndex,
  rows: number,
  { dim, coarseBytes }: PlanInput,
): { bytes: number; ms: number } {
  switch (kind) {
    case "flat": {
      const bytes = Math.ceil(rows / 32) * 32 * coarseBytes;
      return { bytes, ms: bytes * SCAN_MS };
    }
    case "graph":
      return { bytes: graphBytes(rows, dim), ms: WALK_MS };
    case "disk-graph":
      return { bytes: diskGraphBytes(rows, dim), ms: WALK_MS };
    case "lists":
      return { bytes: listsBytes(rows, dim), ms: LISTS_MS };
    default:
      return kind satisfies never;
  }
}

/** Rows from which a kind is worth building: chosen by the plan, where a scan takes longer; wished for, where there is something to index. */
function leastRows(kind: VectorIndex, { coarseBytes, wish }: PlanInput): number {
  if (kind === "flat") return 0;
  if (wish === kind) return LEAST_ROWS;
  // lists are for what does not fit, and hold more than a scan where there is little
  if (kind === "lists") return LISTS_ROWS;
  return Math.max(LEAST_ROWS, Math.ceil(WALK_MS / (coarseBytes * SCAN_MS)));
}

function reasonOf(
  chosen: Estimate,
  all: readonly Estimate[],
  { budgetBytes, wish, ...input }: PlanInput,
): string {
  const { kind, bytes, fits } = chosen;
  const left = `the ${megabytes(budgetBytes)} left for vectors`;
  if (!fits) return `${kind} takes ${megabytes(bytes)}, more than ${left}`;
  if (wish !== "auto") return `${kind} was asked for`;
  if (kind === "lists")
    return `no other fits into ${left}: ${others(all)}; lists hold ${megabytes(bytes)} and read the rest from disk`;
  if (kind !== "flat") {
    const [flat, graph] = (["flat", "graph"] as const).map((one) => all.find((other) => other.kind === one)!);
    const own = `${kind} searches in about ${round(chosen.ms)} ms where a scan takes ${round(flat!.ms)}, and its ${megabytes(bytes)} fit into ${left}`;
    return graph!.fits ? own : `${own}; those of graph would be ${megabytes(graph!.bytes)}`;
  }
  const faster = all.filter((one) => one.ms < chosen.ms && !one.fits);
  if (faster.length > 0)
    return faster
      .map((one) => `${one.kind} would be faster, but its ${megabytes(one.bytes)} do not fit into ${left}`)
      .join("; ");
  const least = leastRows("graph", { ...input, budgetBytes, wish });
  return `no segment has the ${least} passages from which a graph is faster than a scan`;
}

const others = (all: readonly Estimate[]): string =>
  all
    .filter(({ kind }) => kind !== "lists")
    .map((one) => `${one.kind} takes ${megabytes(one.bytes)}`)
    .join(", ");
const round = (ms: number): number => Math.round(ms * 100) / 100;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
