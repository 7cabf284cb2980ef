/**
 * The layers of a Llama decoder (Touvron et al., LLaMA, 2023) as jax-js computes them: for batches of rows, with gradients. The runtime
 * (src/model/decoder.ts) computes the same row by row.
 */
import { MnemeError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { frequenciesOf } from "../model/rope.ts";
import type { TensorSource } from "../weights/tensor-source.ts";
import type { Jax, Tensor, Weights } from "./jax.ts";

/** Names of a layer's tensors without the layer's own part. */
const NORMS = ["input_layernorm.weight", "post_attention_layernorm.weight"] as const;
const LAST_NORM = "model.norm.weight";

/** A tensor as the checkpoint has it: its name and rows x columns, or one side. */
export type LayerTensor = readonly [name: string, shape: readonly [number] | readonly [number, number]];

/** All tensors of the layers and the last norm; not the embedding. @throws MnemeError UNSUPPORTED for variants with more parts */
export function layerTensors(config: ModelConfig): LayerTensor[] {
  checkPlain(config);
  const { width, hidden, layers, heads, kvHeads, headDim } = config;
  const shapes: Record<string, readonly [number, number]> = {
    "self_attn.q_proj.weight": [heads * headDim, width],
    "self_attn.k_proj.weight": [kvHeads * headDim, width],
    "self_attn.v_proj.weight": [kvHeads * headDim, width],
    "self_attn.o_proj.weight": [width, heads * headDim],
    "mlp.gate_proj.weight": [hidden, width],
    "mlp.up_proj.weight": [hidden, width],
    "mlp.down_proj.weight": [width, hidden],
  };
  const all: LayerTensor[] = [[LAST_NORM, [width]]];
  for (let layer = 0; layer < layers; layer++) {
    for (const name of NORMS) all.push([nameOf(layer, name), [width]]);
    for (const [name, shape] of Object.entries(shapes)) all.push([nameOf(layer, name), shape]);
  }
  return all;
}

const nameOf = (layer: number, name: string): string => `model.layers.${layer}.${name}`;

function checkPlain(config: ModelConfig): void {
  const more = Object.entries({
    "biases of queries": config.qkvBias || config.outBias || config.mlpBias,
    "norms of queries": config.qkNorm,
    "norms behind parts": config.postNorms || config.normOffset !== 0,
    "capped scores": config.attentionCap !== undefined || config.logitCap !== undefined,
    "windows or layers without positions": config.layerKinds.some(
      (kind) => kind.windowed || kind.rope !== "global",
    ),
    [`activation ${config.activation}`]: config.activation !== "silu",
    "scaled embeddings": config.embeddingScale !== 1,
  }).filter(([, has]) => has);
  if (more.length > 0)
    throw new MnemeError(
      "UNSUPPORTED",
      `train: a ${config.architecture} with ${more.map(([what]) => what).join(", ")}; plain Llama decoders are trained`,
    );
}

/** Weights to train; matrices with a row for each input. */
export function readLayers(jax: Jax, config: ModelConfig, tensors: TensorSource): Weights {
  const weights: Weights = {};
  for (const [name, shape] of layerTensors(config)) {
    const [rows, cols] = shape;
    const values = tensors.read(name, 0, rows * (cols ?? 1));
    weights[name] =
      cols === undefined
        ? jax.numpy.array(values)
        : jax.numpy.array(turned(values, rows, cols)).reshape([cols, rows]);
  }
  return weights;
}

/** Trained weights as the checkpoint has them. @param trained by name, matrices with a row for each input */
export function layersAsStored(
  config: ModelConfig,
  trained: Readonly<Record<string, Float32Array>>,
): Map<string, Float32Array> {
  return new Map(
    layerTensors(config).map(([name, [rows, cols]]) => [
      name,
      cols === undefined ? trained[name]! : turned(trained[name]!, cols, rows),
    ]),
  );
}

function turned(values: Float32Array, rows: number, cols: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) out[col * rows + row] = values[row * cols + col]!;
  return out;
}

/** Where the tokens of all rows stand. */
export interface Layout {
  /** The position of each place. */
  readonly positions: readonly number[];
  /** Whether a place may look at another one. */
  readonly sees: (place: number, other: number) => boolean;
}

/** Added to a score, it leaves nothing of it. */
const UNSEEN = -1e9;

/**
 * States behind the last norm. @param weights kept @param vectors rows x places x width, of the tokens @param held rows x places, 1 for a
 * token, 0 for an empty place, which is not looked at @returns rows x places x width
 */
