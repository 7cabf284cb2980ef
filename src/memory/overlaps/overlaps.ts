/**
 * overlaps: how much of given texts stands in a library, letter by letter: the share of their windows, one for each word, and the longest
 * stretch, with its place. Shards of substrings answer where all rows of a segment are alive; all other texts are read through once.
 * Where some letters may be others all texts are read through. The measure of contamination of Infini-gram mini (2025).
 */
import { throwIfAborted } from "../../errors.ts";
import { rowAt } from "../../index/segment.ts";
import { PIECE_OVERLAP } from "../../index/text/text-pieces.ts";
import { Pacer } from "../../pacer.ts";
import type { Library, RowPlace } from "../library.ts";
import type { Overlap, OverlapOptions, StretchFound } from "../quote-and-tag.ts";
import { readBytes, readText, recordOf } from "../read-item.ts";
import { matchingRows } from "../select.ts";
import { eachPlace } from "../substrings/match.ts";
import { occurrencesOf } from "../substrings/occurrences.ts";
import { type TextReader, WindowTable } from "./by-reading.ts";
import { matchDraft } from "./by-shards.ts";
import { checkWidth, Draft, overlapDefaults, type Stretch } from "./draft.ts";
import { eachText } from "./each-text.ts";
import { checkMismatches, NearCopies } from "./near-copies.ts";

/** Texts looked for in shards before others have their turn at the library. */
const BATCH = 16;
/** So often it begins again where segments changed meanwhile; then all is read through. */
const TRIES = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** @throws MnemeError RANGE, ARGUMENT, CANCELLED */
export async function overlapsOf(
  library: Library,
  texts: readonly string[],
  {
    width = overlapDefaults.width,
    mismatches = overlapDefaults.mismatches,
    signal,
    onProgress,
  }: OverlapOptions,
): Promise<Overlap[]> {
  checkWidth(width);
  checkMismatches(mismatches, width);
  await library.refresh();
  const drafts = (): Draft[] => texts.map((text) => new Draft(text, width));
  const longest = Math.max(0, ...texts.map((text) => encoder.encode(text).length));
  for (let left = TRIES; ; left--) {
    const made = drafts();
    const covered = left > 0 && mismatches === 0 ? wholeSegments(library, longest) : new Set<number>();
    const tell = progressOf(library, made.length, covered, onProgress);
    if (!(await matchAll(library, made, covered, longest, signal, tell.matched))) continue;
    const reader = mismatches > 0 ? new NearCopies(made, width, mismatches) : new WindowTable(made, width);
    await readAll(library, reader, covered, mismatches > 0 ? readLetters : readText, signal, tell.read);
    if (covered.size === 0 || isSubset(covered, wholeSegments(library, longest)))
      return results(library, made, mismatches > 0);
  }
}

const isSubset = (some: ReadonlySet<number>, all: ReadonlySet<number>): boolean =>
  [...some].every((one) => all.has(one));

/** Segments with shards of which every row may be found, and where a stretch of so many bytes is in one piece. */
function wholeSegments(library: Library, longest: number): ReadonlySet<number> {
  const rows = matchingRows(library, undefined, Date.now());
  const whole = library.segments.filter(({ stored: { entry, rows: own } }) => {
    const isWhole = rows === undefined || rows.countIn(entry.first, entry.last + 1) === own.count;
    const isInOne = longest <= PIECE_OVERLAP || library.substrings.piecesOf(entry.id).isEmpty;
    return isWhole && isInOne && library.substrings.covers(entry.id);
  });
  return new Set(whole.map(({ stored }) => stored.entry.id));
}

/** By shards of these segments. @returns false where they are there no more */
async function matchAll(
  library: Library,
  drafts: readonly Draft[],
  covered: ReadonlySet<number>,
  longest: number,
  signal: AbortSignal | undefined,
  tell: (texts: number) => void,
): Promise<boolean> {
  if (covered.size === 0) return true;
  for (let from = 0; from < drafts.length; from += BATCH) {
    throwIfAborted(signal, "overlaps");
    const some = drafts.slice(from, from + BATCH);
    if (!(await library.gate.read(() => matchSome(library, some, covered, longest)))) return false;
    tell(some.length);
    await new Pacer().pause();
  }
  return true;
}

