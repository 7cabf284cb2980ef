/** A decoder: tokens in, logits out, keys and values into a cache. All stages of a step are a program that the pool's threads share. */

import { createHash } from "node:crypto";
import type { CacheShape, PagedCache } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import {
  attentionRoom,
  PAGE_SLOTS,
  type Pool,
  Program,
  type Region,
  roomsBytes,
  type Stage,
  stateBytes,
  type WasmFace,
} from "../kernels/index.ts";
import type { LinearWeights } from "../weights/linear-weights.ts";
import { AnnexProduct, AnnexRoom } from "./annex-product.ts";
import type { AttentionWatch } from "./attention-watch.ts";
import type { ModelConfig } from "./config.ts";
import { type DecoderWeights, paddedHidden } from "./decoder-weights.ts";
import { type Inputs, inputRegions, productRoom, productStage } from "./products.ts";
import { frequenciesOf, writeAngles } from "./rope.ts";
import { LAST_STAGES, LAYER_STAGES, MOST_TOKENS, type Span, StepTables } from "./step-tables.ts";

/** Parts that a token's attention is cut into at most, and slots that a part has at least. */
const MOST_PARTS = 8;
const PART_SLOTS = 256;
/** Parts of all tokens of a step together, where each has a history of its own. */
const PARTS = 16;
/** Of what the kernels know of a head. */
const HEAD_BYTES = 16;
/** Bytes of each matrix that a fingerprint is made of. */
const SAMPLE_BYTES = 1 << 16;
/** Products write whole fours of tokens. */
const FOUR = 4;
/** Tokens of a task of the small stages. */
const FEW_TOKENS = 4;

export const ACTIVATIONS = ["int16", "int8"] as const;
/**
 * How inputs of products with int8 and int4 weights are rounded, in groups of 32: `int16` to 16 bits by an f32 scale, hardly at all; `int8` to
 * 8 bits by an f16 scale, as llama.cpp's processor backend rounds them (quantize_row_q8_0 of ggml).
 */
export type Activations = (typeof ACTIVATIONS)[number];

export interface DecoderOptions {
  /** Default int16. */
  readonly activations?: Activations;
}

/** Threads over a memory, where there are any. */
export type Threads = (face: WasmFace) => Pool | undefined;

interface TokenStages {
  /** Those whose tasks are tokens, `some` each. */
  readonly byTokens: { readonly stage: Stage; readonly some: number }[];
  readonly products: { readonly stage: Stage; readonly tasks: number }[];
}

/** A product in another memory: it runs before stage number `before`. */
interface Detour {
  readonly before: number;
  readonly product: AnnexProduct;
  readonly tokens: TokenStages;
  readonly out: () => Region;
}

export class Decoder implements Disposable {
  readonly config: ModelConfig;
  readonly weights: DecoderWeights;
  readonly #face: WasmFace;
  readonly #threads: Threads;
  readonly #activations: Activations;
  readonly #frequencies: Float64Array;
  readonly #owned: Disposable[] = [];
  readonly #program: Program;
  readonly #tables: StepTables;
  readonly #x: Region;
  readonly #angles: Region;
  readonly #qkv: Region;
  /** Rows of weights that each task of a product widens. */
  readonly #rows: Region;
  /** Grown to what a step needs. */
  #logits: Region;
  #states: Region;
  #rooms: Region;
  /** Of all tokens of a step, and of those whose logits are wanted: all that comes behind the last layer's attention. */
  readonly #ofAll: TokenStages = { byTokens: [], products: [] };
  readonly #ofWanted: TokenStages = { byTokens: [], products: [] };
  #adding = this.#ofAll;
  readonly #watched: { readonly keep: Stage; readonly weigh: Stage }[] = [];
  readonly #detours: Detour[] = [];
  readonly #annexRooms = new Map<WasmFace, AnnexRoom>();
  readonly #attends: Stage[] = [];
  readonly #merges: Stage[] = [];
  readonly #pick: Stage;
  readonly #head: Stage | undefined;

