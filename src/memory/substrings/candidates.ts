/**
 * Which items can hold a quotation at all: of a quotation cut into one piece more than letters may differ, one piece stands there as it is
 * (the pigeonhole principle). Pieces are looked up in shards; items of which no shard tells are candidates all.
 */
import { RowSet } from "../../index/row-set.ts";
import { rowAt } from "../../index/segment.ts";
import type { Library } from "../library.ts";
import { lettersLike, type Pattern, stepsOf } from "./pattern.ts";
import type { Found } from "./substrings.ts";

/** A shorter piece is nearly everywhere. */
const LEAST_LETTERS = 4;
/** Bytes of text that are compared in the time that one place of a piece takes. */
const BYTES_PER_PLACE = 500;

const encoder = new TextEncoder();
const blanks = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code))
  .filter((letter) => /\s/.test(letter))
  .map((letter) => encoder.encode(letter));

/** First rows of items, and all rows from `since` on: they came later. */
export interface Candidates {
  readonly rows: RowSet;
  readonly since: number;
}

/** @returns nothing where all texts may as well be read: no shards, pieces that are short or frequent. Call it inside the gate. */
export async function candidatesOf(
  library: Library,
  quote: string,
  mismatches: number,
  ignoreCase: boolean,
): Promise<Candidates | undefined> {
  const letters = [...quote];
  const size = Math.floor(letters.length / (mismatches + 1));
  // half of a pair is in no text, but a unit of one may be compared to it
  if (size < LEAST_LETTERS || library.substrings.isEmpty || !quote.isWellFormed()) return undefined;
  const stepOf = (letter: string): Uint8Array[] => {
    if (/^\s$/.test(letter)) return blanks;
    return ignoreCase ? lettersLike(letter) : [encoder.encode(letter)];
  };
  const pieces = Array.from({ length: mismatches + 1 }, (_, i) =>
    stepsOf(letters.slice(i * size, i === mismatches ? undefined : (i + 1) * size).map(stepOf)),
  );
  const since = library.counters.nextRow;
  return library.substrings.using(async (index, shards) => {
    const found: Found[] = [];
    for (const piece of pieces) {
      const one = await library.substrings.find(index, shards, piece as Pattern);
      if (!one) return undefined;
      found.push(one);
    }
    const covered = new Set(shards.map(({ segment }) => segment));
    return gathered(library, found, covered, since);
  });
}

async function gathered(
  library: Library,
  found: readonly Found[],
  covered: ReadonlySet<number>,
  since: number,
): Promise<Candidates | undefined> {
  const rows = new RowSet();
  for (const { stored, items } of library.segments) {
    const { id } = stored.entry;
    const places = found.reduce((sum, one) => sum + one.countIn(id), 0);
    const isFew = covered.has(id) && places * BYTES_PER_PLACE < items.textBytes;
    if (isFew) {
      for (const one of found)
        for (const item of (await one.locateIn(id)).items)
          rows.add(rowAt(stored.rows, items.firstOrdinal(item)));
    } else
      for (let item = 0; item < items.count; item++) rows.add(rowAt(stored.rows, items.firstOrdinal(item)));
  }
  for (const { firstRow } of library.tail.items) rows.add(firstRow);
  return { rows, since };
}
