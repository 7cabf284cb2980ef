/** What a step's rows are: which sequence each token belongs to, and the tiles of tokens that share a task of attention, as the kernels read them. */
import type { PagedCache } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import { type Region, ROW_WORDS, TILE_WORDS, type WasmFace } from "../kernels/index.ts";
import type { AttentionWatch } from "./attention-watch.ts";

/** Tokens of one step at most: longer prompts go in by pieces. */
export const MOST_TOKENS = 256;
/** Tiles of one step at most, hence sequences. */
export const MOST_TILES = 64;
/** Tokens of a prompt that share a task of attention. */
export const TILE_TOKENS = 32;

/** Stages of a layer, and those behind the layers. */
export const LAYER_STAGES = 12;
export const LAST_STAGES = 4;

/** Tokens that go behind those of a cache in one step. */
export interface Span {
  readonly tokens: ArrayLike<number>;
  readonly cache: PagedCache;
  /** Behind which of them logits are wanted; default: the last. */
  readonly logits?: "none" | "last" | "all";
  /** Sees the attention of these tokens; of one span of a step at most. */
  readonly watch?: AttentionWatch | undefined;
}

/** Tiles that a span takes. */
export const tilesOf = ({ tokens }: Pick<Span, "tokens">): number => Math.ceil(tokens.length / TILE_TOKENS);

export class StepTables implements Disposable {
  readonly #rows: Region;
  readonly #tiles: Region;
  readonly #wanted: Region;
  /** Of the step that was set last. */
  rows = 0;
  tiles = 0;
  wanted = 0;
  /** Tokens of the largest tile. */
  largest = 0;

  constructor({ arena }: WasmFace) {
    this.#rows = arena.alloc(MOST_TOKENS * ROW_WORDS * 4);
    this.#tiles = arena.alloc(MOST_TILES * TILE_WORDS * 4);
    this.#wanted = arena.alloc(MOST_TOKENS * 4);
  }

  get bytes(): number {
    return [this.#rows, this.#tiles, this.#wanted].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  get rowsAt(): number {
    return this.#rows.pointer;
  }

  get tilesAt(): number {
    return this.#tiles.pointer;
  }

  /** Numbers of the rows whose logits are wanted. */
  get wantedAt(): number {
    return this.#wanted.pointer;
  }

  /** @throws MnemeError RANGE for more than a step takes */
  set(spans: readonly Span[]): void {
    const rows = spans.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const tiles = spans.reduce((sum, span) => sum + tilesOf(span), 0);
    if (rows > MOST_TOKENS || tiles > MOST_TILES)
      throw new MnemeError(
        "RANGE",
        `decoder: ${rows} tokens in ${tiles} tiles; a step takes ${MOST_TOKENS} in ${MOST_TILES}`,
      );
    this.rows = 0;
    this.tiles = 0;
    this.wanted = 0;
    this.largest = 0;
    for (const span of spans) this.#add(span);
  }

  #add({ tokens, cache, logits = "last" }: Span): void {
    const rowWords = this.#rows.u32();
    const tileWords = this.#tiles.u32();
    const wanted = this.#wanted.u32();
    const count = tokens.length;
    for (let from = 0; from < count; from += TILE_TOKENS) {
      const some = Math.min(TILE_TOKENS, count - from);
      this.largest = Math.max(this.largest, some);
      const about = [this.rows + from, some, cache.pointer, from];
      tileWords.set(about, (this.tiles + from / TILE_TOKENS) * TILE_WORDS);
    }
    for (let t = 0; t < count; t++) {
      const tile = this.tiles + Math.floor(t / TILE_TOKENS);
      const about = [cache.pointer, t, cache.turned ? 1 : 0, tile, t % TILE_TOKENS];
      rowWords.set(about, (this.rows + t) * ROW_WORDS);
      if (logits === "all" || (logits === "last" && t === count - 1)) wanted[this.wanted++] = this.rows + t;
    }
    this.rows += count;
    this.tiles += Math.ceil(count / TILE_TOKENS);
  }

  [Symbol.dispose](): void {
    for (const region of [this.#rows, this.#tiles, this.#wanted]) region[Symbol.dispose]();
  }
}
