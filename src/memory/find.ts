/** find: places that read as a quotation does, by Hamming distances over all texts. */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { hammingWithin } from "../hashing/index.ts";
import type { Library } from "./library.ts";
import { listPlaces } from "./list.ts";
import { readText } from "./read-item.ts";
import { type Candidates, candidatesOf } from "./substrings/candidates.ts";
import type { FindOptions, ItemHead, Quotation } from "./types.ts";
import { isWithinLetter } from "./within-letter.ts";

/** The longest quotation, and how many characters are looked through at once: many short texts cost no more than a long one. */
export const LONGEST_QUOTE = 65_536;
const BATCH = 1 << 20;
/** Characters of a line shown before and behind a place. */
const AROUND = 80;

const SPACE = 0x20;

/** UTF-16 units as they are compared. */
type Folding = Uint16Array;

const foldings = new Map<boolean, Folding>();

/** White space is a space; and where case does not matter a letter its small form, if that is one unit. */
function foldingOf(ignoreCase: boolean): Folding {
  let folding = foldings.get(ignoreCase);
  if (!folding) {
    folding = Uint16Array.from({ length: 0x10000 }, (_, unit) => {
      const text = String.fromCharCode(unit);
      if (/\s/.test(text)) return SPACE;
      const small = ignoreCase ? text.toLowerCase() : text;
      return small.length === 1 ? small.charCodeAt(0) : unit;
    });
    foldings.set(ignoreCase, folding);
  }
  return folding;
}

function foldTo(out: Uint16Array, at: number, text: string, folding: Folding): void {
  for (let i = 0; i < text.length; i++) out[at + i] = folding[text.charCodeAt(i)]!;
}

interface Read {
  readonly head: ItemHead;
  readonly text: string;
}

/** @throws MnemeError ARGUMENT, RANGE, CANCELLED */
export async function* findQuotations(
  library: Library,
  quote: string,
  options: FindOptions,
): AsyncGenerator<Quotation> {
  const { mismatches = 0, limit = Number.POSITIVE_INFINITY, ignoreCase = true, filter, signal } = options;
  check(quote, mismatches, limit);
  if (limit === 0) return;
  const folding = foldingOf(ignoreCase);
  const pattern = new Uint16Array(quote.length);
  foldTo(pattern, 0, quote, folding);
  await library.refresh();
  const candidates = await library.gate.read(() => candidatesOf(library, quote, mismatches, ignoreCase));
  let given = 0;
  for await (const batch of batches(library, filter ? { where: filter } : {}, quote.length, candidates)) {
    throwIfAborted(signal, "find");
    for (const found of within(batch, pattern, mismatches, folding)) {
      yield found;
      if (++given >= limit) return;
    }
  }
}

function check(quote: string, mismatches: number, limit: number): void {
  if (quote.length === 0)
    throw new MnemeError("ARGUMENT", "find: the quotation is empty; give at least one character");
  if (quote.length > LONGEST_QUOTE)
    throw new MnemeError(
      "RANGE",
      `find: the quotation has ${quote.length} characters, ${LONGEST_QUOTE} are the most; find a part of it`,
    );
  if (!Number.isInteger(mismatches) || mismatches < 0 || mismatches >= quote.length)
    throw new MnemeError(
      "RANGE",
      `find: ${mismatches} mismatches in ${quote.length} characters; a whole number from 0 to ${quote.length - 1} is needed`,
    );
  if (!(limit >= 0)) throw new MnemeError("RANGE", `find: limit must be 0 or more, got ${limit}`);
}

/** Texts that a quotation of `length` characters may stand in, several at a time. */
async function* batches(
  library: Library,
  options: Parameters<typeof listPlaces>[1],
  length: number,
  candidates: Candidates | undefined,
): AsyncGenerator<Read[]> {
  let batch: Read[] = [];
  let size = 0;
  const isCandidate = (row: number): boolean =>
    candidates === undefined || row >= candidates.since || candidates.rows.has(row);
  for await (const { head, firstRow } of listPlaces(library, options, isCandidate)) {
    if (head.binary) continue;
    const text = await library.gate.read(async () =>
      library.live.has(firstRow) ? readText(library.placeOf(firstRow)) : "",
    );
    if (text.length < length) continue;
    batch.push({ head, text });
    size += text.length;
    if (size < BATCH) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield batch;
}

function* within(
  batch: readonly Read[],
  pattern: Uint16Array,
  mismatches: number,
  folding: Folding,
): Generator<Quotation> {
  const units = new Uint16Array(batch.reduce((sum, { text }) => sum + text.length, 0));
  let end = 0;
  for (const { text } of batch) {
    foldTo(units, end, text, folding);
    end += text.length;
  }
  const { positions, distances } = hammingWithin(units, pattern, mismatches);
  let item = 0;
  let first = 0;
  let lines = new Lines(batch[0]!.text);
  for (const [i, position] of positions.entries()) {
    while (position >= first + batch[item]!.text.length) {
      first += batch[item]!.text.length;
      lines = new Lines(batch[++item]!.text);
    }
    const { head, text } = batch[item]!;
    const start = position - first;
    // it may reach into the next text
    if (start + pattern.length > text.length) continue;
    yield quotationAt(head, text, start, pattern.length, distances[i]!, lines.lineOf(start));
  }
}

/** Numbers of lines of ascending places. */
class Lines {
  readonly #text: string;
  #line = 1;
  #next: number;

  constructor(text: string) {
    this.#text = text;
    this.#next = text.indexOf("\n");
  }

  lineOf(place: number): number {
    while (this.#next >= 0 && this.#next < place) {
      this.#line++;
      this.#next = this.#text.indexOf("\n", this.#next + 1);
    }
    return this.#line;
  }
}

function quotationAt(
  { id, title }: ItemHead,
  text: string,
  start: number,
  length: number,
  mismatches: number,
  line: number,
): Quotation {
  const end = start + length;
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = text.indexOf("\n", end);
  let from = Math.max(start > 0 ? lineStart : 0, start - AROUND);
  if (isWithinLetter(text, from)) from--;
  let to = Math.min(lineEnd < 0 ? text.length : lineEnd, end + AROUND);
  if (isWithinLetter(text, to)) to++;
  return {
    id,
    title,
    start,
    end,
    line,
    mismatches,
    text: text.slice(start, end),
    snippet: text.slice(from, to),
    highlight: [start - from, end - from],
  };
}
