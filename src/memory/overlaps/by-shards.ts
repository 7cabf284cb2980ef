/**
 * Windows looked for in shards of substrings, from the last to the first: what is followed from a window's first letter ends somewhere, and
 * every window before it that reaches as far holds what the library does not, so that it need not be looked for.
 */
import type { Cursor, FmIndex } from "../../index/text/fm-index/fm-index.ts";
import { isWithinLetter } from "../within-letter.ts";
import type { Draft } from "./draft.ts";

/** Places of the longest stretch that are looked at for the first of them. */
const MOST_PLACES = 100_000;
/** Letters that are followed at once, at first. */
const STEP = 16;

/** A document of an index and a byte of it. */
export interface FirstPlace {
  readonly document: number;
  readonly byte: number;
}

/** Bytes of a text, and by unit how many lie before it. */
interface Encoded {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
}

interface Reached {
  readonly cursor: Cursor;
  /** Unit of the text behind what stands in the index. */
  readonly end: number;
}

/** Marks what stands in the rows of `all`. @param tell takes the longest stretch where it may be the best, and its first place */
export async function matchDraft(
  index: FmIndex,
  all: Cursor,
  draft: Draft,
  tell: (start: number, length: number, place: FirstPlace) => void,
): Promise<void> {
  const encoded = encode(draft.text);
  let longest = draft.best?.length ?? draft.width;
  let best: (Reached & { readonly start: number }) | undefined;
  let most = draft.text.length;
  for (let number = draft.starts.length - 1; number >= 0; number--) {
    const start = draft.starts[number]!;
    if (start + draft.width > most) continue;
    const window = await follow(
      index,
      encoded,
      { cursor: all, end: start },
      start + draft.width,
      draft.width,
    );
    if (window.end < start + draft.width) {
      most = window.end;
      continue;
    }
    draft.found[number] = 1;
    const least = Math.min(start + longest, draft.text.length);
    const enough = await follow(index, encoded, window, least, longest);
    if (enough.end - start < longest) continue;
    const whole = await follow(index, encoded, enough, draft.text.length, STEP);
    best = { ...whole, start };
    longest = whole.end - start;
  }
  if (best) tell(best.start, longest, await firstPlace(index, encoded, best));
}

function encode(text: string): Encoded {
  const offsets = new Uint32Array(text.length + 1);
  for (let i = 0, at = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    offsets[i] = at;
    // the units of a pair are two bytes each
    at += unit < 0x80 ? 1 : unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3;
    offsets[i + 1] = at;
  }
  return { text, bytes: new TextEncoder().encode(text), offsets };
}

/** Follows the text from what was reached as far as it stands in the index, at most to `most`. */
async function follow(
  index: FmIndex,
  { text, bytes, offsets }: Encoded,
  from: Reached,
  most: number,
  first: number,
): Promise<Reached> {
  let { cursor, end } = from;
  for (let step = first; end < most; ) {
    let to = Math.min(most, end + step);
    if (isWithinLetter(text, to)) to++;
    const next = await index.extend(cursor, bytes.subarray(offsets[end], offsets[to]));
    if (next.some(({ low, high }) => low < high)) {
      [cursor, end] = [next, to];
      continue;
    }
    if (step === 1) break;
    step = Math.ceil(step / 2);
  }
  return { cursor, end };
}

async function firstPlace(
  index: FmIndex,
  { offsets }: Encoded,
  { cursor, start, end }: Reached & { readonly start: number },
): Promise<FirstPlace> {
  const bytes = offsets[end]! - offsets[start]!;
  const { documents, offsets: places } = await index.locateRows(cursor, bytes, { limit: MOST_PLACES });
  return { document: documents[0]!, byte: places[0]! };
}
