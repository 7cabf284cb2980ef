/**
 * A HeadContext over arrays: computes from the queries themselves what attention would have kept. The slow twin of the runtime's own, for
 * benchmarks on made-up caches and for tests.
 */
import { MnemeError } from "../errors.ts";
import type { HeadContext, KvSegment, QueryStatistics, WindowWeights } from "./parts.ts";

export interface PlainHeadOptions {
  readonly segment: KvSegment;
  /** f32 [query heads of the group x slots x dim], rotated; the query of row s is at the position of slot s. */
  readonly queries: Float32Array;
  /** What window weights are asked for; 0: none. */
  readonly windowQueries?: number;
  rotate(row: Float32Array, position: number): void;
  unrotate(row: Float32Array, position: number): void;
  readonly place?: Pick<HeadContext, "layer" | "kvHead" | "layers" | "kvHeads">;
}

/** @throws MnemeError DIMENSION when arrays do not fit together */
export function plainHead(options: PlainHeadOptions): HeadContext {
  const { segment, queries, windowQueries = 0, rotate, unrotate } = options;
  const { dim, positions } = segment;
  const slots = positions.length;
  const group = queries.length / (slots * dim);
  if (
    !Number.isInteger(group) ||
    segment.keys.length !== slots * dim ||
    segment.values.length !== slots * dim
  )
    throw new MnemeError(
      "DIMENSION",
      `plain head: ${slots} slots of ${dim} values need as many keys and values and whole query heads; got ${segment.keys.length}, ${segment.values.length} and ${queries.length} values`,
    );
  const row = (head: number, slot: number): Float32Array =>
    queries.subarray((head * slots + slot) * dim, (head * slots + slot + 1) * dim);
  return {
    ...(options.place ?? { layer: 0, kvHead: 0, layers: 1, kvHeads: 1 }),
    group,
    dim,
    slots,
    segment: () => segment,
    windowWeights: () => windowWeights(segment, group, row, windowQueries),
    weightSums: () => weightSums(segment, group, row),
    queryStatistics: () => queryStatistics(segment, group, row, unrotate),
    rotate,
    unrotate,
  };
}

type QueryOf = (head: number, slot: number) => Float32Array;

/** Weights of the query at slot `last` over the slots up to it, into `out`. */
function attendTo(
  { dim, keys, counts }: KvSegment,
  query: Float32Array,
  last: number,
  out: Float32Array,
): void {
  let most = Number.NEGATIVE_INFINITY;
  const logits = new Float64Array(last + 1);
  for (let s = 0; s <= last; s++) {
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += query[i]! * keys[s * dim + i]!;
    logits[s] = dot / Math.sqrt(dim) + (counts ? Math.log(counts[s]!) : 0);
    most = Math.max(most, logits[s]!);
  }
  let sum = 0;
  for (let s = 0; s <= last; s++) sum += logits[s] = Math.exp(logits[s]! - most);
  for (let s = 0; s <= last; s++) out[s] = logits[s]! / sum;
}

function windowWeights(segment: KvSegment, group: number, row: QueryOf, wanted: number): WindowWeights {
  if (wanted < 1)
    throw new MnemeError("UNSUPPORTED", "plain head: no window queries were asked for; name their number");
  const slots = segment.positions.length;
  const count = Math.min(wanted, slots);
  const weights = new Float32Array(group * count * slots);
  for (let head = 0; head < group; head++) {
    for (let q = 0; q < count; q++) {
      const last = slots - count + q;
      attendTo(segment, row(head, last), last, weights.subarray((head * count + q) * slots));
    }
  }
  return { queries: count, weights };
}

function weightSums(segment: KvSegment, group: number, row: QueryOf): Float32Array {
  const slots = segment.positions.length;
  const sums = new Float64Array(slots);
  const weights = new Float32Array(slots);
  for (let head = 0; head < group; head++) {
    for (let q = 0; q < slots; q++) {
      attendTo(segment, row(head, q), q, weights);
      for (let s = 0; s <= q; s++) sums[s]! += weights[s]! / group;
    }
  }
  return Float32Array.from(sums);
}

/** The first tokens are not like the others: their queries do not count. */
const SKIPPED = 4;

function queryStatistics(
  { dim, positions }: KvSegment,
  group: number,
  row: QueryOf,
  unrotate: (row: Float32Array, position: number) => void,
): QueryStatistics {
  const mean = new Float32Array(group * dim);
  const covariance = new Float32Array(group * dim * dim);
  for (let head = 0; head < group; head++) {
    const rows = Array.from({ length: Math.max(0, positions.length - SKIPPED) }, (_, i) => {
      const query = row(head, SKIPPED + i).slice();
      unrotate(query, positions[SKIPPED + i]!);
      return query;
    });
    const middle = Float64Array.from({ length: dim }, (_, i) =>
      rows.reduce((sum, query) => sum + query[i]! / rows.length, 0),
    );
    mean.set(middle, head * dim);
    const products = new Float64Array(dim * dim);
    for (const query of rows)
      for (let i = 0; i < dim; i++)
        for (let j = 0; j < dim; j++)
          products[i * dim + j]! += (query[i]! - middle[i]!) * (query[j]! - middle[j]!);
    covariance.set(
      products.map((sum) => sum / Math.max(1, rows.length - 1)),
      head * dim * dim,
    );
  }
  return { mean, covariance };
}
