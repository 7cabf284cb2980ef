/**
 * Learnt sparse vectors: weights of tokens that a model gave to a text (uniCOIL, SPLADE; Lin & Ma, A Few Brief Notes on DeepImpact, COIL,
 * and a Conceptual Framework, 2021). Their inner product is the score. Here: checking and quantising them.
 */
import { MnemeError } from "../../errors.ts";

/** Token -> weight above 0. Tokens are the model's: any strings, compared as they are. */
export type SparseVector = Readonly<Record<string, number>>;

/** Weights of documents are kept in steps of this: finer than 8 bits of the usual range of 0 to 3. */
export const SPARSE_STEP: number = 1 / 128;
const MOST_STEPS = 0xffff;
/** Largest weight of a token. */
export const MAX_SPARSE_WEIGHT: number = MOST_STEPS * SPARSE_STEP;
/** Longest token in UTF-8 bytes. */
export const MAX_TOKEN_BYTES = 256;
/** Most tokens of a vector. */
export const MAX_TOKENS = 32_768;

const encoder = new TextEncoder();

/** @throws MnemeError ARGUMENT, RANGE, NOT_FINITE, ZERO_VECTOR, naming the token */
export function checkSparse(vector: unknown, operation: string): asserts vector is SparseVector {
  if (vector === null || typeof vector !== "object" || Array.isArray(vector) || ArrayBuffer.isView(vector))
    throw new MnemeError(
      "ARGUMENT",
      `${operation}: sparse must be an object { token: weight }, got ${JSON.stringify(vector)?.slice(0, 80)}`,
    );
  const entries = Object.entries(vector as Record<string, unknown>);
  if (entries.length > MAX_TOKENS)
    throw new MnemeError(
      "RANGE",
      `${operation}: sparse has ${entries.length} tokens, at most ${MAX_TOKENS}; keep the heaviest`,
    );
  for (const [token, weight] of entries) checkWeight(token, weight, operation);
  if (!entries.some(([, weight]) => stepsOf(weight as number) > 0))
    throw new MnemeError(
      "ZERO_VECTOR",
      `${operation}: sparse has no token of a weight of ${SPARSE_STEP / 2} or more; scale the weights, or leave it out`,
    );
}

function checkWeight(token: string, weight: unknown, operation: string): void {
  const name = `${operation}: sparse token ${JSON.stringify(token.slice(0, 80))}`;
  if (token === "" || encoder.encode(token).byteLength > MAX_TOKEN_BYTES)
    throw new MnemeError("RANGE", `${name} must have 1 to ${MAX_TOKEN_BYTES} bytes`);
  if (typeof weight !== "number")
    throw new MnemeError("ARGUMENT", `${name}: weight must be a number, got ${typeof weight}`);
  if (!Number.isFinite(weight))
    throw new MnemeError("NOT_FINITE", `${name}: weight must be finite, got ${weight}`);
  if (weight < 0 || weight > MAX_SPARSE_WEIGHT)
    throw new MnemeError(
      "RANGE",
      `${name}: weight must be from 0 to ${Math.floor(MAX_SPARSE_WEIGHT)}, got ${weight}; leave out or scale`,
    );
}

/** A weight in whole steps; 0 is not kept. */
export function stepsOf(weight: number): number {
  return Math.min(MOST_STEPS, Math.round(weight / SPARSE_STEP));
}
