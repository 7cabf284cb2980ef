/**
 * What recurrent binary embeddings are trained for: that codes rank as they should. Each query, as a float and as a code, against the codes
 * of a batch's documents; and for a version that must match an older one, new queries against old codes and old queries against new codes
 * (backward-compatible training: Shen et al., 2020, as BEBR uses it).
 */
import { unitRows } from "./contrastive.ts";
import type { Jax, Tensor, Weights } from "./jax.ts";
import { codesOf, linearOf } from "./rbe-net.ts";

export interface RbeLossOptions {
  readonly bits: number;
  /** What cosines are divided by. */
  readonly temperature: number;
  /** Shares of the terms: float queries, coded queries, and of either against the older version. */
  readonly asymmetric: number;
  readonly symmetric: number;
  readonly compatible: number;
  /** Negatives kept for each query, those of highest score; 0 keeps all. */
  readonly hardest: number;
  /** Dimensions of the older version's codes; 0 without one. */
  readonly oldWidth: number;
}

/** Never chosen, after the temperature too. */
export const MASKED = -1e4;

/**
 * Batch: `queries` n x dim and `documents` m x dim, unit rows; `targets` n x m, shares that sum up to 1 for each query; `mask` n x m, 0 or
 * MASKED; with a queue `queue` k x dim and its `queueMask` 1 x k, more documents that are never right, coded by the moving average; with an older version its
 * `oldAsked` and `oldQueries` n x oldWidth, `oldDocuments` m x oldWidth.
 */
export function rbeLoss(jax: Jax, options: RbeLossOptions) {
  const { bits } = options;
  return (weights: Weights, batch: Weights, average: Weights): Tensor => {
    const documents = unitRows(jax, codesOf(jax, weights, bits, batch.documents!));
    const asked = unitRows(jax, linearOf(jax, weights, "ask", batch.queries!.ref));
    const coded = unitRows(jax, codesOf(jax, weights, bits, batch.queries!));
    const queue = batch.queue
      ? jax.lax.stopGradient(unitRows(jax, codesOf(jax, average, bits, batch.queue)))
      : undefined;
    const term = (queries: Tensor, codes: Tensor, share: number): Tensor =>
      rankingLoss(jax, scored(jax, queries, codes), batch, options).mul(share);
    const against = queue ? jax.numpy.concatenate([documents.ref, queue], 0) : documents.ref;
    const terms = [
      term(asked.ref, against.ref, options.asymmetric),
      term(coded.ref, against, options.symmetric),
    ];
    if (options.oldWidth > 0) {
      const { compatible } = options;
      const old = unitRows(jax, batch.oldDocuments!);
      const narrow = (codes: Tensor): Tensor => unitRows(jax, firstColumns(codes, options.oldWidth));
      const own = narrow(documents.ref);
      terms.push(term(narrow(asked.ref), old.ref, compatible * options.asymmetric));
      terms.push(term(narrow(coded.ref), old, compatible * options.symmetric));
      terms.push(term(unitRows(jax, batch.oldAsked!), own.ref, compatible * options.asymmetric));
      terms.push(term(unitRows(jax, batch.oldQueries!), own, compatible * options.symmetric));
    }
    const { targets, mask, queueMask } = batch;
    for (const spent of [documents, asked, coded, targets!, mask!, queueMask]) spent?.dispose();
    return terms.reduce((sum, one) => sum.add(one));
  };
}

function scored(jax: Jax, queries: Tensor, codes: Tensor): Tensor {
  return jax.numpy.matmul(queries, codes.transpose());
}

function firstColumns(rows: Tensor, count: number): Tensor {
  const width = rows.shape[1];
  return width === count ? rows : rows.slice([], [0, count]);
}

/** Cross entropy of the targets among the documents, the hardest negatives, and a queue behind them. Takes the scores. */
function rankingLoss(
  jax: Jax,
  scores: Tensor,
  batch: Weights,
  { temperature, hardest }: RbeLossOptions,
): Tensor {
  const { numpy: np, nn } = jax;
  const [rows, columns] = scores.shape as [number, number];
  const own = batch.targets!.shape[1]!;
  const beyond = np.zeros([rows, columns - own]);
  const isQueued = columns > own;
  const absent = isQueued ? beyond.ref.add(batch.queueMask!.ref) : beyond.ref;
  const widened = (part: Tensor, by: Tensor): Tensor => (isQueued ? np.concatenate([part, by], 1) : part);
  const targets = widened(batch.targets!.ref, beyond);
  let logits = scores.mul(1 / temperature).add(widened(batch.mask!.ref, absent));
  if (hardest > 0) logits = onlyHardest(jax, logits, targets.ref, hardest);
  return np.sum(nn.logSoftmax(logits, -1).mul(targets)).mul(-1 / rows);
}

/** Masks all columns but those with a target and the `count` of highest score. */
function onlyHardest(jax: Jax, logits: Tensor, targets: Tensor, count: number): Tensor {
  const { numpy: np, lax } = jax;
  const right = np.greater(targets, 0);
  const wrong = np.where(right.ref, 2 * MASKED, lax.stopGradient(logits.ref));
  const sorted = np.sort(wrong.ref, -1);
  const columns = sorted.shape[1]!;
  const least = sorted.slice([], [columns - count, columns - count + 1]);
  const kept = np.logicalOr(right, np.greaterEqual(wrong, least));
  return logits.add(np.where(kept, 0, MASKED));
}
