/** Builds a token index: documents held backwards, their suffixes sorted, the token before each suffix kept. */
import { MnemeError } from "../../../errors.ts";
import { FmMemory } from "../../../kernels/fm.ts";
import { lowerBound } from "../../../search-sorted.ts";
import { allocIndex, bitsOf, type IndexFacts, type IndexTables, sealIndex } from "./layout.ts";
import { storeRanks, WaveletMatrix } from "./wavelet-matrix.ts";

/** Tokens of a document from one whose place is kept to the next. */
const SAMPLE_RATE = 16;
/** Different tokens: the sort takes two bytes for each. */
const MOST_SYMBOLS = 65_535;
/** Places are numbers of 31 bits. */
const MOST_ROWS = 2 ** 31 - 1;
const MOST_TOKEN = 2 ** 32 - 1;

/** Documents as symbols, backwards, each followed by an end. */
interface Joined {
  readonly text: Uint16Array;
  readonly tokens: Uint32Array;
  readonly begins: Uint32Array;
}

/** @throws MnemeError RANGE for a token that is none (with its place), for too many, and for no documents */
function join(documents: readonly ArrayLike<number>[]): Joined {
  const seen = new Set<number>();
  const begins = new Uint32Array(documents.length + 1);
  let at = 0;
  for (const [d, document] of documents.entries()) {
    begins[d] = at;
    if (document.length === 0)
      throw new MnemeError("RANGE", `token index: document ${d} has no tokens; leave it out`);
    for (let i = 0; i < document.length; i++) seen.add(checkToken(document[i]!, d, i));
    at += document.length + 1;
  }
  begins[documents.length] = at;
  if (at === 0) throw new MnemeError("RANGE", "token index: no documents; give it at least one");
  if (at > MOST_ROWS || seen.size > MOST_SYMBOLS)
    throw new MnemeError(
      "RANGE",
      `token index: ${at} tokens, ${seen.size} different ones; at most ${MOST_ROWS} and ${MOST_SYMBOLS}`,
    );
  const tokens = new Uint32Array(seen.size + 1);
  tokens.set(Uint32Array.from(seen).sort(), 1);
  const symbolOf = new Map(Array.from(tokens.subarray(1), (token, i) => [token, i + 1]));
  const text = new Uint16Array(at);
  for (const [d, document] of documents.entries()) {
    const last = begins[d]! + document.length - 1;
    for (let i = 0; i < document.length; i++) text[last - i] = symbolOf.get(document[i]!)!;
  }
  return { text, tokens, begins };
}

function checkToken(token: number, document: number, place: number): number {
  if (Number.isInteger(token) && token >= 0 && token <= MOST_TOKEN) return token;
  throw new MnemeError(
    "RANGE",
    `token index: token ${token} at place ${place} of document ${document}; need a whole number from 0 to ${MOST_TOKEN}`,
  );
}

/** Places of the text in the order of their suffixes. */
function sortSuffixes(text: Uint16Array, symbols: number): Uint32Array {
  const memory = new FmMemory();
  const at = memory.alloc(text.length * 2);
  const suffixes = memory.alloc(text.length * 4 + symbols * 8);
  memory.u16(at, text.length).set(text);
  memory.kernels.sortSuffixes(at, text.length, symbols, 1, suffixes, Math.ceil(memory.top / 64) * 64);
  return memory.u32(suffixes, text.length);
}

function countSymbols(text: Uint16Array, firsts: Uint32Array): void {
  for (const symbol of text) firsts[symbol + 1]!++;
  for (let symbol = 1; symbol < firsts.length; symbol++) firsts[symbol]! += firsts[symbol - 1]!;
}

/** Marks the rows of places that are kept: of each document every so many from its begin on. */
function keepPlaces(suffixes: Uint32Array, { begins }: Joined, tables: IndexTables): void {
  let next = 0;
  for (let row = 0; row < suffixes.length; row++) {
    const place = suffixes[row]!;
    const document = documentAt(begins, place);
    if ((place - begins[document]!) % SAMPLE_RATE !== 0) continue;
    tables.marks[row >>> 5]! |= 1 << (row & 31);
    tables.samples[next++] = place;
  }
  storeRanks(tables.marks, tables.markRanks);
}

/** The document that holds a place of the joined text. */
export const documentAt = (begins: Uint32Array, place: number): number => {
  const found = lowerBound(begins, place);
  return begins[found] === place ? found : found - 1;
};

/**
 * @param tag names what made the tokens. @returns the bytes of an index, in memory that threads share
 * @throws MnemeError RANGE
 */
export function buildTokenIndex(documents: readonly ArrayLike<number>[], tag: number): Uint8Array {
  const joined = join(documents);
  const { text, tokens, begins } = joined;
  const facts: IndexFacts = {
    documents: documents.length,
    rows: text.length,
    symbols: tokens.length,
    samples: documents.reduce((sum, { length }) => sum + Math.floor(length / SAMPLE_RATE) + 1, 0),
    tag,
  };
  const { bytes, tables } = allocIndex(facts);
  tables.tokens.set(tokens);
  tables.begins.set(begins);
  countSymbols(text, tables.firsts);
  const suffixes = sortSuffixes(text, tokens.length);
  keepPlaces(suffixes, joined, tables);
  const before = Uint32Array.from(suffixes, (place) => (place === 0 ? 0 : text[place - 1]!));
  WaveletMatrix.fill(before, bitsOf(facts), tables.words, tables.ranks);
  sealIndex(facts, bytes);
  return bytes;
}
