/**
 * How fast is attention over prompts, and how near to its bound? 256 tokens behind a context, as a step of a prompt has them, in tiles whose
 * queries share each page, beside tokens one by one, in turns, for pages of every codec; how far the outputs are apart is told. The bound is
 * what the products alone do on operands in the first-level cache. Then a token behind a long history, as text is generated, by products of bytes
 * beside products of 16 bits. One thread, by processor time: other work may share the machine.
 * Switches: --scale 4 for the longest context too, --only CODEC or token.
 */
import { PAGE_CODECS, type PageCodec } from "../src/cache/page-codec.ts";
import { PagedCache } from "../src/cache/paged-cache.ts";
import { allowRelaxedSimd } from "../src/kernels/allow-relaxed.ts";
import {
  attentionRoom,
  kernels,
  Program,
  type Region,
  ROW_WORDS,
  roomsBytes,
  type Stage,
  stateBytes,
  TILE_WORDS,
} from "../src/kernels/index.ts";
import { Random } from "../src/linalg/random.ts";
import { TILE_TOKENS } from "../src/model/step-tables.ts";
import { printFigure, quantile, switches } from "./row.ts";

/** Of mneme-lm: three queries to a key. */
const HEADS = 6;
const KV_HEADS = 2;
const DIM = 64;
const TOKENS = 256;
const ROUNDS = 7;
const CONTEXTS = switches.scale >= 4 ? [2048, 8192, 16_384] : [2048, 8192];
/** Bytes of what the kernels know of a head. */
const HEAD_BYTES = 16;
/** What a single token is measured behind, in all layers of mneme-lm: far more than the last-level cache holds. */
const HISTORY = 32_768;
const LAYERS = 12;
const BYTE_CODECS: readonly PageCodec[] = ["int8", "lloyd4", "lloyd2"];
/** Tokens of a tile: few enough that queries are attended one by one, and as the decoder has them. */
const ALONE = 1;
const TOGETHER = TILE_TOKENS;

allowRelaxedSimd();
const face = kernels();
const heads = { kvHeads: KV_HEADS, headDim: DIM };
const width = (HEADS + 2 * KV_HEADS) * DIM;

/** Milliseconds of processor time. */
function timed(run: () => void): number {
  const { user } = process.cpuUsage();
  run();
  return (process.cpuUsage().user - user) / 1000;
}

const isFloat = (codec: PageCodec): codec is "f32" | "f16" => codec === "f32" || codec === "f16";

/** Multiplications and additions a second of the products alone, by 10^9: a page of keys with a block of queries, again and again. */
function bound(kernel: "dotsOfEight" | "sumsOfEight"): number {
  const [rows, calls, samples] = [64, 2000, 40];
  using room = face.arena.alloc(1 << 16);
  room.u8().fill(0);
  const at = room.pointer;
  const args = kernel === "dotsOfEight" ? [at, DIM * 8, rows] : [at, DIM * 16, rows];
  // operands and results in different parts of a page of memory: a store is not taken for what a load waits for
  const by = [at + (1 << 15), kernel === "dotsOfEight" ? DIM / 2 : DIM, at + (1 << 15) + (1 << 11)];
  const times = Array.from({ length: samples }, () =>
    timed(() => {
      for (let i = 0; i < calls; i++) face.instance.exports[kernel](...args, ...by);
    }),
  );
  return (rows * DIM * 8 * calls) / quantile(times, 0.2) / 1e6;
}

function cacheOf(codec: PageCodec, context: number, layers = 1): PagedCache {
  const random = new Random(3);
  const rows = (): Float32Array => Float32Array.from({ length: context * DIM }, () => random.gaussian());
  const own = isFloat(codec) ? codec : "int8";
  const cache = new PagedCache(face, { ...heads, layers }, { codec: own, turned: codec.startsWith("lloyd") });
  const positions = Int32Array.from({ length: context }, (_, i) => i);
  for (let head = 0; head < KV_HEADS; head++) {
    const [keys, values] = [rows(), rows()];
    for (let layer = 0; layer < layers; layer++) {
      cache.replace(layer, head, { dim: DIM, keys, values, positions });
      if (codec !== own) cache.encode(layer, head, codec, 0);
    }
  }
  return cache;
}

/** What a step is of. */
interface StepOptions {
  readonly tokens: number;
  readonly layers: number;
  /** Slots of a history from which products of bytes do; 0: never. */
  readonly bytesFrom: number;
}

/** The stages of a step's attention over a cache. */
class Step implements Disposable {
  readonly #program: Program;
  readonly #attends: readonly Stage[];
  readonly #merge: Stage;
  readonly #rows: Region;
  readonly #tiles: Region;
  readonly #out: Region;
  readonly #cache: PagedCache;
  readonly #tokens: number;
  readonly #owned: readonly Disposable[];

