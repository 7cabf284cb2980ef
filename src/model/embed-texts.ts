/**
 * Texts to vectors by a language model: its states behind the final norm, pooled over a text's tokens. Many texts go through the decoder
 * side by side; how a text is cut into steps does not depend on the others.
 */
import { PagedCache } from "../cache/paged-cache.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import type { WasmFace } from "../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import type { Decoder } from "./decoder.ts";
import type { Soon } from "./language-model.ts";
import { MOST_TILES, MOST_TOKENS, type Span, tilesOf } from "./step-tables.ts";

/** "first" is not among them: in a model that reads from left to right the first token has seen nothing of the text. */
export const TEXT_POOLINGS = ["mean", "last"] as const;
export type TextPooling = (typeof TEXT_POOLINGS)[number];

export interface EmbedTextOptions {
  /** The mean of the states of all tokens (default), or the state of the last one, which has seen them all. */
  readonly pooling?: TextPooling;
  /** Vectors of unit length; default true. */
  readonly normalize?: boolean;
  readonly signal?: AbortSignal;
}

export const embedTextDefaults = { pooling: "mean", normalize: true } as const;

/** A language model that gives vectors, wherever it runs. */
export interface EmbeddingModel {
  readonly config: { readonly width: number };
  readonly bytes: { readonly weights: number };
  /** Names the weights as they are kept: the same for the same vectors. */
  fingerprint(): Soon<string>;
  /**
   * `width` values a text. A text longer than the context is read in pieces: for the mean in as few as it needs, all of nearly the same
   * length, each read by itself, and every token counts once; for the last token only as much of its end as the context holds.
   * A text without tokens gives zeros.
   * @throws MnemeError RANGE, CANCELLED
   */
  embed(text: string, options?: EmbedTextOptions): Promise<Float32Array>;
  embed(texts: readonly string[], options?: EmbedTextOptions): Promise<Matrix>;
}

/** A part of a text that is read by itself. */
interface TextPart {
  readonly row: number;
  readonly tokens: readonly number[];
  /** Tokens that were read. */
  at: number;
  cache: PagedCache | undefined;
}

/** What a step reads of a part. */
interface Share {
  readonly part: TextPart;
  readonly span: Span;
}

/**
 * @param texts tokens of each. @param pause between steps; throws where the model was closed meanwhile
 * @returns a row of `width` values for each text
 */
export async function embedTexts(
  face: WasmFace,
  decoder: Decoder,
  texts: readonly (readonly number[])[],
  options: EmbedTextOptions,
  pause: () => Promise<void>,
): Promise<Matrix> {
  const { pooling, normalize, signal } = { ...embedTextDefaults, ...options };
  if (!TEXT_POOLINGS.includes(pooling))
    throw new MnemeError(
      "RANGE",
      `embed: pooling is ${JSON.stringify(pooling)}; expected one of ${TEXT_POOLINGS.join(", ")}`,
    );
  const { context, width } = decoder.config;
  const out = matrix(texts.length, width);
  let parts = texts.flatMap((tokens, row) => partsOf(tokens, row, context, pooling));
  // the long ones first: the short ones fill up their last steps
  parts.sort((a, b) => b.tokens.length - a.tokens.length || a.row - b.row);
  try {
    while (parts.length > 0) {
      throwIfAborted(signal, "embed");
      const shares = sharesOf(parts, face, decoder, pooling);
      addStates(shares, decoder.states(shares.map(({ span }) => span)), out);
      for (const { part, span } of shares) part.at += span.tokens.length;
      parts = parts.filter((part) => !ended(part));
      await pause();
    }
  } finally {
    for (const { cache } of parts) cache?.[Symbol.dispose]();
  }
  finish(out, texts, pooling, normalize);
  return out;
}

function partsOf(tokens: readonly number[], row: number, context: number, pooling: TextPooling): TextPart[] {
  const part = (from: number, to: number): TextPart => ({
    row,
    tokens: tokens.slice(from, to),
    at: 0,
    cache: undefined,
  });
  if (tokens.length === 0) return [];
  if (pooling === "last") return [part(Math.max(0, tokens.length - context), tokens.length)];
  const count = Math.ceil(tokens.length / context);
  const edge = (i: number): number => Math.round((i * tokens.length) / count);
  return Array.from({ length: count }, (_, i) => part(edge(i), edge(i + 1)));
}

/** The next step: of each part, in order, as much as a step takes, where that finds room beside the others. */
function sharesOf(
  parts: readonly TextPart[],
  face: WasmFace,
  decoder: Decoder,
  pooling: TextPooling,
): Share[] {
  const shares: Share[] = [];
  let [rows, tiles] = [MOST_TOKENS, MOST_TILES];
  for (const part of parts) {
    if (rows === 0 || tiles === 0) break;
    const tokens = part.tokens.slice(part.at, part.at + MOST_TOKENS);
    if (tokens.length > rows || tilesOf({ tokens }) > tiles) continue;
    part.cache ??= new PagedCache(face, decoder.shape);
    const isLast = part.at + tokens.length === part.tokens.length;
    const wanted = pooling === "mean" ? "all" : isLast ? "last" : "none";
    const span = { tokens, cache: part.cache, logits: wanted } as const;
    shares.push({ part, span });
    rows -= tokens.length;
    tiles -= tilesOf(span);
  }
  return shares;
}

/** Frees the cache of a part that was read. */
function ended({ at, tokens, cache }: TextPart): boolean {
  if (at < tokens.length) return false;
  cache?.[Symbol.dispose]();
  return true;
}

/** @param states a row for each token that was wanted, share by share */
function addStates(shares: readonly Share[], states: Float32Array, out: Matrix): void {
  let at = 0;
  for (const { part, span } of shares) {
    const sum = rowOf(out, part.row);
    const rows = span.logits === "all" ? span.tokens.length : span.logits === "last" ? 1 : 0;
    for (let row = 0; row < rows; row++) for (let i = 0; i < sum.length; i++) sum[i]! += states[at++]!;
  }
}

function finish(
  out: Matrix,
  texts: readonly (readonly number[])[],
  pooling: TextPooling,
  normalize: boolean,
): void {
  texts.forEach((tokens, i) => {
    const row = rowOf(out, i);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    const by = normalize ? length : pooling === "mean" ? tokens.length : 1;
    if (by > 0) for (let d = 0; d < row.length; d++) row[d]! /= by;
  });
}
