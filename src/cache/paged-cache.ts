/**
 * The cache of a sequence: for each layer and key-value head pages of its own, so that heads may keep different tokens. Keys are kept as
 * rotated. A fork shares pages until one side writes.
 */
import { MnemeError } from "../errors.ts";
import { expandedBytes, PAGE_SLOTS, type Region, type WasmFace, widenedBytes } from "../kernels/index.ts";
import { type HeadFacts, HeadPages } from "./head-pages.ts";
import { CACHE_CODECS, type CacheCodec, checkCodec, FEWER_BITS, type PageCodec } from "./page-codec.ts";
import type { KvSegment } from "./parts.ts";
import { turnRows } from "./turn.ts";

export interface CacheShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export interface CacheOptions {
  /** How new tokens are kept; default int8. */
  readonly codec?: CacheCodec;
  /** Keys and values are kept turned by a Hadamard transform: what the `lloyd` codecs need. Default false. */
  readonly turned?: boolean;
}

/** What a cache is beside its bytes. */
export interface CacheFacts {
  readonly shape: CacheShape;
  readonly codec: CacheCodec;
  readonly turned: boolean;
  readonly encoded: boolean;
  readonly length: number;
  readonly heads: readonly unknown[];
}

const HEAD_WORDS = 4;

export class PagedCache implements Disposable {
  readonly shape: CacheShape;
  readonly codec: CacheCodec;
  readonly turned: boolean;
  readonly #face: WasmFace;
  /** Layer by layer. */
  readonly #heads: readonly HeadPages[];
  readonly #room: Region;
  /** Tokens that went in: the position of the next one. */
  #length = 0;
  #encoded = false;

  constructor(face: WasmFace, shape: CacheShape, options: CacheOptions = {}, heads?: readonly HeadPages[]) {
    const { codec = "int8", turned = false } = options;
    this.shape = shape;
    this.codec = checkCodec(codec, CACHE_CODECS, "cache");
    this.turned = turned;
    this.#face = face;
    const { layers, kvHeads, headDim } = shape;
    this.#heads =
      heads ?? Array.from({ length: layers * kvHeads }, () => new HeadPages(face, headDim, codec));
    this.#room = face.arena.alloc(layers * kvHeads * HEAD_WORDS * 4);
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes held; pages that a fork holds too are counted in both. */
  get bytes(): number {
    return this.#heads.reduce((sum, { bytes }) => sum + bytes, this.#room.byteLength);
  }

  /** Bytes that no other cache holds. */
  get ownBytes(): number {
    return this.#heads.reduce((sum, { ownBytes }) => sum + ownBytes, this.#room.byteLength);
  }

  /** Bytes of pages that are not among those seen, which they join, and of all else. */
  bytesBut(seen: Pick<Set<object>, "has" | "add">): number {
    return this.#heads.reduce((sum, head) => sum + head.bytesBut(seen), this.#room.byteLength);
  }

  /** Where the heads of all layers are described for the kernels, each in 16 bytes. */
  get pointer(): number {
    return this.#room.pointer;
  }

  /** Bytes that the kernels expand a page of it in, one after the other; those of f32 and int8 they read as they are. */
  get expandedBytes(): number {
    const { headDim } = this.shape;
    const own = this.codec === "f16" ? widenedBytes(headDim) : 0;
    return this.#encoded ? Math.max(own, expandedBytes(headDim)) : own;
  }

  /** Slots of a head. */
  slotsOf(layer: number, kvHead: number): number {
    return this.#head(layer, kvHead).slots;
  }

  /** Of the longest head. */
  get slots(): number {
    return this.#heads.reduce((most, { slots }) => Math.max(most, slots), 0);
  }

  /** Pages of the longest head once `tokens` more are in. */
  pagesWith(tokens: number): number {
    return Math.ceil((this.slots + tokens) / PAGE_SLOTS);
  }

  /** Makes room for `tokens` more, and tells the kernels where. */
  begin(tokens: number): void {
    for (const head of this.#heads) head.reserve(tokens);
    const words = this.#room.u32();
    this.#heads.forEach((head, i) => {
      words[i * HEAD_WORDS] = head.table;
      words[i * HEAD_WORDS + 1] = head.slots;
    });
  }