  constructor(cache: PagedCache, { tokens, layers, bytesFrom }: StepOptions) {
    const alloc = (bytes: number): Region => face.arena.alloc(bytes);
    this.#cache = cache;
    this.#tokens = tokens;
    cache.begin(tokens);
    const random = new Random(5);
    const qkv = alloc(tokens * width * 4);
    qkv.f32().set(Float32Array.from({ length: tokens * width }, () => random.gaussian()));
    this.#rows = alloc(tokens * ROW_WORDS * 4);
    this.#tiles = alloc(tokens * TILE_WORDS * 4);
    this.#out = alloc(tokens * HEADS * DIM * 4);
    const states = alloc(tokens * HEADS * stateBytes(DIM));
    const room = attentionRoom(DIM, TOGETHER * (HEADS / KV_HEADS), cache.expandedBytes);
    const rooms = alloc(roomsBytes(1, room));
    rooms.u8().fill(0);
    this.#program = new Program(face, layers + 1);
    this.#attends = Array.from({ length: layers }, (_, layer) => {
      const heads = [HEADS, KV_HEADS, DIM, qkv.pointer, layer * KV_HEADS * HEAD_BYTES];
      const about = [this.#tiles.pointer, ...heads, 0, states.pointer, 1, 0, rooms.pointer, 0, room, 1, 0];
      const stage = this.#program.add("attend", [...about, bytesFrom]);
      stage.setReal(6, DIM ** -0.5);
      return stage;
    });
    const to = [this.#out.pointer, 0, 0, 0, 0, this.#rows.pointer];
    this.#merge = this.#program.add("merge", [tokens, HEADS, KV_HEADS, DIM, states.pointer, 1, 0, ...to]);
    this.#merge.tasks = tokens;
    this.#owned = [this.#program, qkv, this.#rows, this.#tiles, this.#out, states, rooms];
  }

  /** @param some tokens of a tile. @returns what attention gives out, borrowed */
  run(some: number): Float32Array {
    const { pointer, turned } = this.#cache;
    const tokens = this.#tokens;
    for (let t = 0; t < tokens; t++)
      this.#rows.u32().set([pointer, t, turned ? 1 : 0, Math.floor(t / some), t % some], t * ROW_WORDS);
    for (let t = 0; t < tokens; t += some)
      this.#tiles.u32().set([t, some, pointer, t], (t / some) * TILE_WORDS);
    for (const stage of this.#attends) {
      stage.set(9, some);
      stage.tasks = (tokens / some) * KV_HEADS;
    }
    this.#merge.set(6, some);
    this.#program.run(undefined);
    return this.#out.f32();
  }

  [Symbol.dispose](): void {
    for (const one of this.#owned) one[Symbol.dispose]();
  }
}

/** |a - b| / |b|. */
function apart(a: Float32Array, b: Float32Array): number {
  let [difference, all] = [0, 0];
  b.forEach((value, i) => {
    difference += (a[i]! - value) ** 2;
    all += value ** 2;
  });
  return Math.sqrt(difference / all);
}

function measure(codec: PageCodec, context: number, most: number): void {
  using cache = cacheOf(codec, context);
  using step = new Step(cache, { tokens: TOKENS, layers: 1, bytesFrom: 0 });
  const wanted = step.run(ALONE).slice();
  const difference = apart(step.run(TOGETHER), wanted);
  if (!(difference < 1e-3)) throw new Error(`bench: outputs over ${codec} pages are ${difference} apart`);
  const times = { alone: [] as number[], together: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    times.alone.push(timed(() => step.run(ALONE)));
    times.together.push(timed(() => step.run(TOGETHER)));
  }
  const [alone, together] = [quantile(times.alone, 0.5), quantile(times.together, 0.5)];
  const products = 2 * DIM * HEADS * TOKENS * (context + TOKENS / 2);
  const reached = products / together / 1e6;
  printFigure("attention", {
    system: "one by one",
    metric: `a layer behind ${context} tokens, ${codec} pages`,
    unit: "tokens/s",
    ours: (1000 * TOKENS) / together,
    baseline: (1000 * TOKENS) / alone,
    better: "more",
    atLeast: isFloat(codec) ? 1.3 : 2.2,
    note: `${reached.toFixed(1)} G products/s, ${((100 * reached) / most).toFixed(0)}% of the bound; outputs ${difference.toExponential(1)} apart`,
  });
}

/** A token behind a long history: products of bytes beside those of 16 bits. */
function measureToken(codec: PageCodec): void {
  using cache = cacheOf(codec, HISTORY, LAYERS);
  using wide = new Step(cache, { tokens: 1, layers: LAYERS, bytesFrom: 0 });
  using bytes = new Step(cache, { tokens: 1, layers: LAYERS, bytesFrom: 1 });
  const wanted = wide.run(1).slice();
  const difference = apart(bytes.run(1), wanted);
  if (!(difference < 0.05))
    throw new Error(`bench: outputs by bytes over ${codec} pages are ${difference} apart`);
  const times = { wide: [] as number[], bytes: [] as number[] };
  for (let round = 0; round < 3 * ROUNDS; round++) {
    times.wide.push(timed(() => wide.run(1)));
    times.bytes.push(timed(() => bytes.run(1)));
  }
  const took = quantile(times.bytes, 0.5);
  printFigure("attention", {
    system: "16 bits",
    metric: `a token, all layers, behind ${HISTORY} tokens, ${codec} pages`,
    unit: "ms",
    ours: took,
    baseline: quantile(times.wide, 0.5),
    better: "less",
    atLeast: 1.3,
    note: `${(cache.bytes / took / 1e6).toFixed(1)} GB/s of cache; outputs ${difference.toExponential(1)} apart`,
  });
}

if (face.instance.isRelaxed)
  for (const codec of BYTE_CODECS) if (!switches.only || switches.only === "token") measureToken(codec);
const bounds = { codes: bound("dotsOfEight"), floats: bound("sumsOfEight") };
for (const [name, most] of Object.entries(bounds))
  printFigure("attention", { metric: `products of ${name} alone`, unit: "G/s", ours: most, better: "more" });
for (const context of CONTEXTS)
  for (const codec of PAGE_CODECS)
    if (!switches.only || switches.only === codec)
      measure(codec, context, isFloat(codec) ? bounds.floats : bounds.codes);
