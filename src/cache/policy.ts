/** What governs a cache while a model runs: it is called after each piece of a prompt, after the prompt, and every so many tokens. */
import type { CacheCodec, PageCodec } from "./page-codec.ts";
import type { HeadContext, KvSegment, Needs } from "./parts.ts";

/** A cache in the hands of a policy. */
export interface GovernedCache {
  readonly layers: number;
  readonly kvHeads: number;
  /** Bytes it holds now. */
  readonly bytes: number;
  readonly codec: CacheCodec;
  /** All heads, layer by layer; what a head lends is borrowed until the next head is asked. */
  heads(): HeadContext[];
  slotsOf(layer: number, kvHead: number): number;
  /** Keeps these slots of a head, ascending. */
  keep(layer: number, kvHead: number, slots: Int32Array): void;
  /** Another content for a head. */
  replace(layer: number, kvHead: number, segment: KvSegment): void;
  /** Encodes whole pages but for the last `exact` slots and the first `first`. */
  encode(layer: number, kvHead: number, codec: PageCodec, exact: number, first: number): void;
}

export interface CachePolicy {
  /** As reports name it. */
  readonly name: string;
  readonly needs: Needs;
  /** Whether slots are dropped: then what the cache held does not serve another prompt. */
  readonly evicts: boolean;
  /** What it drops while text is generated are whole pages: then others may encode what stays. */
  readonly wholePages?: boolean;
  /** How new tokens are kept; default int8. */
  readonly codec?: CacheCodec;
  /** Rows are kept turned by a Hadamard transform. */
  readonly turned?: boolean;
  /** Tokens after which `afterTokens` is called; default: never. */
  readonly interval?: number;
  /** After each piece of a prompt but the last one. */
  afterPiece?(cache: GovernedCache): void;
  /** Before the first token is generated. */
  afterPrompt?(cache: GovernedCache): void;
  afterTokens?(cache: GovernedCache): void;
}
