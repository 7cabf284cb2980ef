/** Token vectors of the bundled embedder's table (models/mneme-embed): what stands for a token whatever its context. */
import { packageRoot } from "../built-file.ts";
import { MnemeError } from "../errors.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { parseSafetensors } from "../storage/safetensors.ts";
import { readAsset } from "./asset.ts";
import { BpeTokenizer } from "./bpe.ts";
import { BUNDLED_DIMS, type BundledDim } from "./bundled.ts";

export interface StaticTokensOptions {
  /** First values of a vector that are kept; default 128. */
  readonly dim?: BundledDim;
  /** URL of a folder with embed.safetensors and tokenizer.json; default: the package's own. */
  readonly base?: URL;
}

export class StaticTokens implements Disposable {
  readonly dim: number;
  readonly #tokenizer: BpeTokenizer;
  /** A row for each token of the vocabulary, `stride` bytes apart. */
  readonly #codes: Int8Array;
  readonly #stride: number;
  /** Of each token, divided by the mean length of all vectors. */
  readonly #scales: Float32Array;

  /** @throws MnemeError RANGE for another dimension, NOT_FOUND, FORMAT */
  static async load(options: StaticTokensOptions = {}): Promise<StaticTokens> {
    const base = options.base ?? new URL("models/mneme-embed/", packageRoot(import.meta.url));
    const [weights, tokenizer] = await Promise.all([
      readAsset("embed.safetensors", base),
      readAsset("tokenizer.json", base),
    ]);
    return new StaticTokens(weights, new TextDecoder().decode(tokenizer), options.dim ?? 128);
  }

  constructor(weights: Uint8Array, tokenizer: string, dim: BundledDim) {
    const tensors = parseSafetensors(weights, "embed.safetensors");
    const [weight, scale] = [tensors.get("embedding.weight"), tensors.get("embedding.scale")];
    if (!BUNDLED_DIMS.includes(dim))
      throw new MnemeError(
        "RANGE",
        `static tokens: dim must be one of ${BUNDLED_DIMS.join(", ")}, got ${dim}`,
      );
    if (weight?.dtype !== "I8" || scale?.dtype !== "F32" || (weight.shape[1] ?? 0) < dim)
      throw new MnemeError(
        "FORMAT",
        "embed.safetensors: expected embedding.weight (I8) and embedding.scale (F32)",
      );
    this.dim = dim;
    this.#stride = weight.shape[1]!;
    this.#codes = new Int8Array(weight.bytes.buffer, weight.bytes.byteOffset, weight.bytes.byteLength);
    this.#scales = new Float32Array(new Uint8Array(scale.bytes).buffer);
    this.#toMeanLength();
    this.#tokenizer = new BpeTokenizer(tokenizer);
  }

  /** Vectors of a text's tokens, about one long, longer for words that tell more. @param limit tokens at most @returns n x dim */
  vectors(text: string, limit: number = Number.POSITIVE_INFINITY): Matrix {
    const ids = this.#tokenizer.encode(text, limit);
    const out = matrix(ids.length, this.dim);
    ids.forEach((id, t) => {
      for (let i = 0; i < this.dim; i++)
        out.data[t * this.dim + i] = this.#codes[id * this.#stride + i]! * this.#scales[id]!;
    });
    return out;
  }

  [Symbol.dispose](): void {
    this.#tokenizer[Symbol.dispose]();
  }

  #toMeanLength(): void {
    let total = 0;
    this.#scales.forEach((scale, id) => {
      let square = 0;
      for (let i = 0; i < this.dim; i++) square += this.#codes[id * this.#stride + i]! ** 2;
      total += scale * Math.sqrt(square);
    });
    const by = this.#scales.length / total;
    for (let id = 0; id < this.#scales.length; id++) this.#scales[id]! *= by;
  }
}