export function decodeRows(
  jax: Jax,
  config: ModelConfig,
  layout: Layout,
  weights: Weights,
  vectors: Tensor,
  held: Tensor,
): Tensor {
  const { numpy: np, nn } = jax;
  const { width, heads, kvHeads, headDim, layers, epsilon, attentionScale } = config;
  const [rows, places] = vectors.shape as [number, number, number];
  const group = heads / kvHeads;
  const times = (left: Tensor, layer: number, name: string): Tensor =>
    np.matmul(left, weights[nameOf(layer, name)]!.ref);
  const normed = (state: Tensor, name: string): Tensor => {
    const square = np.mean(np.square(state.ref), -1, { keepdims: true });
    return state.div(np.sqrt(square.add(epsilon))).mul(weights[name]!.ref);
  };
  const bias = np
    .array(seenBias(layout))
    .reshape([1, 1, places, places])
    .add(held.sub(1).mul(-UNSEEN).reshape([rows, 1, 1, places]));
  const turns = turnsOf(jax, config, layout);
  /** rows x heads x places x values of a head */
  const parted = (all: Tensor, count: number): Tensor =>
    np.transpose(all.reshape([rows, places, count, headDim]), [0, 2, 1, 3]);
  const rotated = (all: Tensor): Tensor =>
    all.ref.mul(turns.cosines.ref).add(np.matmul(all, turns.swap.ref).mul(turns.sines.ref));
  let state = vectors.reshape([rows * places, width]);
  for (let layer = 0; layer < layers; layer++) {
    const before = normed(state.ref, nameOf(layer, NORMS[0]));
    const query = rotated(parted(times(before.ref, layer, "self_attn.q_proj.weight"), heads));
    const key = rotated(parted(times(before.ref, layer, "self_attn.k_proj.weight"), kvHeads));
    const value = parted(times(before, layer, "self_attn.v_proj.weight"), kvHeads);
    // the queries of a group share keys and values
    const scores = np.matmul(
      query.reshape([rows * kvHeads, group * places, headDim]),
      np.transpose(key.reshape([rows * kvHeads, places, headDim]), [0, 2, 1]),
    );
    const biased = scores.mul(attentionScale).reshape([rows, heads, places, places]).add(bias.ref);
    const seen = np.matmul(
      nn.softmax(biased, -1).reshape([rows * kvHeads, group * places, places]),
      value.reshape([rows * kvHeads, places, headDim]),
    );
    const joined = np.transpose(seen.reshape([rows, heads, places, headDim]), [0, 2, 1, 3]);
    const attended = joined.reshape([rows * places, heads * headDim]);
    state = state.add(times(attended, layer, "self_attn.o_proj.weight"));
    const hidden = normed(state.ref, nameOf(layer, NORMS[1]));
    const gate = nn.silu(times(hidden.ref, layer, "mlp.gate_proj.weight"));
    const gated = gate.mul(times(hidden, layer, "mlp.up_proj.weight"));
    state = state.add(times(gated, layer, "mlp.down_proj.weight"));
  }
  for (const spent of [bias, turns.cosines, turns.sines, turns.swap]) spent.dispose();
  return normed(state, LAST_NORM).reshape([rows, places, width]);
}

function seenBias({ positions, sees }: Layout): Float32Array {
  const places = positions.length;
  return Float32Array.from({ length: places * places }, (_, i) =>
    sees(Math.floor(i / places), i % places) ? 0 : UNSEEN,
  );
}

/** What positions turn queries and keys by: cosines and sines of places x values, and the halves of a head swapped, one with its sign. */
function turnsOf(
  { numpy: np }: Jax,
  { rope, headDim }: ModelConfig,
  { positions }: Layout,
): { readonly cosines: Tensor; readonly sines: Tensor; readonly swap: Tensor } {
  const frequencies = frequenciesOf(rope, headDim);
  const half = headDim / 2;
  const table = (of: (angle: number) => number): Tensor =>
    np
      .array(
        Float32Array.from({ length: positions.length * headDim }, (_, i) =>
          of(positions[Math.floor(i / headDim)]! * frequencies[i % half]!),
        ),
      )
      .reshape([1, 1, positions.length, headDim]);
  const swap = new Float32Array(headDim * headDim);
  for (let i = 0; i < half; i++) {
    swap[(half + i) * headDim + i] = -1;
    swap[i * headDim + half + i] = 1;
  }
  return {
    cosines: table(Math.cos),
    sines: table(Math.sin),
    swap: np.array(swap).reshape([headDim, headDim]),
  };
}