  constructor(
    face: WasmFace,
    config: ModelConfig,
    weights: DecoderWeights,
    threads: Threads,
    { activations = "int16" }: DecoderOptions = {},
  ) {
    this.#face = face;
    this.#activations = activations;
    this.config = config;
    this.weights = weights;
    this.#threads = threads;
    this.#frequencies = frequenciesOf(config.rope, config.headDim);
    const { width, heads, kvHeads, headDim, layers } = config;
    const hidden = paddedHidden(config);
    const q = heads * headDim;
    const room = (values: number): Region => this.#own(face.arena.alloc(values * 4));
    this.#tables = this.#own(new StepTables(face));
    this.#x = room(MOST_TOKENS * width);
    this.#angles = room(MOST_TOKENS * headDim);
    this.#logits = face.arena.alloc(weights.head.rows * 4);
    this.#states = face.arena.alloc(64);
    this.#rooms = face.arena.alloc(64);
    const normed = this.#inputs(width);
    const attended = this.#inputs(q);
    const gated = this.#inputs(hidden);
    this.#qkv = room(MOST_TOKENS * (q + 2 * kvHeads * headDim));
    this.#rows = this.#own(face.arena.alloc(productRoom(Math.max(width, q, hidden))));
    const gateUp = room(MOST_TOKENS * 2 * hidden);
    this.#program = this.#own(new Program(face, layers * LAYER_STAGES + LAST_STAGES));
    let pick: Stage | undefined;
    weights.layers.forEach((layer, number) => {
      const offset = number * kvHeads * HEAD_BYTES;
      this.#norm(this.#x, layer.attentionNorm, normed);
      this.#product(layer.qkv, normed, () => this.#qkv, false);
      const append = this.#perToken("append", [
        heads,
        kvHeads,
        headDim,
        this.#qkv.pointer,
        this.#angles.pointer,
      ]);
      append.set(6, this.#tables.rowsAt);
      append.set(7, layer.qkvBias?.pointer ?? 0);
      append.set(8, layer.headNorms?.query.pointer ?? 0);
      append.set(9, layer.headNorms?.key.pointer ?? 0);
      append.setReal(10, config.epsilon);
      append.set(11, offset);
      this.#watched.push({ keep: this.#program.add("keep"), weigh: this.#program.add("weigh") });
      const about = [this.#tables.tilesAt, heads, kvHeads, headDim, this.#qkv.pointer, offset];
      const attend = this.#program.add("attend", about);
      attend.setReal(6, headDim ** -0.5);
      attend.set(11, config.window ?? 0);
      this.#attends.push(attend);
      const merge = this.#perToken("merge", [heads, kvHeads, headDim]);
      merge.set(7, attended.values.pointer);
      merge.set(12, this.#tables.rowsAt);
      this.#merges.push(merge);
      if (number < layers - 1) this.#widened(merge, 8, attended);
      else pick = this.#pickWanted(attended, q);
      this.#product(layer.out, attended, () => this.#x, true);
      this.#norm(this.#x, layer.hiddenNorm, normed);
      this.#product(layer.gateUp, normed, () => gateUp, false);
      this.#widened(this.#tokens("gate", [gateUp.pointer, hidden, gated.values.pointer]), 5, gated);
      this.#product(layer.down, gated, () => this.#x, true);
    });
    this.#pick = pick!;
    this.#norm(this.#x, weights.norm, normed);
    this.#head = this.#product(weights.head, normed, () => this.#logits, false);
  }

  /** Of the configuration and of samples of all weights: the same for the same model, wherever it runs. */
  fingerprint(): string {
    const hash = createHash("sha256").update(JSON.stringify(this.config));
    for (const [name, bytes] of this.weights.regions())
      hash.update(`\n${name} ${bytes.length}\n`).update(bytes.slice(0, SAMPLE_BYTES));
    return hash.digest("hex");
  }

  get shape(): CacheShape {
    const { layers, kvHeads, headDim } = this.config;
    return { layers, kvHeads, headDim };
  }

  /**
   * Puts tokens behind those of the cache. @returns the logits behind the last one, borrowed until the next call
   * @throws MnemeError RANGE for a token that is none
   */
  forward(tokens: ArrayLike<number>, cache: PagedCache, watch?: AttentionWatch): Float32Array {
    if (tokens.length === 0) throw new MnemeError("ARGUMENT", "model: no tokens were given");
    let logits = this.#logits.f32();
    for (let from = 0; from < tokens.length; from += MOST_TOKENS) {
      const piece = Array.prototype.slice.call(tokens, from, from + MOST_TOKENS) as number[];
      const last = from + MOST_TOKENS >= tokens.length;
      logits = this.step([{ tokens: piece, cache, logits: last ? "last" : "none", watch }]);
    }
    return logits.subarray(0, this.config.vocabulary);
  }

  /** Floats from one row of a step's logits to the next. */
  get logitsStride(): number {
    return this.weights.head.rows;
  }

  /**
   * Puts tokens of several sequences behind those of their caches at once. @returns a row of logits for each token that wants them, in
   * order, `logitsStride` apart; borrowed until the next call. @throws MnemeError RANGE for a token that is none, and too many of them
   */
  step(spans: readonly Span[]): Float32Array {
    const tables = this.#tables;
    tables.set(spans);
    this.#embed(spans);
    for (const { tokens, cache, watch } of spans) {
      cache.begin(tokens.length);
      watch?.begin(tokens.length, cache);
    }
    setTokens(this.#ofAll, tables.rows);
    setTokens(this.#ofWanted, tables.wanted);
    this.#setAttention(spans);
    this.#setWatch(spans);
    this.#setLogits(tables.wanted);
    this.#run();
    for (const { tokens, cache, watch } of spans) {
      watch?.end(tokens.length, cache.length, cache);
      cache.end(tokens.length);
    }
    return this.#logits.f32();
  }

  /** Rows of the embedding, and the angles of their positions. */
  #embed(spans: readonly Span[]): void {
    const { width, headDim, rope, vocabulary } = this.config;
    const stretch = rope.scaling?.type === "yarn" ? rope.scaling.attention : 1;
    const x = this.#x.f32();
    const angles = this.#angles.f32();
    let row = 0;
    for (const { tokens, cache } of spans) {
      for (let t = 0; t < tokens.length; t++, row++) {
        const token = tokens[t]!;
        if (!(Number.isInteger(token) && token >= 0 && token < vocabulary))
          throw new MnemeError("RANGE", `model: token ${token} is none of ${vocabulary}`);
        this.weights.embedding.row(token, x.subarray(row * width, (row + 1) * width));
        const to = angles.subarray(row * headDim, (row + 1) * headDim);
        writeAngles(this.#frequencies, cache.length + t, to, stretch);
      }
    }
  }

  #setAttention(spans: readonly Span[]): void {
    const { heads, kvHeads, headDim } = this.config;
    const { tiles, rows, largest } = this.#tables;
    const slots =
      spans.reduce((most, { tokens, cache }) => Math.max(most, cache.pagesWith(tokens.length)), 0) *
      PAGE_SLOTS;
    const share = Math.min(MOST_PARTS, Math.floor(PARTS / tiles), Math.floor(slots / PART_SLOTS));
    const parts = rows === tiles ? Math.max(1, share) : 1;
    const tasks = tiles * kvHeads * parts;
    const group = heads / kvHeads;
    const expanded = spans.reduce((most, { cache }) => Math.max(most, cache.expandedBytes), 0);
    const threads = this.#threads(this.#face)?.threads ?? 1;
    const roomBytes = attentionRoom(headDim, largest * group, expanded);
    this.#states = this.#grown(this.#states, tasks * largest * group * stateBytes(headDim));
    this.#rooms = this.#grown(this.#rooms, roomsBytes(threads, roomBytes));
    this.#rooms.u32().fill(0, 0, threads);
    for (const stage of this.#attends) {
      stage.set(7, this.#states.pointer);
      stage.set(8, parts);
      stage.set(9, largest);
      stage.set(10, this.#rooms.pointer);
      stage.set(12, roomBytes);
      stage.set(13, threads);
      stage.tasks = tasks;
    }
    for (const stage of this.#merges) {
      stage.set(4, this.#states.pointer);
      stage.set(5, parts);
      stage.set(6, largest);
    }
  }

  #setWatch(spans: readonly Span[]): void {
    let first = 0;
    for (const stages of this.#watched) {
      stages.keep.tasks = 0;
      stages.weigh.tasks = 0;
    }
    for (const { tokens, cache, watch } of spans) {
      this.#watched.forEach((stages, layer) => {
        watch?.set(layer, stages, first, tokens.length, this.#qkv.pointer, cache);
      });
      first += tokens.length;
    }
  }

  #setLogits(wanted: number): void {
    const { rows } = this.weights.head;
    this.#logits = this.#grown(this.#logits, Math.ceil(wanted / FOUR) * FOUR * rows * 4);
    this.#pick.set(0, wanted);
    this.#pick.tasks = Math.min(1, wanted);
    this.#head?.set(8, this.#logits.pointer);
  }

  /** The region, or a larger one in its place. */
  #grown(region: Region, bytes: number): Region {
    if (region.byteLength >= bytes) return region;
    region[Symbol.dispose]();
    return this.#face.arena.alloc(bytes);
  }

  #inputs(columns: number): Inputs {
    const regions = inputRegions(this.#face.arena, columns);
    for (const region of Object.values(regions)) this.#own(region);
    return regions;
  }

  /** From here on only the rows whose logits are wanted. */
  #pickWanted(attended: Inputs, width: number): Stage {
    this.#adding = this.#ofWanted;
    const x = [this.#x.pointer, this.config.width];
    const pick = this.#program.add("pick", [0, this.#tables.wantedAt, ...x, attended.values.pointer, width]);
    this.#widened(pick, 6, attended);
    return pick;
  }

  #norm(x: Region, weight: Region, to: Inputs): void {
    const stage = this.#tokens("norm", [x.pointer, this.config.width, weight.pointer, 0, to.values.pointer]);
    stage.setReal(5, this.config.epsilon);
    this.#widened(stage, 7, to);
  }

