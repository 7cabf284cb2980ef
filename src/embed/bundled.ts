/**
 * The bundled static embedder (models/mneme-embed): a text is the mean of its tokens' vectors, brought to unit length. int8 table,
 * Matryoshka widths. Its card tells what it was trained on and how well it does.
 */
import { packageRoot } from "../built-file.ts";
import { MnemeError } from "../errors.ts";
import { kernels, type Region } from "../kernels/index.ts";
import { matrix } from "../linalg/matrix.ts";
import { parseSafetensors, type Tensor } from "../storage/safetensors.ts";
import { readAsset } from "./asset.ts";
import { BpeTokenizer } from "./bpe.ts";
import type { Embedder, Space } from "./embedder.ts";

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

/** Rows summed and normalised at once, in the kernels' memory. */
const BLOCK_ROWS = 64;

class BundledEmbedder implements Embedder {
  readonly space: Space;
  readonly isBundled = true;
  readonly widths: readonly number[];
  readonly #tokenizer: BpeTokenizer;
  readonly #table: Region;
  readonly #scales: Region;
  /** Different tokens of a text, and how often each of them stands there. */
  readonly #tokens: Region;
  readonly #counts: Region;
  /** Of each token of the vocabulary how often the current text has it; all zero between texts. */
  readonly #seen: Uint16Array;
  readonly #rows: Region;
  #views: Views;

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
    this.widths = BUNDLED_DIMS.filter((one) => one < dim);
    this.#tokenizer = tokenizer;
    const { arena } = kernels();
    this.#table = arena.alloc(rows * dim);
    this.#scales = arena.alloc(rows * 4);
    this.#tokens = arena.alloc(MAX_TOKENS * 4);
    this.#counts = arena.alloc(MAX_TOKENS * 4);
    this.#rows = arena.alloc(BLOCK_ROWS * dim * 4);
    this.#seen = new Uint16Array(rows);
    this.#views = this.#view();
    const table = this.#table.u8();
    for (let r = 0; r < rows; r++) table.set(weight.bytes.subarray(r * width, r * width + dim), r * dim);
    this.#scales.u8().set(scale.bytes);
  }

  get bytes(): number {
    const regions = this.#regions.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return regions + this.#seen.byteLength + this.#tokenizer.bytes;
  }

  async embed(texts: readonly string[]): Promise<ReturnType<typeof matrix>> {
    const { dim } = this.space;
    const out = matrix(texts.length, dim);
    for (let first = 0; first < texts.length; first += BLOCK_ROWS) {
      const block = texts.slice(first, first + BLOCK_ROWS);
      out.data.set(this.#embedBlock(block), first * dim);
    }
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const region of this.#regions) region[Symbol.dispose]();
    this.#tokenizer[Symbol.dispose]();
  }

  get #regions(): readonly Region[] {
    return [this.#table, this.#scales, this.#tokens, this.#counts, this.#rows];
  }

  /** Rows of at most BLOCK_ROWS texts. Borrowed until the next call. */
  #embedBlock(texts: readonly string[]): Float32Array {
    const { dim } = this.space;
    const face = kernels();
    let views = this.#views;
    for (let i = 0; i < texts.length; i++) {
      const text = texts[i]!;
      const head = text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text;
      const ids = this.#tokenizer.encode(head, MAX_TOKENS);
      // the tokeniser may have grown the memory, and ended views of it
      if (views.buffer !== face.arena.buffer) {
        views = this.#view();
        this.#views = views;
      }
      const { table, scales, tokens, counts, rows } = views;
      const count = this.#count(ids, tokens, counts);
      face.gatherSumI8(table, scales, dim, tokens, counts, count, rows[i]!);
    }
    const block = views.block.subarray(0, texts.length * dim);
    face.normalizeF32(block, dim);
    return block;
  }

  #view(): Views {
    const { dim } = this.space;
    const block = this.#rows.f32();
    return {
      buffer: kernels().arena.buffer,
      table: this.#table.i8(),
      scales: this.#scales.f32(),
      tokens: this.#tokens.u32(),
      counts: this.#counts.f32(),
      block,
      rows: Array.from({ length: BLOCK_ROWS }, (_, i) => block.subarray(i * dim, (i + 1) * dim)),
    };
  }

  /** A text repeats its tokens: each is fetched once, times its count. @returns how many different ones there are */
  #count(ids: Uint32Array, tokens: Uint32Array, counts: Float32Array): number {
    const seen = this.#seen;
    let different = 0;
    for (let i = 0; i < ids.length; i++) if (seen[ids[i]!]!++ === 0) tokens[different++] = ids[i]!;
    for (let i = 0; i < different; i++) {
      counts[i] = seen[tokens[i]!]!;
      seen[tokens[i]!] = 0;
    }
    return different;
  }
}

interface Views {
  readonly buffer: ArrayBuffer;
  readonly table: Int8Array;
  readonly scales: Float32Array;
  readonly tokens: Uint32Array;
  readonly counts: Float32Array;
  /** All rows, and each of them. */
  readonly block: Float32Array;
  readonly rows: readonly Float32Array[];
}
