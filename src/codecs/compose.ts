/** Composition: transforms (truncate, pca) in front of a coder are one coder again. */
import type { Matrix } from "../linalg/matrix.ts";
import type { Codec, Coder, FitOptions, Metric } from "./codec.ts";
import { serialize } from "./serial.ts";

/** A linear map of rows, fitted; not a coder: its output is rows of another width. */
export interface Transform {
  readonly id: string;
  readonly dim: number;
  readonly outDim: number;
  readonly bytes: number;
  forward(rows: Matrix): Matrix;
  /** Back to `dim` values, losing what `forward` dropped. */
  backward(rows: Matrix): Matrix;
  serialize(): Uint8Array;
}

export interface TransformCodec {
  readonly id: string;
  readonly needsTraining: boolean;
  fit(sample: Matrix, options?: FitOptions): Transform;
}

/** `compose(pca({ dim: 128 }), rabitq())`: fits the transform, then the codec on what comes out of it. */
export function compose(first: TransformCodec, then: Codec): Codec {
  return {
    id: `${first.id}>${then.id}`,
    needsTraining: first.needsTraining || then.needsTraining,
    fit(sample, options) {
      const transform = first.fit(sample, options);
      return composed(transform, then.fit(transform.forward(sample), options));
    },
  };
}

export function composed(transform: Transform, coder: Coder): Coder {
  const id = `${transform.id}>${coder.id}`;
  return {
    id,
    dim: transform.dim,
    blockRows: coder.blockRows,
    blockBytes: coder.blockBytes,
    ...(coder.scan ? { scan: coder.scan } : {}),
    bytes: transform.bytes + coder.bytes,
    encode: (rows) => coder.encode(transform.forward(rows)),
    decode: (codes, rows) => transform.backward(coder.decode(codes, rows)),
    scorer(query: Float32Array, metric: Metric) {
      const projected = transform.forward({ rows: 1, cols: query.length, data: query });
      return coder.scorer(projected.data, metric);
    },
    serialize: () => serialize({ id, dim: transform.dim }, [transform.serialize(), coder.serialize()]),
  };
}
