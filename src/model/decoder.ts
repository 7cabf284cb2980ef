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
import { GROUP, type LinearWeights } from "../weights/linear-weights.ts";
import type { AttentionWatch } from "./attention-watch.ts";
import type { ModelConfig } from "./config.ts";
import { type DecoderWeights, paddedHidden } from "./decoder-weights.ts";
import { frequenciesOf, writeAngles } from "./rope.ts";
import { MOST_TOKENS, type Span, StepTables, tilesOf } from "./step-tables.ts";

/** Parts that a token's attention is cut into at most, and slots that a part has at least. */
const MOST_PARTS = 8;
const PART_SLOTS = 256;
/** Parts of all tokens of a step together, where each has a history of its own. */
const PARTS = 16;
/** Tasks that a product is cut into, about. */
const TASKS = 16;
const ROWS_AT_LEAST = 16;
/** Of what the kernels know of a head. */
const HEAD_BYTES = 16;
/** Stages of a layer. */
const LAYER_STAGES = 12;
/** Bytes of each matrix that a fingerprint is made of. */
const SAMPLE_BYTES = 1 << 16;
/** Products write whole fours of tokens. */
const FOUR = 4;
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
  readonly #tables: StepTables;
  readonly #x: Region;
  readonly #angles: Region;
  readonly #qkv: Region;
  /** Grown to what a step needs. */
  #logits: Region;
  #states: Region;
  #rooms: Region;
  /** Stages whose tasks are tokens. */
  readonly #byTokens: TokenStage[] = [];
  readonly #linear: Stage[] = [];
  readonly #watched: { readonly keep: Stage; readonly weigh: Stage }[] = [];
  readonly #attends: Stage[] = [];
  readonly #merges: Stage[] = [];
  readonly #last: Stage;
  readonly #head: Stage;

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
    this.#tables = this.#own(new StepTables(face));
    this.#x = room(MOST_TOKENS * width);
    this.#angles = room(MOST_TOKENS * headDim);
    this.#logits = face.arena.alloc(weights.head.rows * 4);
    this.#states = face.arena.alloc(64);
    this.#rooms = face.arena.alloc(64);
    const normed = this.#activations(width);
    const attended = this.#activations(q);
    const gated = this.#activations(hidden);
    this.#qkv = room(MOST_TOKENS * (q + 2 * kvHeads * headDim));
    const gateUp = room(MOST_TOKENS * 2 * hidden);
    this.#program = this.#own(new Program(face, layers * LAYER_STAGES + 2));
    weights.layers.forEach((layer, number) => {
      const offset = number * kvHeads * HEAD_BYTES;
      this.#norm(this.#x, layer.attentionNorm, normed);
      this.#product(layer.qkv, normed, this.#qkv, false);
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
      const keep = this.#program.add("keep");
      const about = [this.#tables.tilesAt, heads, kvHeads, headDim, this.#qkv.pointer, offset];
      const attend = this.#program.add("attend", about);
      attend.setReal(6, headDim ** -0.5);
      attend.set(11, config.window ?? 0);
      this.#attends.push(attend);
      this.#watched.push({ keep, weigh: this.#program.add("weigh") });
      const merge = this.#perToken("merge", [heads, kvHeads, headDim]);
      merge.set(7, attended.values.pointer);
      this.#widened(merge, 8, attended);
      merge.set(11, this.#tables.rowsAt);
      this.#merges.push(merge);
      this.#product(layer.out, attended, this.#x, true);
      this.#norm(this.#x, layer.hiddenNorm, normed);
      this.#product(layer.gateUp, normed, gateUp, false);
      this.#widened(this.#tokens("gate", [gateUp.pointer, hidden, gated.values.pointer]), 5, gated);
      this.#product(layer.down, gated, this.#x, true);
    });
    // of the rows whose logits are wanted alone
    const x = this.#x.pointer;
    this.#last = this.#program.add("norm", [
      0,
      FEW_TOKENS,
      x,
      width,
      weights.norm.pointer,
      0,
      normed.values.pointer,
    ]);
    this.#last.setReal(5, config.epsilon);
    this.#widened(this.#last, 7, normed);
    this.#last.set(10, this.#tables.wantedAt);
    this.#head = this.#product(weights.head, normed, this.#logits, false);
    this.#linear.pop();
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
    this.#setTokens(tables.rows);
    this.#setWatch(spans, this.#setAttention(spans));
    this.#setLogits(tables.wanted);
    this.#program.run(this.#pool());
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

  #setTokens(count: number): void {
    for (const { stage, some } of this.#byTokens) {
      stage.set(0, count);
      stage.tasks = Math.ceil(count / some);
    }
    for (const stage of this.#linear) stage.set(0, count);
  }

  /** @returns the parts that each tile's attention is cut into */
  #setAttention(spans: readonly Span[]): number {
    const { heads, kvHeads, headDim } = this.config;
    const { tiles, rows, largest } = this.#tables;
    const slots =
      spans.reduce((most, { tokens, cache }) => Math.max(most, cache.pagesWith(tokens.length)), 0) *
      PAGE_SLOTS;
    const share = Math.min(MOST_PARTS, Math.floor(PARTS / tiles), Math.floor(slots / PART_SLOTS));
    const parts = rows === tiles ? Math.max(1, share) : 1;
    const tasks = tiles * kvHeads * parts;
    const group = heads / kvHeads;
    const encoded = !spans.every(({ cache }) => cache.onlyInt8);
    const threads = this.#pool()?.threads ?? 1;
    const roomBytes = attentionRoom(headDim, largest * group, encoded);
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
    return parts;
  }

  #setWatch(spans: readonly Span[], parts: number): void {
    let first = 0;
    let firstTile = 0;
    for (const stages of this.#watched) {
      stages.keep.tasks = 0;
      stages.weigh.tasks = 0;
    }
    for (const span of spans) {
      const { tokens, cache, watch } = span;
      const attended = { states: this.#states.pointer, parts, largest: this.#tables.largest, firstTile };
      this.#watched.forEach((stages, layer) => {
        watch?.set(layer, stages, first, tokens.length, this.#qkv.pointer, cache, attended);
      });
      first += tokens.length;
      firstTile += tilesOf(span);
    }
  }

  #setLogits(wanted: number): void {
    const { rows } = this.weights.head;
    this.#logits = this.#grown(this.#logits, Math.ceil(wanted / FOUR) * FOUR * rows * 4);
    this.#last.set(0, wanted);
    this.#last.tasks = Math.ceil(wanted / FEW_TOKENS);
    this.#head.set(0, wanted);
    this.#head.set(8, this.#logits.pointer);
    this.#head.tasks = wanted > 0 ? tasksOf(rows) : 0;
  }

  /** The region, or a larger one in its place. */
  #grown(region: Region, bytes: number): Region {
    if (region.byteLength >= bytes) return region;
    region[Symbol.dispose]();
    return this.#face.arena.alloc(bytes);
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
    const some = rowsOfTask(rows);
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
    stage.tasks = tasksOf(rows);
    this.#linear.push(stage);
    return stage;
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

const rowsOfTask = (rows: number): number => Math.max(ROWS_AT_LEAST, Math.ceil(rows / TASKS / 4) * 4);
const tasksOf = (rows: number): number => Math.ceil(rows / rowsOfTask(rows));