async function matchSome(
  library: Library,
  drafts: readonly Draft[],
  covered: ReadonlySet<number>,
  longest: number,
): Promise<boolean> {
  if (!isSubset(covered, wholeSegments(library, longest))) return false;
  const done = await library.substrings.using(async (index, shards) => {
    if (![...covered].every((id) => shards.some(({ segment }) => segment === id))) return false;
    const all = index
      .start()
      .map((range, i) => (covered.has(shards[i]!.segment) ? range : { low: 0, high: 0 }));
    for (const draft of drafts)
      await matchDraft(index, all, draft, (start, length, { document, byte }) => {
        const { segment, item, start: before } = library.substrings.textOf(index, shards, document);
        const { stored, items } = library.segments.find((one) => one.stored.entry.id === segment)!;
        const row = rowAt(stored.rows, items.firstOrdinal(item));
        draft.offer({ start, length, row, mismatches: 0, at: before + byte, inBytes: true });
      });
    return true;
  });
  return done ?? false;
}

/** All other texts, read once. */
async function readAll(
  library: Library,
  reader: TextReader,
  covered: ReadonlySet<number>,
  textOf: (place: RowPlace) => Promise<string>,
  signal: AbortSignal | undefined,
  tell: (bytes: number) => void,
): Promise<void> {
  const pacer = new Pacer();
  await eachText(
    library,
    (segment) => covered.has(segment),
    textOf,
    signal,
    async (text, row, bytes) => {
      await reader.read(text, row, signal, pacer);
      tell(bytes);
    },
  );
}

/** Nothing of an item of bytes: letters that are others cannot be told in what has none. */
async function readLetters(place: RowPlace): Promise<string> {
  return (await recordOf(place)).head.binary ? "" : readText(place);
}

function progressOf(
  library: Library,
  texts: number,
  covered: ReadonlySet<number>,
  onProgress: OverlapOptions["onProgress"],
): { matched: (texts: number) => void; read: (bytes: number) => void } {
  const others = library.segments.filter(({ stored }) => !covered.has(stored.entry.id));
  const totalBytes =
    others.reduce((sum, { items }) => sum + items.textBytes, 0) +
    library.tail.items.reduce((sum, { text }) => sum + text.length, 0);
  let [done, bytes] = [covered.size === 0 ? texts : 0, 0];
  const tell = (): void => onProgress?.({ phase: "scan", done, total: texts, bytes, totalBytes });
  return {
    matched: (more) => {
      done += more;
      tell();
    },
    read: (more) => {
      bytes += more;
      tell();
    },
  };
}

async function results(library: Library, drafts: readonly Draft[], isNear: boolean): Promise<Overlap[]> {
  const all: Overlap[] = [];
  for (const { text, starts, found, best } of drafts) {
    const longest = best && (await library.gate.read(() => told(library, text, best, isNear)));
    all.push({
      windows: starts.length,
      found: found.reduce((sum, one) => sum + one, 0),
      ...(longest ? { longest } : {}),
    });
  }
  return all;
}

/** Nothing where the item was forgotten meanwhile. */
async function told(
  library: Library,
  text: string,
  stretch: Stretch,
  isNear: boolean,
): Promise<StretchFound | undefined> {
  const { start, length, mismatches, row } = stretch;
  if (!library.live.has(row)) return undefined;
  const item = library.placeOf(row);
  const bytes = await readBytes(item);
  const span = isNear
    ? spanOf(bytes, stretch)
    : spanOfSame(bytes, encoder.encode(text.slice(start, start + length)), stretch);
  if (!span) return undefined;
  const [occurrence] = await occurrencesOf(item, [span]);
  return { start, end: start + length, ...(isNear ? { mismatches } : {}), at: occurrence! };
}

type Span = readonly [start: number, end: number];

/** Bytes of a stretch by its units. */
function spanOf(bytes: Uint8Array, { at, length }: Stretch): Span {
  const text = decoder.decode(bytes);
  const first = encoder.encode(text.slice(0, at)).length;
  return [first, first + encoder.encode(text.slice(at, at + length)).length];
}

function spanOfSame(bytes: Uint8Array, wanted: Uint8Array, stretch: Stretch): Span | undefined {
  const first = firstByte(bytes, wanted, stretch);
  return first === undefined ? undefined : [first, first + wanted.length];
}

/** Units of bytes that are no text say little: there the stretch is looked for. */
function firstByte(bytes: Uint8Array, wanted: Uint8Array, { at, inBytes }: Stretch): number | undefined {
  if (inBytes) return at;
  const units = decoder.decode(bytes).slice(0, at);
  const first = encoder.encode(units).length;
  if (isSame(bytes.subarray(first, first + wanted.length), wanted)) return first;
  let found: number | undefined;
  eachPlace(bytes, { steps: [[wanted]], most: wanted.length }, bytes.length, (start) => {
    found = start;
    return false;
  });
  return found;
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
