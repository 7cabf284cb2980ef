/**
 * Iterative quantisation (Gong & Lazebnik, Iterative Quantization: A Procrustean Approach to Learning Binary Codes, 2011): principal
 * components, then the rotation of them whose signs lie nearest to the values, found by turns: signs of the rotated rows, then the
 * rotation that best takes the rows to their signs. A transform: "itq128>sign" is the paper's code.
 */
import { throwIfAborted } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { sampleRows } from "../linalg/k-means.ts";
import { type Matrix, matrix, transposed } from "../linalg/matrix.ts";
import { polarFactor } from "../linalg/polar.ts";
import { Random } from "../linalg/random.ts";
import type { FitOptions } from "./codec.ts";
import type { TransformCodec } from "./compose.ts";
import { fitPca, type PcaOptions, type PcaParameters, pca, pcaTransform } from "./pca.ts";

export type ItqOptions = Pick<PcaOptions, "dim" | "centre">;

/** Rounds: the paper takes 50; after 20 recall was not seen to rise. */
const ROUNDS = 20;
/** Rows turned in a round. */
const SAMPLE = { perColumn: 16, least: 4096 } as const;
/** Share of its own size by which a new rotation is drawn to the last one: directions without data have no best rotation. */
const INERTIA = 1e-6;

/** @throws MnemeError as `pca` does, CANCELLED */
export function itq(options: ItqOptions): TransformCodec {
  const id = `itq${options.dim}${options.centre === false ? "u" : ""}`;
  const { needsTraining } = pca(options);
  return {
    id,
    needsTraining,
    fit(sample, fitOptions = {}) {
      const found = fitPca(id, sample, options, fitOptions.seed);
      const projected = pcaTransform(id, found).forward(
        sampleRows(
          sample,
          Math.max(SAMPLE.least, SAMPLE.perColumn * options.dim),
          new Random(fitOptions.seed ?? 1),
        ),
      );
      return pcaTransform(id, rotated(found, signRotation(projected, fitOptions)));
    },
  };
}

/** @returns cols x cols, orthogonal: rows times it lie near to their signs. @throws MnemeError CANCELLED */
export function signRotation(rows: Matrix, { seed = 1, signal }: FitOptions = {}): Float32Array {
  const dim = rows.cols;
  const random = new Random(seed);
  let rotation: Float32Array = polarFactor(
    Float64Array.from({ length: dim * dim }, () => random.gaussian()),
    dim,
  );
  const columns = transposed(rows).data;
  const turned = new Float32Array(rows.data.length);
  const product = new Float32Array(dim * dim);
  for (let round = 0; round < ROUNDS; round++) {
    throwIfAborted(signal, "itq");
    kernels().matmulF32(rows.data, rotation, turned, rows.rows, dim, dim);
    for (let i = 0; i < turned.length; i++) turned[i] = turned[i]! >= 0 ? 1 : -1;
    kernels().matmulF32(columns, turned, product, dim, rows.rows, dim);
    rotation = polarFactor(drawn(product, rotation), dim);
  }
  return rotation;
}

function drawn(product: Float32Array, rotation: Float32Array): Float64Array {
  const size = Math.sqrt(product.reduce((sum, value) => sum + value * value, 0)) || 1;
  return Float64Array.from(product, (value, i) => value + INERTIA * size * rotation[i]!);
}

function rotated(found: PcaParameters, rotation: Float32Array): PcaParameters {
  const { from, to } = found;
  const components = matrix(to, from);
  kernels().matmulF32(
    transposed(matrix(to, to, rotation)).data,
    found.components,
    components.data,
    to,
    to,
    from,
  );
  return { ...found, components: components.data, inverse: transposed(components).data };
}
