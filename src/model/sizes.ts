/** Bytes that a model takes in kernel memory, out of its configuration alone: weights, the work space of a step, the cache. */
import type { CacheCodec, CacheShape } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import { attentionRoom, PAGE_SLOTS, stateBytes } from "../kernels/index.ts";
import { GROUP, linearBytes, PRECISIONS, type Precision } from "../weights/linear-weights.ts";
import type { ModelConfig } from "./config.ts";
import { MOST_TOKENS } from "./decoder.ts";
import { paddedHidden } from "./decoder-weights.ts";

/** All that one WebAssembly memory can hold. */
export const MEMORY_BYTES: number = 2 ** 32;

const F32 = 4;

/** Bytes of the key, or of the value, of one token in one head. */
export const SLOT_BYTES: Readonly<Record<CacheCodec, (headDim: number) => number>> = {
  f32: (headDim) => headDim * F32,
  int8: (headDim) => headDim + F32,
};

/** As DecoderWeights holds them. */
export function weightBytes(config: ModelConfig, precision: Precision): number {
  const { width, heads, kvHeads, headDim, vocabulary, layers } = config;
  const hidden = paddedHidden(config);
  const q = heads * headDim;
  const qkv = q + 2 * kvHeads * headDim;
  const matrix = (rows: number, columns: number): number => linearBytes(precision, rows, columns);
  const table = matrix(vocabulary, width);
  const layer =
    matrix(qkv, width) +
    matrix(width, q) +
    matrix(2 * hidden, width) +
    matrix(width, hidden) +
    2 * width * F32;
  const biases = config.qkvBias ? qkv * F32 : 0;
  const headNorms = config.qkNorm ? 2 * headDim * F32 : 0;
  return table * (config.tied ? 1 : 2) + layers * (layer + biases + headNorms) + width * F32;
}

/** Of the decoder (see decoder.ts): tokens of a tile of attention, parts of a history, stages of a layer. */
const TILE = 16;
const MOST_PARTS = 8;
const LAYER_STAGES = 10;
const STAGE_BYTES = 128;

/** Activations, attention's work space and the program of a step, as the decoder holds them. */
export function scratchBytes(config: ModelConfig): number {
  const { width, heads, kvHeads, headDim, vocabulary, layers } = config;
  const hidden = paddedHidden(config);
  const q = heads * headDim;
  // values, codes of 16 bits, a scale and a sum a group
  const activations = (columns: number): number =>
    MOST_TOKENS * (columns * (F32 + 2) + (columns / GROUP) * 2 * F32);
  const values = MOST_TOKENS * F32 * (width + headDim + q + 2 * kvHeads * headDim + 2 * hidden);
  const logits = Math.ceil(vocabulary / 4) * 4 * F32;
  const tasks = Math.max(MOST_TOKENS / TILE, MOST_PARTS) * kvHeads;
  const states = tasks * (TILE * (heads / kvHeads) + 3) * stateBytes(headDim);
  const program = (layers * LAYER_STAGES + 2) * STAGE_BYTES;
  return (
    activations(width) +
    activations(q) +
    activations(hidden) +
    values +
    logits +
    states +
    tasks * attentionRoom(headDim) +
    program
  );
}

/** Words of a page in a head's table, pages that it has room for at first, words of a head in its layer's. */
const TABLE_WORDS = 3;
const FIRST_PAGES = 16;
const HEAD_WORDS = 4;

/** Of `tokens` in a cache whose heads keep all of them. */
export function cacheBytes(
  { layers, kvHeads, headDim }: CacheShape,
  codec: CacheCodec,
  tokens: number,
): number {
  const pages = Math.ceil(tokens / PAGE_SLOTS);
  let room = FIRST_PAGES;
  while (room < pages) room *= 2;
  const head = pages * PAGE_SLOTS * SLOT_BYTES[codec](headDim) * 2 + room * TABLE_WORDS * 4;
  return layers * kvHeads * (head + HEAD_WORDS * 4);
}

/** @throws MnemeError BUDGET with the bytes that are needed, where they are more than one memory holds */
export function checkFits(
  config: ModelConfig,
  precision: Precision,
  name: string,
  most: number = MEMORY_BYTES,
): void {
  const needed = (one: Precision): number => weightBytes(config, one) + scratchBytes(config);
  const bytes = needed(precision);
  if (bytes <= most) return;
  const other = PRECISIONS.find((one) => needed(one) <= most);
  throw new MnemeError(
    "BUDGET",
    `load ${name}: ${bytes} bytes are needed for its weights as ${precision}, one WebAssembly memory holds ${most}; ` +
      (other ? `as ${other} they are ${needed(other)}: load it with that precision` : "load a smaller model"),
    { details: { file: name, needed: bytes, most, precision } },
  );
}
