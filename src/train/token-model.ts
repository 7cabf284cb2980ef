/** The token mixer (src/embed/token-mixer.ts) as jax-js computes it: for batches, with gradients. */
import {
  type MixerShape,
  type MixerWeights,
  mixerMatrices,
  NORM_EPSILON,
  slopesOf,
} from "../embed/token-mixer.ts";
import type { Jax, Tensor, Weights } from "./jax.ts";

/** Weights as tensors. */
export function tensorsOf(jax: Jax, shape: MixerShape, weights: MixerWeights): Weights {
  const tensors: Weights = {};
  for (const [name, size] of mixerMatrices(shape))
    tensors[name] = jax.numpy.array(weights[name]!).reshape([...size]);
  return tensors;
}

/**
 * Token vectors of some texts. @param weights borrowed @param tokens texts x places x inputs @param mask texts x places, 1 for a token, 0 behind the last
 * @returns texts x places x outputs, not of unit length; behind the last token of a text anything
 */
export function mixBatch(
  jax: Jax,
  shape: MixerShape,
  weights: Weights,
  tokens: Tensor,
  mask: Tensor,
): Tensor {
  const { numpy: np, nn } = jax;
  const [texts, places] = tokens.shape as [number, number, number];
  const { inputs, width, layers, heads, outputs } = shape;
  const part = width / heads;
  const times = (left: Tensor, name: string): Tensor => np.matmul(left, weights[name]!.ref);
  const parted = (all: Tensor): Tensor =>
    np
      .transpose(all.reshape([texts, places, heads, part]), [0, 2, 1, 3])
      .reshape([texts * heads, places, part]);
  const hidden = mask.sub(1).mul(1e4).reshape([texts, 1, 1, places]);
  const bias = np.array(distances(places, heads)).reshape([1, heads, places, places]).add(hidden);
  let state = times(tokens.reshape([texts * places, inputs]), "in");
  for (let i = 0; i < layers; i++) {
    const normed = rootNormed(jax, state.ref);
    const query = parted(times(normed.ref, `query.${i}`));
    const key = parted(times(normed.ref, `key.${i}`));
    const value = parted(times(normed, `value.${i}`));
    const scores = np.matmul(query, np.transpose(key, [0, 2, 1])).mul(1 / Math.sqrt(part));
    const biased = scores.reshape([texts, heads, places, places]).add(bias.ref);
    const seen = np.matmul(nn.softmax(biased, -1).reshape([texts * heads, places, places]), value);
    const joined = np.transpose(seen.reshape([texts, heads, places, part]), [0, 2, 1, 3]);
    state = state.add(times(joined.reshape([texts * places, width]), `merge.${i}`));
    const up = nn.relu(times(rootNormed(jax, state.ref), `up.${i}`));
    state = state.add(times(up, `down.${i}`));
  }
  bias.dispose();
  return times(state, "out").reshape([texts, places, outputs]);
}

function rootNormed(jax: Jax, state: Tensor): Tensor {
  const { numpy: np } = jax;
  const square = np.mean(np.square(state.ref), -1, { keepdims: true });
  return state.div(np.sqrt(square.add(NORM_EPSILON)));
}

/** heads x places x places: minus the slope times the distance. */
function distances(places: number, heads: number): Float32Array {
  const out = new Float32Array(heads * places * places);
  slopesOf(heads).forEach((slope, head) => {
    for (let i = 0; i < places; i++)
      for (let j = 0; j < places; j++) out[(head * places + i) * places + j] = -slope * Math.abs(i - j);
  });
  return out;
}