  /** `tokens` more are in. */
  end(tokens: number): void {
    this.#length += tokens;
    for (const head of this.#heads) head.append(tokens);
  }

  /** Forgets what came after the first `tokens`. What was evicted before does not come back. */
  truncate(tokens: number): void {
    if (tokens >= this.#length) return;
    this.#length = tokens;
    for (const head of this.#heads) head.truncate(tokens);
  }

  /** Another cache with the same content; nothing is copied until one of them goes on. */
  fork(): PagedCache {
    const heads = this.#heads.map((head) => head.fork());
    const { codec, turned } = this;
    const other = new PagedCache(this.#face, this.shape, { codec, turned }, heads);
    other.#length = this.#length;
    other.#encoded = this.#encoded;
    return other;
  }

  /** What a head holds, as rotated and not turned: owned by the caller. */
  segment(layer: number, kvHead: number): KvSegment {
    return this.#asGiven(this.#head(layer, kvHead).read());
  }

  /** Another content for a head. */
  replace(layer: number, kvHead: number, segment: KvSegment): void {
    const own = this.turned
      ? { ...segment, keys: segment.keys.slice(), values: segment.values.slice() }
      : segment;
    this.#head(layer, kvHead).replace(this.#asGiven(own), this.#length);
  }

  /** Keeps these slots of a head, ascending, and forgets the others. */
  keep(layer: number, kvHead: number, slots: Int32Array): void {
    this.#head(layer, kvHead).keep(slots, this.#length);
  }

  positions(layer: number, kvHead: number): Int32Array {
    return this.#head(layer, kvHead).positions();
  }

  /** Encodes a head's whole pages but for the last `exact` slots and the first `first`. @throws MnemeError RANGE, UNSUPPORTED */
  encode(layer: number, kvHead: number, codec: PageCodec, exact: number, first = 0): void {
    checkCodec(codec, FEWER_BITS, "cache");
    if (codec.startsWith("lloyd") && !this.turned)
      throw new MnemeError(
        "UNSUPPORTED",
        `cache: ${codec} needs turned rows; open the cache with turned: true`,
      );
    this.#encoded = true;
    const head = this.#head(layer, kvHead);
    const from = Math.ceil(first / PAGE_SLOTS);
    head.encode(from, Math.floor((head.slots - exact) / PAGE_SLOTS), codec);
  }

  /** All of it: facts, and the bytes of each head, copied. */
  exported(): { readonly about: CacheFacts; readonly heads: readonly Uint8Array[] } {
    const all = this.#heads.map((head) => head.exported());
    const { shape, codec, turned } = this;
    const about = {
      shape,
      codec,
      turned,
      encoded: this.#encoded,
      length: this.#length,
      heads: all.map((one) => one.about),
    };
    return { about, heads: all.map(({ bytes }) => bytes) };
  }

  /** The inverse of `exported`. @param damaged makes the error for facts and bytes that do not agree */
  static imported(
    face: WasmFace,
    { shape, codec, turned, encoded, length, heads: facts }: CacheFacts,
    heads: readonly Uint8Array[],
    damaged: (why: string) => MnemeError,
  ): PagedCache {
    const pages: HeadPages[] = [];
    try {
      facts.forEach((about, i) => {
        pages.push(HeadPages.imported(face, shape.headDim, codec, about as HeadFacts, heads[i]!, damaged));
      });
    } catch (error) {
      for (const head of pages) head[Symbol.dispose]();
      throw error;
    }
    const cache = new PagedCache(face, shape, { codec, turned }, pages);
    cache.#length = length;
    cache.#encoded = encoded;
    return cache;
  }

  [Symbol.dispose](): void {
    for (const head of this.#heads) head[Symbol.dispose]();
    this.#room[Symbol.dispose]();
  }

  #head(layer: number, kvHead: number): HeadPages {
    return this.#heads[layer * this.shape.kvHeads + kvHead]!;
  }

  /** Turns rows, or back: the transform is its own inverse. */
  #asGiven(segment: KvSegment): KvSegment {
    if (!this.turned) return segment;
    turnRows(this.#face, segment.keys, segment.dim);
    turnRows(this.#face, segment.values, segment.dim);
    return segment;
  }
}
