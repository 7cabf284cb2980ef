/**
 * Rows that a decoder is taught spans by: a question, then several spans of its passage side by side, none of which sees another. What the
 * question costs is so paid once for all of them.
 */
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import type { Random } from "../linalg/random.ts";
import type { Layout } from "./decoder-layers.ts";

/** A question's tokens as the prompt has them, and those that its spans are drawn by and from. */
export interface SpanSource {
  readonly prompt: readonly number[];
  readonly question: ReadonlySet<number>;
  readonly body: readonly number[];
}

export interface SpanShape {
  /** Tokens of a prompt at most. */
  readonly prompt: number;
  /** Tokens of a span. */
  readonly span: number;
  /** Spans of a row. */
  readonly spans: number;
}

/** Prompts end at the same place; each span begins with the prompt's last token once more, and stands as if it were the only one. */
export function spanLayout({ prompt, span, spans }: SpanShape): Layout {
  const before = prompt - 1;
  const spanOf = (place: number): number => (place < before ? -1 : Math.floor((place - before) / span));
  const positions = Array.from({ length: before + spans * span }, (_, place) =>
    place < before ? place : before + ((place - before) % span),
  );
  return {
    positions,
    sees: (place, other) => other <= place && (spanOf(other) === -1 || spanOf(other) === spanOf(place)),
  };
}

export interface SpanRows {
  /** rows x places x width: what the decoder reads. */
  readonly vectors: Float32Array;
  /** rows x places: 1 for a token, 0 for an empty place in front of a prompt. */
  readonly held: Float32Array;
  /** What is to be written, span by span, row by row. */
  readonly wanted: Uint32Array;
}

/** @param embedding a row for each token */
export function spanRows(
  sources: readonly SpanSource[],
  { prompt, span, spans }: SpanShape,
  embedding: Matrix,
  random: Random,
): SpanRows {
  const { cols: width } = embedding;
  const places = prompt - 1 + spans * span;
  const vectors = new Float32Array(sources.length * places * width);
  const held = new Float32Array(sources.length * places);
  const wanted = new Uint32Array(sources.length * spans * span);
  for (const [row, source] of sources.entries()) {
    const put = (place: number, token: number): void => {
      held[row * places + place] = 1;
      vectors.set(rowOf(embedding, token), (row * places + place) * width);
    };
    const read = source.prompt.slice(-prompt);
    const last = read.at(-1)!;
    for (let i = 0; i < read.length - 1; i++) put(prompt - read.length + i, read[i]!);
    for (const [s, drawn] of drawSpans(source.question, source.body, span, spans, random).entries()) {
      const from = prompt - 1 + s * span;
      for (let i = 0; i < span; i++) put(from + i, i === 0 ? last : drawn[i - 1]!);
      wanted.set(drawn, (row * spans + s) * span);
    }
  }
  return { vectors, held, wanted };
}

/** Vectors of tokens, one after the other. */
export function vectorsOf(tokens: Uint32Array, embedding: Matrix): Matrix {
  const out = matrix(tokens.length, embedding.cols);
  for (const [i, token] of tokens.entries()) out.data.set(rowOf(embedding, token), i * embedding.cols);
  return out;
}

/** Spans with a chance that grows with what they share with the question: exp of the number of its tokens. */
export function drawSpans(
  question: ReadonlySet<number>,
  body: readonly number[],
  span: number,
  count: number,
  random: Random,
): number[][] {
  const starts = body.length - span + 1;
  const sums = new Float64Array(starts);
  let total = 0;
  for (let start = 0; start < starts; start++) {
    const shared = new Set(body.slice(start, start + span).filter((token) => question.has(token))).size;
    total += Math.exp(shared);
    sums[start] = total;
  }
  return Array.from({ length: count }, () => {
    const at = random.uniform() * total;
    const start = Math.max(
      0,
      sums.findIndex((sum) => sum > at),
    );
    return body.slice(start, start + span);
  });
}
