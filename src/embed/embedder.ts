/** Embedder: text -> unit vectors, and the Space that names where those vectors live. */
import type { Matrix } from "../linalg/matrix.ts";

/** Identity of a vector space. Two vectors may be compared only when all fields agree. Stored with the library. */
export interface Space {
  readonly model: string;
  /** Content hash or revision of the weights. */
  readonly revision: string;
  readonly pooling: "mean" | "cls" | "last" | "external";
  readonly dim: number;
  readonly normalized: boolean;
}

/** How to make an embedder again: nothing secret. Stored beside its space. */
export type EmbedderOrigin =
  | {
      readonly kind: "openai";
      /** Up to and with the version, without user, password or query. */
      readonly baseURL: string;
      readonly model: string;
      /** Asked for as `dimensions`; absent: not asked for. */
      readonly dim?: number;
    }
  | {
      readonly kind: "transformers";
      readonly model: string;
      readonly dtype?: string;
      readonly prompts?: { readonly query?: string; readonly passage?: string };
    };

export interface EmbedOptions {
  /** Models with prompts treat the two differently. Default "passage". */
  readonly role?: "query" | "passage";
  readonly signal?: AbortSignal;
}

export interface Embedder extends AsyncDisposable {
  readonly space: Space;
  /** Row i is the vector of texts[i]; unit length when the space is normalized. A text without known tokens gives a zero row. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Matrix>;
  /** Bytes of RAM held by weights and tables. */
  readonly bytes: number;
  /** Widths that the beginning of a vector, brought to unit length again, is one of its own of (Matryoshka). Default: none. */
  readonly widths?: readonly number[];
  /** True for the model that comes with the package: workers then load it by themselves. */
  readonly isBundled?: boolean;
  /** Default: a library cannot tell how to make it again. */
  readonly origin?: EmbedderOrigin;
}
