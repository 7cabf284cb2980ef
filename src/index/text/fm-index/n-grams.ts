/**
 * Language models straight from counts: n-grams and infinity-grams (Liu and others, 2024), which condition on the longest end of the context
 * that the corpus holds. Units are bytes, or tokens coded so that one is never found inside others. Nothing is smoothed: a unit that never
 * followed has probability 0.
 */
import { MnemeError } from "../../../errors.ts";
import { type Cursor, type FmIndex, sizeOfCursor } from "./fm-index.ts";

export interface BackOff {
  /** Bytes of the context that were conditioned on: its longest end that occurs, and is followed by something. */
  readonly used: number;
  /** How often those occur, followed by a byte. */
  readonly total: number;
  readonly cursor: Cursor;
}

export interface NGramOptions {
  /** Bytes of the context at most; default all: an infinity-gram. */
  readonly most?: number;
}

export interface NGramProbability {
  readonly probability: number;
  /** Bytes of the context that it is conditioned on. */
  readonly used: number;
  readonly count: number;
  readonly total: number;
}

/** Occurrences that are followed by something. */
async function followed(index: FmIndex, cursor: Cursor): Promise<number> {
  const { ends } = await index.next(cursor);
  return sizeOfCursor(cursor) - ends;
}

/** The longest end of a context that occurs and is followed by something: found by halving, since ends of what occurs occur. */
export async function backOff(
  index: FmIndex,
  context: Uint8Array,
  { most = context.length }: NGramOptions = {},
): Promise<BackOff> {
  if (!(Number.isInteger(most) && most >= 0))
    throw new MnemeError("RANGE", `fm-index: a context of at most ${most} bytes, need a whole number`);
  let best: BackOff = { used: 0, total: await followed(index, index.start()), cursor: index.start() };
  let [low, high] = [1, Math.min(most, context.length)];
  while (low <= high) {
    const used = (low + high + 1) >> 1;
    const cursor = await index.find(context.subarray(context.length - used));
    const total = sizeOfCursor(cursor) === 0 ? 0 : await followed(index, cursor);
    if (total > 0) {
      best = { used, total, cursor };
      low = used + 1;
    } else high = used - 1;
  }
  return best;
}

/** How probable it is that bytes follow a context. @throws MnemeError RANGE for no bytes */
export async function probabilityOf(
  index: FmIndex,
  context: Uint8Array,
  bytes: Uint8Array,
  options?: NGramOptions,
): Promise<NGramProbability> {
  const { used, total, cursor } = await backOff(index, context, options);
  const count = sizeOfCursor(await index.extend(cursor, bytes));
  return { probability: total === 0 ? 0 : count / total, used, count, total };
}

/** Probability of each byte after a context; of all 0 where the index is empty. */
export async function nextBytes(
  index: FmIndex,
  context: Uint8Array,
  options?: NGramOptions,
): Promise<{ probabilities: Float64Array; used: number; total: number }> {
  const { used, total, cursor } = await backOff(index, context, options);
  const { counts } = await index.next(cursor);
  return {
    probabilities: Float64Array.from(counts, (count) => (total === 0 ? 0 : count / total)),
    used,
    total,
  };
}

/** Largest token that can be coded. */
export const MOST_TOKEN: number = 2 ** 21 - 1;

/**
 * Tokens as bytes that are searched for as text is: each is coded in the manner of UTF-8, whose first bytes are unlike the others, so that
 * no token is found across the borders of others. @throws MnemeError RANGE for a token outside 0 to 2^21 - 1
 */
export function tokenBytes(tokens: ArrayLike<number>): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (!(Number.isInteger(token) && token >= 0 && token <= MOST_TOKEN))
      throw new MnemeError("RANGE", `fm-index: token ${token}, need a whole number from 0 to ${MOST_TOKEN}`);
    if (token < 0x80) bytes.push(token);
    else if (token < 0x800) bytes.push(0xc0 | (token >> 6), tail(token));
    else if (token < 0x10000) bytes.push(0xe0 | (token >> 12), tail(token >> 6), tail(token));
    else bytes.push(0xf0 | (token >> 18), tail(token >> 12), tail(token >> 6), tail(token));
  }
  return Uint8Array.from(bytes);
}

const tail = (bits: number): number => 0x80 | (bits & 0x3f);

/** Bytes of the token that begins with this one. */
function lengthOf(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

/** What the first byte of a token of so many bytes says of it. */
const FIRST_BITS: readonly number[] = [0, 0x7f, 0x1f, 0x0f, 0x07];

/** Tokens that follow a context of tokens, of an index built of `tokenBytes`, by falling count; contexts back off by whole tokens. */
export async function nextTokens(
  index: FmIndex,
  context: ArrayLike<number>,
  { most = context.length }: NGramOptions = {},
): Promise<{ tokens: Uint32Array; counts: Uint32Array; used: number }> {
  let used = Math.min(most, context.length);
  const all = Array.from(context);
  let [low, high] = [1, used];
  let cursor = index.start();
  used = 0;
  while (low <= high) {
    const some = (low + high + 1) >> 1;
    const found = await index.find(tokenBytes(all.slice(all.length - some)));
    if (sizeOfCursor(found) > 0 && (await followed(index, found)) > 0) {
      [cursor, used, low] = [found, some, some + 1];
    } else high = some - 1;
  }
  const found = await spell(index, cursor, used === 0);
  found.sort((a, b) => b.count - a.count || a.token - b.token);
  return {
    tokens: Uint32Array.from(found, ({ token }) => token),
    counts: Uint32Array.from(found, ({ count }) => count),
    used,
  };
}

/** All tokens after a cursor, byte by byte; after no context at all, tails of tokens begin too and are passed over. */
async function spell(
  index: FmIndex,
  cursor: Cursor,
  isStart: boolean,
): Promise<{ token: number; count: number }[]> {
  const found: { token: number; count: number }[] = [];
  const go = async (at: Cursor, token: number, left: number): Promise<void> => {
    const { cursors } = await index.branch(at);
    for (const [byte, next] of cursors) {
      const more = token * 64 + (byte & 0x3f);
      if (left > 1) await go(next, more, left - 1);
      else found.push({ token: more, count: sizeOfCursor(next) });
    }
  };
  const { cursors } = await index.branch(cursor);
  for (const [byte, next] of cursors) {
    if (isStart && byte >= 0x80 && byte < 0xc0) continue;
    const length = lengthOf(byte);
    const bits = byte & FIRST_BITS[length]!;
    if (length === 1) found.push({ token: bits, count: sizeOfCursor(next) });
    else await go(next, bits, length - 1);
  }
  return found;
}
