/**
 * Long texts cut into pieces, each a document of an index: less of them is sorted at once. Neighbours overlap, so that what is no longer than
 * the overlap and a byte stands whole in one of them; what stands in two is told of once.
 */
import { asU32 } from "../../bytes.ts";
import { MnemeError } from "../../errors.ts";
import { lowerBound } from "../../search-sorted.ts";

/** A longer text is cut. Sorting takes about 7.5 bytes of memory for each byte of a piece. */
export const PIECE_BYTES: number = 8 << 20;
/** Bytes that neighbours share. */
export const PIECE_OVERLAP = 65_535;

export interface PieceSizes {
  readonly pieceBytes: number;
  readonly overlapBytes: number;
}

/** Starts and ends of the pieces of a text, in order; one where it is short. */
export function* piecesOf(
  length: number,
  { pieceBytes, overlapBytes }: PieceSizes,
): Generator<readonly [start: number, end: number]> {
  const step = pieceBytes - overlapBytes;
  for (let start = 0; start === 0 || start + overlapBytes < length; start += step)
    yield [start, Math.min(length, start + pieceBytes)];
}

/** Where a document of an index belongs: a text, and the byte of it with which the document begins. */
export interface PiecePlace {
  readonly text: number;
  readonly start: number;
}

/**
 * Which documents go on with the text of the document before. Stored as u32 little-endian, two a document: its number, and the byte of the
 * text with which it begins.
 */
export class PieceTable {
  static readonly none: PieceTable = new PieceTable(new Uint32Array(0));
  readonly #documents: Uint32Array;
  readonly #starts: Uint32Array;

  private constructor(pairs: Uint32Array) {
    this.#documents = pairs.filter((_, i) => i % 2 === 0);
    this.#starts = pairs.filter((_, i) => i % 2 === 1);
  }

  /** @throws MnemeError CORRUPT */
  static decode(bytes: Uint8Array): PieceTable {
    const table = new PieceTable(asU32(bytes));
    const isInOrder = table.#documents.every((document, i) => document > (table.#documents[i - 1] ?? 0));
    if (bytes.byteLength % 8 === 0 && isInOrder) return table;
    throw new MnemeError("CORRUPT", "pieces of texts: not in order; build the shards again");
  }

  /** @param pairs documents, ascending, each with its start */
  static encode(pairs: readonly number[]): Uint8Array {
    return new Uint8Array(Uint32Array.from(pairs).buffer);
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  get bytes(): number {
    return this.#documents.byteLength + this.#starts.byteLength;
  }

  placeOf(document: number): PiecePlace {
    const at = lowerBound(this.#documents, document);
    const goesOn = this.#documents[at] === document;
    return { text: document - at - Number(goesOn), start: goesOn ? this.#starts[at]! : 0 };
  }

  /** Byte of a document from which on the next one holds the same; infinite where none goes on with its text. */
  sharedFrom(document: number): number {
    const at = lowerBound(this.#documents, document + 1);
    if (this.#documents[at] !== document + 1) return Number.POSITIVE_INFINITY;
    return this.#starts[at]! - this.placeOf(document).start;
  }

  get count(): number {
    return this.#documents.length;
  }

  /** All cuts: the text, and the byte with which its next piece begins. */
  *cuts(): Generator<PiecePlace> {
    for (const document of this.#documents) yield this.placeOf(document);
  }
}
