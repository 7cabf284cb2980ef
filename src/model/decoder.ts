/** A decoder: tokens in, logits out, keys and values into a cache. All stages of a step are a program that the pool's threads share. */
import { createHash } from "node:crypto";
import type { CacheShape, PagedCache } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import {
  attentionRoom,
  BYTE_QUERIES,
  type Form,
  PAGE_SLOTS,
  type Region,
  roomsBytes,
  type Stage,
  stateBytes,
  type WasmFace,
} from "../kernels/index.ts";
import { Angles } from "./angles.ts";
import type { AttentionWatch } from "./attention-watch.ts";
import type { ModelConfig } from "./config.ts";
import { type DecoderWeights, type LayerWeights, paddedHidden } from "./decoder-weights.ts";
import { type Activations, activationsFor, formOf, type Inputs, inputRegions } from "./products.ts";
import { programStages } from "./sizes.ts";
import { type Product, StepProgram, type Threads } from "./step-program.ts";
import { MOST_TOKENS, type Span, StepTables, tilesOf } from "./step-tables.ts";

export type { Threads } from "./step-program.ts";

/** Parts that a token's attention is cut into at most, and slots that a part has at least. */
const MOST_PARTS = 8;
const PART_SLOTS = 256;
/** Parts of all tokens of a step together, where each has a history of its own. */
const PARTS = 16;
/** Slots of a history from which attention of single tokens rounds queries and weights to bytes: it saves nothing behind fewer, and errs least over many. */
const BYTES_FROM = 1024;
/** Of what the kernels know of a head. */
const HEAD_BYTES = 16;
/** Bytes of each matrix that a fingerprint is made of. */
const SAMPLE_BYTES = 1 << 16;
/** Products write whole fours of tokens. */
const FOUR = 4;

export interface DecoderOptions {
  /** Default as `activationsFor` the weights. */
  readonly activations?: Activations;
}

/** What stages of a layer leave for those behind them. */
interface Between {
  readonly normed: Inputs;
  readonly attended: Inputs;
  readonly gateUp: Region;
  readonly gated: Inputs;
  /** What is added to x by a stage of its own, behind a norm. */
  readonly apart: Region | undefined;
}

export class Decoder implements Disposable {
  readonly config: ModelConfig;
  readonly weights: DecoderWeights;
  readonly #face: WasmFace;
  readonly #threads: Threads;
  readonly #form: Form;
  readonly #owned: (Disposable & { readonly byteLength?: number })[] = [];
  readonly #program: StepProgram;
  readonly #tables: StepTables;
  readonly #x: Region;
  readonly #angles: Angles;
  readonly #qkv: Region;
  /** Grown to what a step needs. */
  #logits: Region;
  #states: Region;
  #rooms: Region;
  readonly #watched: { readonly keep: Stage; readonly weigh: Stage }[] = [];
  readonly #attends: Stage[] = [];
  readonly #merges: Stage[] = [];
  readonly #pick: Stage;
  readonly #head: Product;
  readonly #cap: Stage | undefined;
  /** What the output layer reads: rows that were wanted. */
  readonly #normed: Region;

  constructor(
    face: WasmFace,
    config: ModelConfig,
    weights: DecoderWeights,
    threads: Threads,
    { activations = activationsFor(weights.head.precision) }: DecoderOptions = {},
  ) {
    this.#face = face;
    this.#form = formOf(activations, weights.head);
    this.config = config;
    this.weights = weights;
    this.#threads = threads;
    const { width, heads, kvHeads, headDim } = config;
    const hidden = paddedHidden(config);
    const q = heads * headDim;
    const room = (values: number): Region => this.#own(face.arena.alloc(values * 4));
    this.#tables = this.#own(new StepTables(face));
    this.#x = room(MOST_TOKENS * width);
    this.#angles = this.#own(new Angles(face, config));
    this.#logits = face.arena.alloc(weights.head.rows * 4);
    this.#states = face.arena.alloc(64);
    this.#rooms = face.arena.alloc(64);
    this.#qkv = room(MOST_TOKENS * (q + 2 * kvHeads * headDim));
    const between: Between = {
      normed: this.#inputs(width),
      attended: this.#inputs(q),
      gateUp: room(MOST_TOKENS * 2 * hidden),
      gated: this.#inputs(hidden),
      apart: config.postNorms ? room(MOST_TOKENS * width) : undefined,
    };
    const widest = Math.max(width, q, hidden);
    this.#program = this.#own(new StepProgram(face, programStages(config), widest, threads, this.#form));
    let pick: Stage | undefined;
    weights.layers.forEach((layer, number) => {
      const isLast = number === weights.layers.length - 1;
      this.#program.addOnce(() => weights.read(number + 1));
      const merge = this.#attend(layer, number, between.normed);
      merge.set(7, between.attended.values.pointer);
      if (isLast) pick = this.#pickWanted(between.attended);
      else this.#widened(merge, 8, between.attended);
      this.#joinAttended(layer, between);
      this.#gatedLayer(layer, between);
    });
    this.#pick = pick!;
    const { normed } = between;
    this.#program.addOnce(() => weights.read());
    this.#norm(this.#x, weights.norm, normed);
    this.#head = this.#program.addProduct(weights.head, normed, () => this.#logits, false);
    this.#cap = config.logitCap === undefined ? undefined : this.#program.add("cap");
    this.#cap?.setReal(2, config.logitCap!);
    this.#normed = normed.values;
  }

