/** The network of recurrent binary embeddings as a program that gradients pass through; codecs/rbe-net.ts runs it without. */
import { partsOfRbe, type RbeShape, type RbeWeights } from "../codecs/rbe-net.ts";
import { signThrough, unitRows } from "./contrastive.ts";
import type { Jax, Tensor, Weights } from "./jax.ts";

/** Weights of what is trained, as tensors: of all parts but `decode`, which is fitted at the end. */
export function tensorsOf(jax: Jax, shape: RbeShape, weights: RbeWeights): Weights {
  const tensors: Weights = {};
  for (const [name, outputs, inputs] of partsOfRbe(shape)) {
    if (name === "decode") continue;
    tensors[name] = jax.numpy.array(weights[name]!).reshape([outputs, inputs]);
    tensors[`${name}Bias`] = jax.numpy.array(weights[`${name}Bias`]!);
  }
  return tensors;
}

/** Rows x a part's weights + bias. Keeps the weights, takes the rows. */
export function linearOf(jax: Jax, weights: Weights, part: string, rows: Tensor): Tensor {
  return jax.numpy.matmul(rows, weights[part]!.ref.transpose()).add(weights[`${part}Bias`]!.ref);
}

/** Values of the code of unit rows, -2 to 2, differentiable through its signs. Keeps the weights, takes the rows. */
export function codesOf(jax: Jax, weights: Weights, bits: number, rows: Tensor): Tensor {
  let values = signThrough(jax, linearOf(jax, weights, "project", rows.ref));
  for (let loop = 0; loop + 1 < bits; loop++) {
    const rebuilt = unitRows(jax, linearOf(jax, weights, `rebuild${loop}`, values.ref));
    const left = rows.ref.sub(rebuilt);
    const bit = signThrough(jax, linearOf(jax, weights, `residual${loop}`, left));
    values = values.add(bit.mul(2 ** -(loop + 1)));
  }
  rows.dispose();
  return values;
}
