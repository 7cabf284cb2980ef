/**
 * Occurrences with up to k bytes replaced: the pattern is followed through the index, branching where a byte may differ, as in backtracking
 * aligners (Li and Durbin, 2009). A branch is cut where the rest of the pattern needs more replacements than are left: at least one for
 * each of the pieces, end to end, that the text does not hold.
 */
import { MnemeError, throwIfAborted } from "../../../errors.ts";
import { type Cursor, type FmIndex, type Occurrences, sizeOfCursor } from "./fm-index.ts";
import { toBytes } from "./options.ts";

export interface MismatchOptions {
  /** Bytes that may differ: 0 to 8. */
  readonly k: number;
  /** Steps of branching at most, beyond which the search is refused. Default 100,000. */
  readonly maxSteps?: number;
  readonly signal?: AbortSignal;
}

export interface Variant {
  /** The text that was found. */
  readonly bytes: Uint8Array;
  readonly mismatches: number;
  readonly count: number;
  readonly cursor: Cursor;
}

export const mismatchDefaults = { maxSteps: 100_000 } as const;
const MOST = 8;

/** By place: pieces of the pattern from there on, end to end, that the text does not hold. */
async function lowerBounds(index: FmIndex, pattern: Uint8Array): Promise<Uint8Array> {
  const breaks = new Uint8Array(pattern.length + 1);
  let end = pattern.length;
  let pieces = 0;
  // pieces are made from the end, so that a bound holds from each place on
  for (let at = pattern.length - 1; at >= 0; at--) {
    if ((await index.count(pattern.subarray(at, end))) === 0) {
      pieces++;
      end = at;
    }
    breaks[at] = Math.min(255, pieces);
  }
  return breaks;
}

/**
 * All texts of the index that differ from the pattern in up to `k` bytes, and how often each occurs.
 * @throws MnemeError RANGE, BUDGET (more branches than `maxSteps`), CANCELLED
 */
export async function findWithin(
  index: FmIndex,
  pattern: string | Uint8Array,
  { k, maxSteps = mismatchDefaults.maxSteps, signal }: MismatchOptions,
): Promise<Variant[]> {
  const bytes = toBytes(pattern, "the pattern");
  if (bytes.length === 0 || !(Number.isInteger(k) && k >= 0 && k <= MOST))
    throw new MnemeError(
      "RANGE",
      `fm-index: ${bytes.length} bytes within ${k}, need some bytes and a k of 0 to ${MOST}`,
    );
  const bounds = await lowerBounds(index, bytes);
  const found: Variant[] = [];
  const text = Uint8Array.from(bytes);
  let steps = 0;
  const go = async (cursor: Cursor, at: number, mismatches: number): Promise<void> => {
    if (sizeOfCursor(cursor) === 0 || mismatches + bounds[at]! > k) return;
    if (at === bytes.length) {
      found.push({ bytes: Uint8Array.from(text), mismatches, count: sizeOfCursor(cursor), cursor });
      return;
    }
    throwIfAborted(signal, "fm-index within");
    if (++steps > maxSteps)
      throw new MnemeError(
        "BUDGET",
        `fm-index: more than ${maxSteps} branches within ${k}; lower k or raise maxSteps`,
      );
    if (mismatches === k) {
      text.set(bytes.subarray(at), at);
      return go(await index.extend(cursor, bytes.subarray(at)), bytes.length, mismatches);
    }
    const { cursors } = await index.branch(cursor);
    for (const [byte, next] of cursors) {
      text[at] = byte;
      await go(next, at + 1, mismatches + Number(byte !== bytes[at]));
    }
  };
  await go(index.start(), 0, 0);
  return found.sort((a, b) => a.mismatches - b.mismatches || b.count - a.count);
}

/** Where a variant occurs. */
export function locateVariant(index: FmIndex, variant: Variant): Promise<Occurrences> {
  return index.locateRows(variant.cursor, variant.bytes.length);
}
