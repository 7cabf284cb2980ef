/** A decoder: tokens in, logits out, keys and values into a cache. All stages of a step are a program that the pool's threads share. */

import { CACHE_CODECS, type CacheShape, type PagedCache } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import {
  attentionRoom,
  PAGE_SLOTS,
  type Pool,
  Program,
  type Region,
  type Stage,
  stateBytes,
  type WasmFace,
} from "../kernels/index.ts";
import { GROUP, type LinearWeights } from "../weights/linear-weights.ts";
import type { ModelConfig } from "./config.ts";
import { type DecoderWeights, paddedHidden } from "./decoder-weights.ts";
import { frequenciesOf, writeAngles } from "./rope.ts";

/** Tokens of one step at most: longer prompts go in by pieces. */
export const MOST_TOKENS = 256;
/** Tokens of a prompt that share a task of attention. */
const TILE = 16;
/** Parts that a token's attention is cut into at most, and slots that a part has at least. */
const MOST_PARTS = 8;
const PART_SLOTS = 256;
/** Tasks that a product is cut into, about. */
const TASKS = 16;
const ROWS_AT_LEAST = 16;
/** Stages of a layer. */
const LAYER_STAGES = 10;
/** Tokens of a task of the small stages. */
const FEW_TOKENS = 4;

/** Activations for the kernels' products: as f32, and as 16-bit codes with scales and sums. */
interface Activations {
  readonly values: Region;
  readonly codes: Region;
  readonly scales: Region;
  readonly sums: Region;
}

type TokenStage = { readonly stage: Stage; readonly some: number };

export class Decoder implements Disposable {
  readonly config: ModelConfig;
  readonly weights: DecoderWeights;
  readonly #face: WasmFace;
  readonly #pool: () => Pool | undefined;
  readonly #frequencies: Float64Array;
  readonly #owned: Disposable[] = [];
  readonly #program: Program;
  readonly #x: Region;
  readonly #angles: Region;
  readonly #logits: Region;
  /** Stages whose tasks are tokens. */
  readonly #byTokens: TokenStage[] = [];
  readonly #linear: Stage[] = [];
  readonly #appends: Stage[] = [];
  readonly #attends: Stage[] = [];
  readonly #merges: Stage[] = [];
  readonly #last: Stage;

  constructor(face: WasmFace, config: ModelConfig, weights: DecoderWeights, pool: () => Pool | undefined) {
    this.#face = face;
    this.config = config;
    this.weights = weights;
    this.#pool = pool;
    this.#frequencies = frequenciesOf(config.rope, config.headDim);
    const { width, heads, kvHeads, headDim, layers } = config;
    const hidden = paddedHidden(config);
    const q = heads * headDim;
    const room = (values: number): Region => this.#own(face.arena.alloc(values * 4));
    this.#x = room(MOST_TOKENS * width);
    this.#angles = room(MOST_TOKENS * headDim);
    this.#logits = room(weights.head.rows);
    const normed = this.#activations(width);
    const attended = this.#activations(q);
    const gated = this.#activations(hidden);
    const qkv = room(MOST_TOKENS * (q + 2 * kvHeads * headDim));
    const gateUp = room(MOST_TOKENS * 2 * hidden);
    // of a step for each task: a tile of a prompt, or a part of the history of one token
    const tasks = Math.max(MOST_TOKENS / TILE, MOST_PARTS) * kvHeads;
    const states = room((tasks * (TILE * (heads / kvHeads) + 3) * stateBytes(headDim)) / 4);
    const rooms = room((tasks * attentionRoom(headDim)) / 4);
    this.#program = this.#own(new Program(face, layers * LAYER_STAGES + 2));
    for (const layer of weights.layers) {
      this.#norm(this.#x, layer.attentionNorm, normed);
      this.#product(layer.qkv, normed, qkv, false);
      const append = this.#perToken("append", [heads, kvHeads, headDim, qkv.pointer, this.#angles.pointer]);
      append.set(7, layer.qkvBias?.pointer ?? 0);
      append.set(8, layer.headNorms?.query.pointer ?? 0);
      append.set(9, layer.headNorms?.key.pointer ?? 0);
      append.setReal(10, config.epsilon);
      this.#appends.push(append);
      const attend = this.#program.add("attend", [0, heads, kvHeads, headDim, qkv.pointer]);
      attend.setReal(6, headDim ** -0.5);
      attend.set(7, states.pointer);
      attend.set(10, rooms.pointer);
      attend.set(13, attentionRoom(headDim));
      attend.set(11, config.window ?? 0);
      this.#attends.push(attend);
      const merge = this.#perToken("merge", [heads, kvHeads, headDim, states.pointer]);
      merge.set(7, attended.values.pointer);
      this.#widened(merge, 8, attended);
      this.#merges.push(merge);
      this.#product(layer.out, attended, this.#x, true);
      this.#norm(this.#x, layer.hiddenNorm, normed);
      this.#product(layer.gateUp, normed, gateUp, false);
      this.#widened(this.#tokens("gate", [gateUp.pointer, hidden, gated.values.pointer]), 5, gated);
      this.#product(layer.down, gated, this.#x, true);
    }
    // of the last token alone
    this.#last = this.#program.add("norm", [1, 1, 0, width, weights.norm.pointer, 0, normed.values.pointer]);
    this.#last.setReal(5, config.epsilon);
    this.#widened(this.#last, 7, normed);
    this.#last.tasks = 1;
    this.#product(weights.head, normed, this.#logits, false).set(0, 1);
    this.#linear.pop();
  }

