/** Bytes that a model takes in kernel memory, out of its configuration alone: weights, the work space of a step, the cache. */
import { CACHE_CODECS, type PageCodec, pageBytes } from "../cache/page-codec.ts";
import type { CacheShape } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import {
  attentionRoom,
  PAGE_SLOTS,
  ROW_WORDS,
  roomsBytes,
  stateBytes,
  TILE_WORDS,
} from "../kernels/index.ts";
import { GROUP, linearBytes, PRECISIONS, type Precision, TILE_ROWS } from "../weights/linear-weights.ts";
import type { ModelConfig } from "./config.ts";
import { paddedHidden } from "./decoder-weights.ts";
import { productRoom } from "./products.ts";
import { LAST_STAGES, LAYER_STAGES, MOST_TILES, MOST_TOKENS, TILE_TOKENS } from "./step-tables.ts";

/** All that one WebAssembly memory can hold. */
export const MEMORY_BYTES: number = 2 ** 32;

const F32 = 4;

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
  const biases = (config.qkvBias ? qkv : 0) + (config.outBias ? width : 0);
  const mlpBiases = config.mlpBias ? 2 * hidden + width : 0;
  const norms = (config.qkNorm ? 2 * headDim : 0) + (config.postNorms ? 2 * width : 0);
  const vectors = (biases + mlpBiases + norms) * F32;
  return table * (config.tied ? 1 : 2) + layers * (layer + vectors) + width * F32;
}

/** Of a stage's description in kernel memory. */
const STAGE_BYTES = 128;

/** Stages of a step at most. */
export function programStages({ layers, postNorms, outBias, mlpBias }: ModelConfig): number {
  const added = (postNorms || outBias ? 1 : 0) + (postNorms || mlpBias ? 1 : 0);
  return layers * (LAYER_STAGES + added) + LAST_STAGES;
}

/** Activations, attention's work space and the program of a step, as the decoder of one thread holds them; others add a room of attention each. */
export function scratchBytes(config: ModelConfig): number {
  const { width, heads, kvHeads, headDim, vocabulary } = config;
  const hidden = paddedHidden(config);
  const q = heads * headDim;
  const angles = config.localRope ? 2 * headDim : headDim;
  const apart = config.postNorms ? width : 0;
  // values, codes of 16 bits, a scale and a sum a group
  const activations = (columns: number): number =>
    MOST_TOKENS * (columns * (F32 + 2) + (columns / GROUP) * 2 * F32);
  const values = MOST_TOKENS * F32 * (width + apart + angles + q + 2 * kvHeads * headDim + 2 * hidden);
  const logits = Math.ceil(vocabulary / TILE_ROWS) * TILE_ROWS * F32;
  const tables = (MOST_TOKENS * (ROW_WORDS + 1) + MOST_TILES * TILE_WORDS) * F32;
  // of a step of a whole piece of a prompt: rooms grow to that
  const tasks = (MOST_TOKENS / TILE_TOKENS) * kvHeads;
  const queries = TILE_TOKENS * (heads / kvHeads);
  const states = tasks * queries * stateBytes(headDim);
  const rooms = roomsBytes(1, attentionRoom(headDim, queries, 0));
  const program = programStages(config) * STAGE_BYTES;
  return (
    activations(width) +
    activations(q) +
    activations(hidden) +
    values +
    tables +
    logits +
    states +
    rooms +
    productRoom(Math.max(width, q, hidden)) +
    program
  );
}

/** Words of a page in a head's table, pages that it has room for at first, words of a head in its layer's. */
const TABLE_WORDS = 4;
const FIRST_PAGES = 16;
const HEAD_WORDS = 4;

/** Of `tokens` in a cache whose heads keep all of them: pages of fewer bits than 8 but for the last one, which takes tokens as int8. */
export function cacheBytes(
  { layers, kvHeads, headDim }: CacheShape,
  codec: PageCodec,
  tokens: number,
): number {
  const pages = Math.ceil(tokens / PAGE_SLOTS);
  let room = FIRST_PAGES;
  while (room < pages) room *= 2;
  const bytesOf = (one: PageCodec): number => {
    const { keys, values } = pageBytes(one, headDim);
    return keys + values;
  };
  const takes = CACHE_CODECS.some((one) => one === codec);
  const all = takes ? pages * bytesOf(codec) : (pages - 1) * bytesOf(codec) + bytesOf("int8");
  return layers * kvHeads * (all + room * TABLE_WORDS * 4 + HEAD_WORDS * 4);
}

/**
 * @param most bytes of memory that the machine has
 * @throws MnemeError BUDGET with the bytes that are needed, where they are more
 */
export function checkFits(config: ModelConfig, precision: Precision, name: string, most: number): void {
  const needed = (one: Precision): number => weightBytes(config, one) + scratchBytes(config);
  const bytes = needed(precision);
  if (bytes <= most) return;
  const other = PRECISIONS.find((one) => needed(one) <= most);
  throw new MnemeError(
    "BUDGET",
    `load ${name}: ${bytes} bytes are needed for its weights as ${precision}, this machine has ${most}; ` +
      (other ? `as ${other} they are ${needed(other)}: load it with that precision` : "load a smaller model"),
    { details: { file: name, needed: bytes, most, precision } },
  );
}
