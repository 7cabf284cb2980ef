/** The public vector sets as matrices: images of Fashion-MNIST, and word vectors. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Matrix, matrix, rowsOf } from "../src/linalg/matrix.ts";

const PIXELS = 784;
/** Bytes before the first pixel. */
const IDX_HEADER = 16;
const WORDS = 24_000;
const WORD_DIM = 128;
const BASE_WORDS = 23_000;

/** Bytes of a packed file, in a buffer of their own. */
function unpacked(data: string, path: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(join(data, path))));
}

/** @param data folder of the public data. @returns n x 784, values 0 to 255 */
export function fashionImages(data: string, split: "train" | "t10k"): Matrix {
  const bytes = unpacked(data, `fashion-mnist/${split}-images-idx3-ubyte.gz`);
  const pixels = Float32Array.from(bytes.subarray(IDX_HEADER));
  return matrix(pixels.length / PIXELS, PIXELS, pixels);
}

/** Word vectors, n x 128, not normalised: those that are searched, and those that are asked. */
export function wordVectors(data: string): { readonly base: Matrix; readonly queries: Matrix } {
  const values = new Float32Array(unpacked(data, "ann/lsa-words/vectors.f32.gz").buffer);
  const all = matrix(WORDS, WORD_DIM, values);
  return { base: rowsOf(all, 0, BASE_WORDS), queries: rowsOf(all, BASE_WORDS, WORDS) };
}

/** The 100 nearest rows of each query. @param folder "fashion-mnist/ann-l2" or "ann/lsa-words" */
export function nearestIds(data: string, folder: string): Int32Array {
  return new Int32Array(unpacked(data, `${folder}/gt_ids.i32.gz`).buffer);
}