  get shape(): CacheShape {
    const { layers, kvHeads, headDim } = this.config;
    return { layers, kvHeads, headDim };
  }

  /**
   * Puts tokens behind those of the cache. @returns the logits behind the last one, borrowed until the next call
   * @throws MnemeError RANGE for a token that is none
   */
  forward(tokens: ArrayLike<number>, cache: PagedCache): Float32Array {
    if (tokens.length === 0) throw new MnemeError("ARGUMENT", "model: no tokens were given");
    for (let from = 0; from < tokens.length; from += MOST_TOKENS)
      this.#step(tokens, from, Math.min(MOST_TOKENS, tokens.length - from), cache);
    return this.#logits.f32().subarray(0, this.config.vocabulary);
  }

  #step(tokens: ArrayLike<number>, from: number, count: number, cache: PagedCache): void {
    const { width, headDim, kvHeads, rope, vocabulary } = this.config;
    const stretch = rope.scaling?.type === "yarn" ? rope.scaling.attention : 1;
    const x = this.#x.f32();
    const angles = this.#angles.f32();
    for (let t = 0; t < count; t++) {
      const token = tokens[from + t]!;
      if (!(Number.isInteger(token) && token >= 0 && token < vocabulary))
        throw new MnemeError("RANGE", `model: token ${token} is none of ${vocabulary}`);
      this.weights.embedding.row(token, x.subarray(t * width, (t + 1) * width));
      writeAngles(
        this.#frequencies,
        cache.length + t,
        angles.subarray(t * headDim, (t + 1) * headDim),
        stretch,
      );
    }
    cache.begin(count);
    const codec = CACHE_CODECS.indexOf(cache.codec);
    const tile = Math.min(TILE, count);
    const slots = cache.pagesWith(count) * PAGE_SLOTS;
    const parts = count > 1 ? 1 : Math.max(1, Math.min(MOST_PARTS, Math.floor(slots / PART_SLOTS)));
    for (const { stage, some } of this.#byTokens) {
      stage.set(0, count);
      stage.tasks = Math.ceil(count / some);
    }
    for (const stage of this.#linear) stage.set(0, count);
    this.#appends.forEach((stage, layer) => {
      stage.set(6, cache.layer(layer));
      stage.set(11, codec);
    });
    this.#attends.forEach((stage, layer) => {
      stage.set(0, count);
      stage.set(5, cache.layer(layer));
      stage.set(8, parts);
      stage.set(9, tile);
      stage.set(12, codec);
      stage.tasks = Math.ceil(count / tile) * kvHeads * parts;
    });
    for (const stage of this.#merges) {
      stage.set(5, parts);
      stage.set(6, tile);
    }
    this.#last.set(2, this.#x.pointer + (count - 1) * width * 4);
    this.#program.run(this.#pool());
    cache.end(count);
  }

  #activations(columns: number): Activations {
    const room = (bytes: number): Region => this.#own(this.#face.arena.alloc(bytes));
    return {
      values: room(MOST_TOKENS * columns * 4),
      codes: room(MOST_TOKENS * columns * 2),
      scales: room((MOST_TOKENS * columns * 4) / GROUP),
      sums: room((MOST_TOKENS * columns * 4) / GROUP),
    };
  }

  #norm(x: Region, weight: Region, to: Activations): void {
    const stage = this.#tokens("norm", [x.pointer, this.config.width, weight.pointer, 0, to.values.pointer]);
    stage.setReal(5, this.config.epsilon);
    this.#widened(stage, 7, to);
  }

  #widened(stage: Stage, at: number, to: Activations): void {
    stage.set(at, to.codes.pointer);
    stage.set(at + 1, to.scales.pointer);
    stage.set(at + 2, to.sums.pointer);
  }

  /** A stage of (tokens, a task's tokens, ...args). */
  #tokens(kind: "norm" | "gate", args: readonly number[]): Stage {
    const stage = this.#program.add(kind, [0, FEW_TOKENS, ...args]);
    this.#byTokens.push({ stage, some: FEW_TOKENS });
    return stage;
  }

  /** A stage of (tokens, ...args) with a task for each token. */
  #perToken(kind: "append" | "merge", args: readonly number[]): Stage {
    const stage = this.#program.add(kind, [0, ...args]);
    this.#byTokens.push({ stage, some: 1 });
    return stage;
  }

  #product(weights: LinearWeights, x: Activations, out: Region, onto: boolean): Stage {
    const { rows, columns, precision } = weights;
    const some = Math.max(ROWS_AT_LEAST, Math.ceil(rows / TASKS / 4) * 4);
    const kind = ({ int8: "linearI8", int4: "linearU4", bf16: "linearB16" } as const)[precision];
    const from = precision === "bf16" ? x.values : x.codes;
    const stage = this.#program.add(kind, [
      0,
      some,
      rows,
      columns,
      from.pointer,
      x.scales.pointer,
      x.sums.pointer,
    ]);
    stage.set(7, weights.region.pointer);
    stage.set(8, out.pointer);
    stage.set(9, rows * 4);
    stage.set(10, onto ? 1 : 0);
    stage.tasks = Math.ceil(rows / some);
    this.#linear.push(stage);
    return stage;
  }

  #own<T extends Disposable>(one: T): T {
    this.#owned.push(one);
    return one;
  }

  [Symbol.dispose](): void {
    for (const one of this.#owned.splice(0)) one[Symbol.dispose]();
    this.weights[Symbol.dispose]();
  }
}
