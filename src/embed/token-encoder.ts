/** TokenEncoder: text -> a vector for each of its tokens, for late interaction (ColBERT: Khattab & Zaharia, 2020). */
import { MnemeError } from "../errors.ts";
import type { Ragged } from "../linalg/ragged.ts";

/** Identity of a space of token vectors. Two sets may be compared only when all fields agree. */
export interface TokenSpace {
  readonly model: string;
  /** Content hash or revision of the weights. */
  readonly revision: string;
  readonly dim: number;
  /** Whether token vectors of documents have unit length. */
  readonly normalized: boolean;
  /** What the encoder was trained to be pruned to, such as "C8x32"; "all" for none. */
  readonly pruning: string;
}

export interface TokenEncodeOptions {
  /** Default "document". */
  readonly role?: "query" | "document";
  readonly signal?: AbortSignal;
}

export interface TokenEncoder {
  readonly space: TokenSpace;
  /** Set i holds the token vectors of texts[i]. @throws MnemeError RANGE for a text without tokens */
  encode(texts: readonly string[], options?: TokenEncodeOptions): Promise<Ragged>;
}

/** One line for a space of token vectors: what an index keeps, and asks of its queries. */
export function tokenSpaceName({ model, revision, dim, normalized, pruning }: TokenSpace): string {
  return `${model}@${revision} ${dim}${normalized ? " unit" : ""} ${pruning}`;
}

/** @throws MnemeError RANGE */
export function refuseEmpty(texts: readonly string[], index: number, tokens: number): void {
  if (tokens > 0) return;
  const text = JSON.stringify(texts[index]?.slice(0, 40));
  throw new MnemeError("RANGE", `tokens: text ${index} (${text}) has no tokens; leave it out`);
}
