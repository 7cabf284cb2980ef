/** Matryoshka truncation: the first values of a row, brought back to unit length (Kusupati et al., Matryoshka Representation Learning, 2022). */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { matrix, rowOf } from "../linalg/matrix.ts";
import { checkRows } from "./check.ts";
import type { Transform, TransformCodec } from "./compose.ts";
import { serialize } from "./serial.ts";

export function truncate({ dim }: { readonly dim: number }): TransformCodec {
  if (!Number.isInteger(dim) || dim < 1)
    throw new MnemeError("RANGE", `truncate: dim must be a whole number from 1, got ${dim}`);
  return { id: `truncate${dim}`, needsTraining: false, fit: (sample) => truncation(sample.cols, dim) };
}

export function truncation(from: number, to: number): Transform {
  const id = `truncate${to}`;
  if (to > from) throw new MnemeError("RANGE", `${id}: rows have only ${from} values`);
  return {
    id,
    dim: from,
    outDim: to,
    bytes: 0,
    forward(rows) {
      checkRows(id, from, rows);
      const out = matrix(rows.rows, to);
      for (let r = 0; r < rows.rows; r++) out.data.set(rowOf(rows, r).subarray(0, to), r * to);
      kernels().normalizeF32(out.data, to);
      return out;
    },
    backward(rows) {
      const out = matrix(rows.rows, from);
      for (let r = 0; r < rows.rows; r++) out.data.set(rowOf(rows, r), r * from);
      return out;
    },
    serialize: () => serialize({ id, dim: from, to }),
  };
}
