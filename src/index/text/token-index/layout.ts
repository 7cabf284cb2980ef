/** Bytes of a token index: a header, then tables of 32-bit numbers one after the other, all little-endian, under one checksum. */
import { MnemeError } from "../../../errors.ts";
import { crc32 } from "../../../storage/crc32.ts";
import { levelSize } from "./wavelet-matrix.ts";

const MAGIC = 0x4954_4e4d;
const VERSION = 1;
const HEADER_WORDS = 8;

export interface IndexFacts {
  readonly documents: number;
  /** Tokens and an end for each document. */
  readonly rows: number;
  /** Different tokens, and one for ends. */
  readonly symbols: number;
  readonly samples: number;
  /** Names what made the tokens. */
  readonly tag: number;
}

/** The tables of an index, views into its bytes. */
export interface IndexTables {
  /** The token of each symbol, ascending; of symbol 0, the ends, 0. */
  readonly tokens: Uint32Array;
  /** Row with which each symbol begins, and the number of rows. */
  readonly firsts: Uint32Array;
  /** Place in the joined text with which each document begins, and its length. */
  readonly begins: Uint32Array;
  readonly words: Uint32Array;
  readonly ranks: Uint32Array;
  /** Rows whose places are kept, as bits. */
  readonly marks: Uint32Array;
  readonly markRanks: Uint32Array;
  readonly samples: Uint32Array;
}

export const bitsOf = ({ symbols }: Pick<IndexFacts, "symbols">): number =>
  Math.max(1, Math.ceil(Math.log2(symbols)));

function lengthsOf(facts: IndexFacts): Record<keyof IndexTables, number> {
  const level = levelSize(facts.rows);
  const bits = bitsOf(facts);
  return {
    tokens: facts.symbols,
    firsts: facts.symbols + 1,
    begins: facts.documents + 1,
    words: bits * level.words,
    ranks: bits * level.ranks,
    marks: level.words,
    markRanks: level.ranks,
    samples: facts.samples,
  };
}

const sizeOf = (facts: IndexFacts): number =>
  4 * Object.values(lengthsOf(facts)).reduce((sum, length) => sum + length, HEADER_WORDS);

function tablesIn(facts: IndexFacts, bytes: Uint8Array): IndexTables {
  let at = bytes.byteOffset + 4 * HEADER_WORDS;
  const tables: Partial<Record<keyof IndexTables, Uint32Array>> = {};
  for (const [name, length] of Object.entries(lengthsOf(facts))) {
    tables[name as keyof IndexTables] = new Uint32Array(bytes.buffer, at, length);
    at += 4 * length;
  }
  return tables as IndexTables;
}

/** Room for an index, in memory that threads share. */
export function allocIndex(facts: IndexFacts): { readonly bytes: Uint8Array; readonly tables: IndexTables } {
  const bytes = new Uint8Array(new SharedArrayBuffer(sizeOf(facts)));
  return { bytes, tables: tablesIn(facts, bytes) };
}

/** Writes the header of an index whose tables are filled. */
export function sealIndex(facts: IndexFacts, bytes: Uint8Array): void {
  const { documents, rows, symbols, samples, tag } = facts;
  const header = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER_WORDS);
  header.set([MAGIC, VERSION, 0, documents, rows, symbols, samples, tag]);
  header[2] = crc32(bytes.subarray(12));
}

/** @throws MnemeError FORMAT, VERSION, CORRUPT */
export function readIndex(given: Uint8Array): { readonly facts: IndexFacts; readonly tables: IndexTables } {
  if (given.length < 4 * HEADER_WORDS)
    throw new MnemeError("CORRUPT", `token index: ${given.length} bytes, a header takes ${4 * HEADER_WORDS}`);
  const bytes = given.byteOffset % 4 === 0 ? given : given.slice();
  const header = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER_WORDS);
  const [magic, version, sum, documents, rows, symbols, samples, tag] = header;
  if (magic !== MAGIC)
    throw new MnemeError("FORMAT", "token index: these bytes are none; build it from documents");
  if (version !== VERSION)
    throw new MnemeError(
      "VERSION",
      `token index: version ${version}, this build reads ${VERSION}; build it again`,
    );
  const facts = { documents: documents!, rows: rows!, symbols: symbols!, samples: samples!, tag: tag! };
  if (sizeOf(facts) !== bytes.length)
    throw new MnemeError(
      "CORRUPT",
      `token index: ${bytes.length} bytes, ${sizeOf(facts)} expected; build it again`,
    );
  if (crc32(bytes.subarray(12)) !== sum)
    throw new MnemeError("CORRUPT", "token index: its checksum does not agree; build it again");
  return { facts, tables: tablesIn(facts, bytes) };
}