  #widened(stage: Stage, at: number, to: Inputs): void {
    stage.set(at, to.codes.pointer);
    stage.set(at + 1, to.scales.pointer);
    stage.set(at + 2, to.sums.pointer);
    stage.set(at + 3, this.#activations === "int8" ? 1 : 0);
  }

  /** A stage of (tokens, a task's tokens, ...args). */
  #tokens(kind: "norm" | "gate", args: readonly number[]): Stage {
    const stage = this.#program.add(kind, [0, FEW_TOKENS, ...args]);
    this.#adding.byTokens.push({ stage, some: FEW_TOKENS });
    return stage;
  }

  /** A stage of (tokens, ...args) with a task for each token. */
  #perToken(kind: "append" | "merge", args: readonly number[]): Stage {
    const stage = this.#program.add(kind, [0, ...args]);
    this.#adding.byTokens.push({ stage, some: 1 });
    return stage;
  }

  /** @returns its stage, where its weights lie in this memory */
  #product(weights: LinearWeights, x: Inputs, out: () => Region, onto: boolean): Stage | undefined {
    if (weights.face !== this.#face) {
      const product = this.#own(new AnnexProduct(weights, x, this.#annexRoom(weights.face), onto));
      this.#detours.push({ before: this.#program.stages, product, tokens: this.#adding, out });
      return undefined;
    }
    const made = productStage(this.#program, weights, x, this.#rows);
    made.stage.set(8, out().pointer);
    made.stage.set(10, onto ? 1 : 0);
    this.#adding.products.push(made);
    return made.stage;
  }

  #annexRoom(face: WasmFace): AnnexRoom {
    const { width, heads, headDim } = this.config;
    const widest = Math.max(width, heads * headDim, paddedHidden(this.config));
    const room = this.#annexRooms.get(face) ?? this.#own(new AnnexRoom(face, widest));
    this.#annexRooms.set(face, room);
    return room;
  }

  /** All stages, and between them the products in other memories. */
  #run(): void {
    const pool = this.#threads(this.#face);
    let done = 0;
    for (const { before, product, tokens, out } of this.#detours) {
      this.#program.run(pool, done, before);
      product.run(tokens === this.#ofAll ? this.#tables.rows : this.#tables.wanted, out(), this.#threads);
      done = before;
    }
    this.#program.run(pool, done);
  }

  #own<T extends Disposable>(one: T): T {
    this.#owned.push(one);
    return one;
  }

  [Symbol.dispose](): void {
    for (const one of this.#owned.splice(0)) one[Symbol.dispose]();
    for (const one of [this.#logits, this.#states, this.#rooms]) one[Symbol.dispose]();
    this.weights[Symbol.dispose]();
  }
}

function setTokens({ byTokens, products }: TokenStages, count: number): void {
  for (const { stage, some } of byTokens) {
    stage.set(0, count);
    stage.tasks = Math.ceil(count / some);
  }
  for (const { stage, tasks } of products) {
    stage.set(0, count);
    stage.tasks = count > 0 ? tasks : 0;
  }
}