  /** Attention over x up to its merged parts. @returns the stage that merges them */
  #attend(layer: LayerWeights, number: number, normed: Inputs): Stage {
    const { heads, kvHeads, headDim, epsilon, layerKinds, window, attentionScale, attentionCap } =
      this.config;
    const { windowed, rope } = layerKinds[number]!;
    const offset = number * kvHeads * HEAD_BYTES;
    const qkv = this.#qkv.pointer;
    const program = this.#program;
    this.#norm(this.#x, layer.attentionNorm, normed);
    program.addProduct(layer.qkv, normed, () => this.#qkv, false);
    const append = program.addOfToken("append", [heads, kvHeads, headDim, qkv, this.#angles.pointerOf(rope)]);
    append.set(6, this.#tables.rowsAt);
    append.set(7, layer.qkvBias?.pointer ?? 0);
    append.set(8, layer.headNorms?.query.pointer ?? 0);
    append.set(9, layer.headNorms?.key.pointer ?? 0);
    append.setReal(10, epsilon);
    append.set(11, offset);
    const keep = program.add("keep");
    const attend = program.add("attend", [this.#tables.tilesAt, heads, kvHeads, headDim, qkv, offset]);
    attend.setReal(6, attentionScale);
    attend.set(11, windowed ? window! : 0);
    attend.setReal(14, attentionCap ?? 0);
    this.#attends.push(attend);
    this.#watched.push({ keep, weigh: program.add("weigh") });
    const merge = program.addOfToken("merge", [heads, kvHeads, headDim]);
    merge.set(12, this.#tables.rowsAt);
    this.#merges.push(merge);
    return merge;
  }

  /** x += what attention gives. */
  #joinAttended(layer: LayerWeights, { attended, apart }: Between): void {
    this.#program.addProduct(layer.out, attended, () => apart ?? this.#x, !apart);
    this.#add(apart, layer.outNorm, layer.outBias);
  }

  /** x += what the gated layer gives of x. */
  #gatedLayer(layer: LayerWeights, { normed, gateUp, gated, apart }: Between): void {
    this.#norm(this.#x, layer.hiddenNorm, normed);
    this.#program.addProduct(layer.gateUp, normed, () => gateUp, false);
    const about = [gateUp.pointer, paddedHidden(this.config), gated.values.pointer];
    const gate = this.#program.addOfTokens("gate", about);
    this.#widened(gate, 5, gated);
    gate.set(9, layer.gateUpBias?.pointer ?? 0);
    gate.set(10, this.config.activation === "gelu" ? 1 : 0);
    this.#program.addProduct(layer.down, gated, () => apart ?? this.#x, !apart);
    this.#add(apart, layer.downNorm, layer.downBias);
  }

  /** From here on only the rows whose logits are wanted. */
  #pickWanted(attended: Inputs): Stage {
    const { width, heads, headDim } = this.config;
    const rows = [this.#x.pointer, width, attended.values.pointer, heads * headDim];
    const pick = this.#program.add("pick", [0, this.#tables.wantedAt, ...rows]);
    this.#widened(pick, 6, attended);
    this.#program.beginWanted();
    return pick;
  }

  /** Of the configuration and of samples of all weights: the same for the same model, wherever it runs. */
  fingerprint(): string {
    const hash = createHash("sha256").update(JSON.stringify(this.config));
    for (const [name, bytes] of this.weights.regions())
      hash.update(`\n${name} ${bytes.length}\n`).update(bytes.slice(0, SAMPLE_BYTES));
    return hash.digest("hex");
  }

  /** Of activations, tables, the program, and what attention and logits have grown to; the weights apart. */
  get scratchBytes(): number {
    const regions = [...this.#owned, this.#logits, this.#states, this.#rooms];
    const own = regions.reduce((sum, { byteLength }) => sum + (byteLength ?? 0), 0);
    return own + this.#program.bytes + this.#tables.bytes + this.#angles.bytes;
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
    this.#run(spans, true);
    return this.#logits.f32();
  }

  /**
   * The same without the output layer. @returns the state behind the final norm of each token that wants logits, rows of `width` values;
   * borrowed until the next call. @throws as step
   */
  states(spans: readonly Span[]): Float32Array {
    this.#run(spans, false);
    return this.#normed.f32().subarray(0, this.#tables.wanted * this.config.width);
  }

  /** @param scored whether the output layer is asked for */
  #run(spans: readonly Span[], scored: boolean): void {
    const tables = this.#tables;
    this.weights.read(0);
    tables.set(spans);
    this.#embed(spans);
    for (const { tokens, cache, watch } of spans) {
      cache.begin(tokens.length);
      watch?.begin(tokens.length, cache);
    }
    this.#setWatch(spans, this.#setAttention(spans));
    this.#setLogits(tables.wanted, scored);
    this.#program.setTokens(tables.rows, tables.wanted);
    this.#program.run();
    for (const { tokens, cache, watch } of spans) {
      watch?.end(tokens.length, cache.length, cache);
      cache.end(tokens.length);
    }
  }

  /** Rows of the embedding, and the angles of their positions. */
  #embed(spans: readonly Span[]): void {
    const { width, vocabulary, embeddingScale } = this.config;
    const x = this.#x.f32();
    let row = 0;
    for (const { tokens, cache } of spans) {
      for (let t = 0; t < tokens.length; t++, row++) {
        const token = tokens[t]!;
        if (!(Number.isInteger(token) && token >= 0 && token < vocabulary))
          throw new MnemeError("RANGE", `model: token ${token} is none of ${vocabulary}`);
        const own = x.subarray(row * width, (row + 1) * width);
        this.weights.embedding.row(token, own);
        if (embeddingScale !== 1) for (let i = 0; i < width; i++) own[i]! *= embeddingScale;
        this.#angles.write(row, cache.length + t);
      }
    }
  }

  /** @returns the parts that each tile's attention is cut into; 0 where its sums are no measure for the weights themselves */
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
    const expanded = spans.reduce((most, { cache }) => Math.max(most, cache.expandedBytes), 0);
    const threads = this.#threads(this.#face)?.threads ?? 1;
    const byBytes = this.#face.instance.isRelaxed && largest * group <= BYTE_QUERIES;
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
      stage.set(15, byBytes ? BYTES_FROM : 0);
      stage.tasks = tasks;
    }
    for (const stage of this.#merges) {
      stage.set(4, this.#states.pointer);
      stage.set(5, parts);
      stage.set(6, largest);
    }
    return byBytes ? 0 : parts;
  }

  #setWatch(spans: readonly Span[], parts: number): void {
    let first = 0;
    let firstTile = 0;
    for (const stage of this.#watched.flatMap(({ keep, weigh }) => [keep, weigh])) stage.tasks = 0;
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

  #setLogits(wanted: number, scored: boolean): void {
    const { rows } = this.weights.head;
    if (scored) this.#logits = this.#grown(this.#logits, Math.ceil(wanted / FOUR) * FOUR * rows * 4);
    this.#pick.set(0, wanted);
    this.#pick.tasks = Math.min(1, wanted);
    this.#head.stage?.set(8, this.#logits.pointer);
    this.#head.isWanted = scored;
    if (!this.#cap) return;
    this.#cap.set(0, this.#logits.pointer);
    this.#cap.set(1, rows);
    this.#cap.tasks = scored ? wanted : 0;
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

  #norm(x: Region, weight: Region, to: Inputs): void {
    const about = [x.pointer, this.config.width, weight.pointer, 0, to.values.pointer];
    const stage = this.#program.addOfTokens("norm", about);
    stage.setReal(5, this.config.epsilon);
    this.#widened(stage, 7, to);
  }

  /** x += the norm of y + bias, where there is one of the two: what is added otherwise, its product has added. */
  #add(y: Region | undefined, norm: Region | undefined, bias: Region | undefined): void {
    if (!y && !bias) return;
    const stage = this.#program.addOfTokens("add", [this.#x.pointer, this.config.width, y?.pointer ?? 0]);
    stage.setReal(5, this.config.epsilon);
    stage.set(6, norm?.pointer ?? 0);
    stage.set(7, bias?.pointer ?? 0);
  }

  #widened(stage: Stage, at: number, to: Inputs): void {
    stage.set(at, to.codes.pointer);
    stage.set(at + 1, to.scales.pointer);
    stage.set(at + 2, to.sums.pointer);
    stage.set(at + 3, this.#form);
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
