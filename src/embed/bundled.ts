/**
 * The bundled static embedder (models/mneme-embed): a text is the mean of its tokens' vectors, brought to unit length. int8 table,
 * Matryoshka widths. Its card tells what it was trained on and how well it does.
 */
import { packageRoot } from "../built-file.ts";
import { MnemeError } from "../errors.ts";
import { kernels, type Region } from "../kernels/index.ts";
import { matrix, rowOf } from "../linalg/matrix.ts";
import { readAsset } from "./asset.ts";
import { BpeTokenizer } from "./bpe.ts";
import type { Embedder, Space } from "./embedder.ts";
import { parseSafetensors, type Tensor } from "./safetensors.ts";

export const BUNDLED_DIMS = [512, 256, 128, 64] as const;
export type BundledDim = (typeof BUNDLED_DIMS)[number];

export interface BundledOptions {
  /** First values of the vectors that are kept; default 256. */
  readonly dim?: BundledDim;
  /** URL of a folder with embed.safetensors and tokenizer.json; default: the package's own. */
  readonly base?: URL;
}

export const bundledDefaults = { dim: 256 } as const;

const MAX_TOKENS = 512;
/** Beyond it no text of words has tokens left to give; one endless run of letters would be merged in quadratic time. */
const MAX_CHARACTERS = 8_192;

/** @throws MnemeError RANGE for another dimension, NOT_FOUND, FORMAT. */
export async function bundledEmbedder(options: BundledOptions = {}): Promise<Embedder> {
  const dim = options.dim ?? bundledDefaults.dim;
  if (!BUNDLED_DIMS.includes(dim)) {
    throw new MnemeError("RANGE", `mneme-embed: dim must be one of ${BUNDLED_DIMS.join(", ")}, got ${dim}`);
  }
  const base = options.base ?? new URL("models/mneme-embed/", packageRoot(import.meta.url));
  const [weights, tokenizer] = await Promise.all([
    readAsset("embed.safetensors", base),
    readAsset("tokenizer.json", base),
  ]);
  const tensors = parseSafetensors(weights, "embed.safetensors");
  const bpe = new BpeTokenizer(new TextDecoder().decode(tokenizer));
  return new BundledEmbedder(bpe, tensors, dim, await revisionOf(weights));
}

/** First 16 hex digits of the weights' SHA-256. */
async function revisionOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

class BundledEmbedder implements Embedder {
  readonly space: Space;
  readonly isBundled = true;
  readonly #tokenizer: BpeTokenizer;
  readonly #table: Region;
  readonly #scales: Region;

  constructor(tokenizer: BpeTokenizer, tensors: Map<string, Tensor>, dim: number, revision: string) {
    const [weight, scale] = [tensors.get("embedding.weight"), tensors.get("embedding.scale")];
    if (
      weight?.dtype !== "I8" ||
      scale?.dtype !== "F32" ||
      weight.shape[0] !== scale.shape[0] ||
      (weight.shape[1] ?? 0) < dim
    ) {
      throw new MnemeError(
        "FORMAT",
        "embed.safetensors: expected embedding.weight (I8) and embedding.scale (F32) of one length",
      );
    }
    const [rows, width] = weight.shape as [number, number];
    this.space = { model: "mneme-embed", revision, pooling: "mean", dim, normalized: true };
    this.#tokenizer = tokenizer;
    this.#table = kernels().arena.alloc(rows * dim);
    this.#scales = kernels().arena.alloc(rows * 4);
    const table = this.#table.u8();
    for (let r = 0; r < rows; r++) table.set(weight.bytes.subarray(r * width, r * width + dim), r * dim);
    this.#scales.u8().set(scale.bytes);
  }

  get bytes(): number {
    return this.#table.byteLength + this.#scales.byteLength + this.#tokenizer.bytes;
  }

  async embed(texts: readonly string[]): Promise<ReturnType<typeof matrix>> {
    const { dim } = this.space;
    const out = matrix(texts.length, dim);
    const [table, scales, face] = [this.#table.i8(), this.#scales.f32(), kernels()];
    texts.forEach((text, i) => {
      const ids = this.#tokenizer.encode(text.slice(0, MAX_CHARACTERS), MAX_TOKENS);
      face.gatherSumI8(table, scales, dim, ids, undefined, rowOf(out, i));
    });
    face.normalizeF32(out.data, dim);
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#table[Symbol.dispose]();
    this.#scales[Symbol.dispose]();
  }
}
