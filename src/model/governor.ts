/** A policy at work on one sequence: its cache, what it must know of attention, and when it is called. */

import type { CacheCodec, PageCodec } from "../cache/page-codec.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import type { HeadContext, KvSegment } from "../cache/parts.ts";
import type { CachePolicy, GovernedCache } from "../cache/policy.ts";
import { MnemeError } from "../errors.ts";
import type { Pool, WasmFace } from "../kernels/index.ts";
import { AttentionWatch } from "./attention-watch.ts";
import type { ModelConfig } from "./config.ts";

export class Governor implements GovernedCache, Disposable {
  readonly policy: CachePolicy;
  readonly cache: PagedCache;
  /** Absent where the policy needs nothing. */
  readonly watch: AttentionWatch | undefined;
  readonly #watched: AttentionWatch;
  #tokens = 0;

  /**
   * @param from what read the same prompt before, and kept what the policy needs: it is gone on from
   * @throws as checkPolicy
   */
  constructor(
    face: WasmFace,
    config: ModelConfig,
    policy: CachePolicy,
    pool: () => Pool | undefined,
    from?: Governor,
  ) {
    checkPolicy(config, policy);
    const { layers, kvHeads, headDim } = config;
    const { codec = "int8", turned = false } = policy;
    this.policy = policy;
    this.cache = from?.cache.fork() ?? new PagedCache(face, { layers, kvHeads, headDim }, { codec, turned });
    this.#watched = from
      ? from.#watched.fork(policy.needs)
      : new AttentionWatch(face, config, policy.needs, pool);
    const { windowQueries, weightSums, queryStatistics } = policy.needs;
    this.watch = windowQueries || weightSums || queryStatistics ? this.#watched : undefined;
  }

  get layers(): number {
    return this.cache.shape.layers;
  }

  get kvHeads(): number {
    return this.cache.shape.kvHeads;
  }

  get codec(): CacheCodec {
    return this.cache.codec;
  }

  get bytes(): number {
    return this.cache.bytes;
  }

  /** Also what is kept beside the cache. */
  get bytesInAll(): number {
    return this.cache.bytes + this.#watched.bytes;
  }

  heads(): HeadContext[] {
    return this.#watched.heads(this.cache);
  }

  slotsOf(layer: number, kvHead: number): number {
    return this.cache.slotsOf(layer, kvHead);
  }

  keep(layer: number, kvHead: number, slots: Int32Array): void {
    this.cache.keep(layer, kvHead, slots);
    this.#watched.keepSums(layer, kvHead, slots);
  }

  replace(layer: number, kvHead: number, segment: KvSegment): void {
    const before = this.cache.positions(layer, kvHead);
    this.cache.replace(layer, kvHead, segment);
    // sums follow the slots whose tokens stayed
    this.#watched.keepSums(layer, kvHead, numbersOf(before, segment.positions));
  }

  encode(layer: number, kvHead: number, codec: PageCodec, exact: number, first: number): void {
    this.cache.encode(layer, kvHead, codec, exact, first);
  }

  afterPiece(): void {
    this.policy.afterPiece?.(this);
  }

  afterPrompt(): void {
    this.policy.afterPrompt?.(this);
  }

  /** After one more token. */
  afterToken(): void {
    const { interval } = this.policy;
    if (!interval || ++this.#tokens % interval > 0) return;
    this.policy.afterTokens?.(this);
  }

  [Symbol.dispose](): void {
    this.cache[Symbol.dispose]();
    this.#watched[Symbol.dispose]();
  }
}

/** @throws MnemeError UNSUPPORTED for a policy that evicts in a model of sliding windows */
export function checkPolicy({ window }: ModelConfig, policy: CachePolicy): void {
  if (window === undefined || !policy.evicts) return;
  throw new MnemeError(
    "UNSUPPORTED",
    `cache: ${policy.name} evicts slots, this model attends by a window of ${window}; use a policy that only encodes`,
  );
}

/** Where each of some positions stands among all, both ascending. */
function numbersOf(all: Int32Array, some: Int32Array): Int32Array {
  let at = 0;
  return some.map((position) => {
    while (at < all.length - 1 && all[at]! < position) at++;
    return at;
  });
}
