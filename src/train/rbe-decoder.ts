/** The way back from recurrent binary codes to rows, fitted when all else is trained. */
import { levelsOf, type RbeShape, type RbeWeights, valuesOf } from "../codecs/rbe-net.ts";
import { kernels } from "../kernels/index.ts";
import { sampleRows } from "../linalg/k-means.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { ridgeRegression } from "../linalg/ridge.ts";

/** Rows that it is fitted on, and what is added to the diagonal as a share of the rows. */
const ROWS = 8192;
const RIDGE = 1e-3;

/** `decode` and its bias: what misses unit rows least, from their codes. */
export function decoderOf(
  documents: Matrix,
  weights: RbeWeights,
  shape: RbeShape,
  seed: number,
): { readonly decode: Float32Array; readonly decodeBias: Float32Array } {
  const rows = sampleRows(documents, ROWS, new Random(seed));
  const units = matrix(rows.rows, rows.cols, rows.data.slice());
  kernels().normalizeF32(units.data, units.cols);
  const codes = valuesOf(levelsOf(weights, shape, units), shape.width, shape.bits);
  const decode = ridgeRegression(codes, units, RIDGE).data;
  return { decode, decodeBias: new Float32Array(shape.dim) };
}
