/** A random rotation as a transform: spreads what rows hold over all dimensions. "rotate>sign", "rotate>truncate64>sign". */
import { checkRows } from "./check.ts";
import type { Transform, TransformCodec } from "./compose.ts";
import { randomRotation } from "./row-rotation.ts";
import { serialize } from "./serial.ts";

export function rotate(): TransformCodec {
  return {
    id: "rotate",
    needsTraining: false,
    fit: (sample, { seed = 1 } = {}) => rotation(sample.cols, seed),
  };
}

export function rotation(dim: number, seed: number): Transform {
  const { bytes, forward, backward } = randomRotation(dim, seed);
  return {
    id: "rotate",
    dim,
    outDim: dim,
    bytes,
    forward(rows) {
      checkRows("rotate", dim, rows);
      return forward(rows);
    },
    backward,
    serialize: () => serialize({ id: "rotate", dim, seed }),
  };
}
