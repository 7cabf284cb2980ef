/** Contrastive losses: a query's own document against the others of its batch (InfoNCE: van den Oord et al., 2018). */
import type { Jax, Tensor } from "./jax.ts";

/** Rows divided by their length. @param rows n x dim */
export function unitRows(jax: Jax, rows: Tensor): Tensor {
  const { numpy: np } = jax;
  const length = np.sqrt(np.sum(np.square(rows.ref), -1, { keepdims: true }).add(1e-12));
  return rows.div(length);
}

/** Sign with sign(0) = 1; its gradient is the input's where that lies in [-1, 1], else zero (straight-through). */
export function signThrough(jax: Jax, x: Tensor): Tensor {
  const { numpy: np, lax } = jax;
  const clipped = np.clip(x.ref, -1, 1);
  const hard = np.where(np.greaterEqual(x, 0), 1, -1);
  return clipped.ref.add(lax.stopGradient(hard.sub(clipped)));
}

/**
 * Mean cross entropy of each row's own column.
 * @param scores n x m, m from n; the own column of row i is i @param mask n x m of zeros, and -infinity-like values (-1e4) where a column must not count
 */
export function crossEntropyOfOwn(jax: Jax, scores: Tensor, mask?: Tensor): Tensor {
  const { numpy: np, nn } = jax;
  const [rows, columns] = scores.shape as [number, number];
  const masked = mask ? scores.add(mask) : scores;
  const own = np.eye(rows, columns);
  return np.sum(nn.logSoftmax(masked, -1).mul(own)).mul(-1 / rows);
}
