/**
 * The attention that queries still to come will pay: queries are taken as normal, their mean and covariance turned to the positions ahead
 * of the cache and averaged there; a slot is worth its expected weight times the length of its value (Devoto et al., Expected Attention:
 * KV Cache Compression by Estimating Attention from Future Queries Distribution, 2025). Needs no question in view.
 */
import { checkScores, checkWhole } from "../checks.ts";
import type { HeadContext, Scorer } from "../parts.ts";

export interface ExpectedAttentionOptions {
  /** Positions ahead that are averaged over; default 512. */
  readonly ahead?: number;
  /** Slots at the start that take no part in the weights; default 4. */
  readonly sinks?: number;
}

export const expectedAttentionDefaults = { ahead: 512, sinks: 4 } as const;

/** @throws MnemeError RANGE naming the option; score: NOT_FINITE */
export function expectedAttention(options: ExpectedAttentionOptions = {}): Scorer {
  const { ahead, sinks } = { ...expectedAttentionDefaults, ...options };
  checkWhole("expected attention", "ahead", ahead, 1);
  checkWhole("expected attention", "sinks", sinks, 0);
  return {
    needs: { queryStatistics: true },
    score(head, out) {
      const from = Math.min(sinks, head.slots);
      weigh(head, meanRotation(head, ahead), from, out);
      // sinks took no part: they are worth as much as the best
      out.fill(
        out.subarray(from).reduce((most, one) => Math.max(most, one), 0),
        0,
        from,
      );
      checkScores("expected attention", head, out);
    },
  };
}

function weigh(head: HeadContext, rotation: Float64Array, from: number, out: Float32Array): void {
  const { dim, group, slots } = head;
  const { keys, values } = head.segment();
  const { mean, covariance } = head.queryStatistics();
  out.fill(0);
  const logits = new Float64Array(slots);
  for (let query = 0; query < group; query++) {
    const middle = product(rotation, mean.subarray(query * dim, (query + 1) * dim), 1, dim);
    const spread = covariance.subarray(query * dim * dim, (query + 1) * dim * dim);
    // R C R' is symmetric as C is: two products from the left with a transpose between
    const turned = product(rotation, transposed(product(rotation, spread, dim, dim), dim), dim, dim);
    for (let s = from; s < slots; s++)
      logits[s] = expectedLogit(keys.subarray(s * dim, (s + 1) * dim), middle, turned);
    softmax(logits.subarray(from)).forEach((weight, i) => {
      out[from + i]! += weight / group;
    });
  }
  for (let s = from; s < slots; s++) out[s]! *= Math.hypot(...values.subarray(s * dim, (s + 1) * dim));
}

/** ln E[exp(<q, k> / sqrt(dim))] for a normal q. */
function expectedLogit(key: Float32Array, mean: Float64Array, covariance: Float64Array): number {
  const dim = key.length;
  let along = 0;
  let square = 0;
  for (let i = 0; i < dim; i++) {
    let row = 0;
    for (let j = 0; j < dim; j++) row += covariance[i * dim + j]! * key[j]!;
    square += row * key[i]!;
    along += mean[i]! * key[i]!;
  }
  return along / Math.sqrt(dim) + square / (2 * dim);
}

/** Mean of the rotations to the positions behind the last slot. f64 [dim x dim], applied from the left */
function meanRotation(head: HeadContext, ahead: number): Float64Array {
  const { dim, slots } = head;
  const { positions } = head.segment();
  const next = slots === 0 ? 0 : positions[slots - 1]! + 1;
  const rotation = new Float64Array(dim * dim);
  const row = new Float32Array(dim);
  for (let column = 0; column < dim; column++) {
    for (let step = 0; step < ahead; step++) {
      row.fill(0);
      row[column] = 1;
      head.rotate(row, next + step);
      for (let i = 0; i < dim; i++) rotation[i * dim + column]! += row[i]! / ahead;
    }
  }
  return rotation;
}

/** a x b, a: [dim x dim], b: [dim x columns] */
function product(a: Float64Array, b: ArrayLike<number>, columns: number, dim: number): Float64Array {
  const out = new Float64Array(dim * columns);
  for (let i = 0; i < dim; i++)
    for (let k = 0; k < dim; k++)
      for (let j = 0; j < columns; j++) out[i * columns + j]! += a[i * dim + k]! * b[k * columns + j]!;
  return out;
}

function transposed(a: Float64Array, dim: number): Float64Array {
  return Float64Array.from(a, (_, i) => a[(i % dim) * dim + Math.floor(i / dim)]!);
}

function softmax(logits: Float64Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = logits.map((logit) => Math.exp(logit - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}
