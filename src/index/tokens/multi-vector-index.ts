/**
 * MultiVectorIndex: documents as sets of token vectors, scored by MaxSim, the sum over a query's vectors of their largest products with a
 * document's (ColBERT: Khattab & Zaharia, 2020). Signed bytes in RAM. Small ones are scored whole; in large ones fixed encodings choose
 * candidates (fixed-encoding.ts) which are then scored exactly. Vectors are taken as they come: pruned or not (prune.ts), of unit length or not.
 */
import { checkRows } from "../../codecs/check.ts";
import { MnemeError } from "../../errors.ts";
import { kernels, MaxSim, NO_ROW, type Pool } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/matrix.ts";
import { emptyHits, type Hits } from "../hits.ts";
import type { RowSet } from "../row-set.ts";
import { bestRows } from "../top-k.ts";
import { checkRow } from "../vector/graph/check.ts";
import { RowNames } from "../vector/graph/row-names.ts";
import { FirstStage } from "./first-stage.ts";
import { FixedEncoding } from "./fixed-encoding.ts";
import { type MultiVectorOptions, type MultiVectorSearchOptions, multiVectorDefaults } from "./options.ts";
import { OrdinalIds } from "./ordinal-ids.ts";
import { encodeTokens, TokenStore } from "./token-store.ts";

/** A search that goes on after a cursor looks this many times deeper each time. */
const DEEPER = 4;

/** What an index holds, for a store. Borrowed until the next change. */
export interface TokenParts {
  readonly rows: Uint32Array;
  /** Vectors of document i: [offsets[i], offsets[i + 1]). */
  readonly offsets: Uint32Array;
  readonly codes: Int8Array;
  readonly scales: Float32Array;
  /** Codes of the first stage, if there is one. */
  readonly encodings: Uint8Array | undefined;
}

export class MultiVectorIndex implements Disposable {
  readonly options: MultiVectorOptions;
  readonly #store: TokenStore;
  readonly #first: FirstStage | undefined;
  readonly #ids = new OrdinalIds();
  readonly #names = new RowNames(this.#ids);
  readonly #scorer: MaxSim;
  /** First vector and the one behind the last, by ordinal. */
  #ranges = new Uint32Array(16);
  #documents = 0;
  #deleted = 0;

  /** @throws MnemeError RANGE, UNSUPPORTED */
  constructor(options: MultiVectorOptions) {
    const { dim, encoding, codec = multiVectorDefaults.codec } = options;
    if (!Number.isInteger(dim) || dim < 1)
      throw new MnemeError("RANGE", `tokens: dim must be a whole number from 1, got ${dim}`);
    this.options = options;
    this.#first = encoding === false ? undefined : new FirstStage(new FixedEncoding(dim, encoding), codec);
    this.#store = new TokenStore(dim);
    this.#scorer = new MaxSim(kernels());
  }

  /** Documents that can be found. */
  get size(): number {
    return this.#documents - this.#deleted;
  }

  /** Token vectors of all documents, those of deleted ones until `compact` too. */
  get vectors(): number {
    return this.#store.vectors;
  }

  /** Bytes that the first stage holds of a document. */
  get encodingBytes(): number {
    return this.#first?.stride ?? 0;
  }

  /**
   * Adds a document. @param vectors n x dim, n from 1, borrowed
   * @throws MnemeError EXISTS, RANGE, ARGUMENT for a document without vectors, DIMENSION, NOT_FINITE naming the vector
   */
  add(row: number, vectors: Matrix): void {
    checkRow("tokens", row);
    if (this.#names.ordinalOf(row) !== NO_ROW)
      throw new MnemeError("EXISTS", `tokens: row ${row} is there; delete it first, or use another id`);
    if (vectors.rows === 0)
      throw new MnemeError("ARGUMENT", `tokens: document ${row} has no vectors; leave it out`, {
        details: { row },
      });
    checkRows("tokens", this.options.dim, vectors);
    const { codes, scales } = encodeTokens(vectors);
    // what may not fit comes first: encodings go by the documents' ordinals
    this.#store.reserve(scales.length);
    this.#first?.append(vectors);
    this.#place(row, this.#store.append(codes, scales), scales.length);
  }

  /** Never found again. @returns false where there is no such row */
  delete(row: number): boolean {
    if (this.#names.ordinalOf(row) === NO_ROW) return false;
    this.#names.forget(row);
    this.#deleted++;
    return true;
  }

  /** Gives the room of deleted documents back to those that come. @returns what was freed */
  compact(): { rows: number; bytes: number } {
    const [rows, before] = [this.#deleted, this.#store.vectors];
    if (rows === 0) return { rows: 0, bytes: 0 };
    const parts = this.parts();
    const { encodings } = parts;
    this.#store.compact(this.#rangesOf(this.#ordinals()));
    if (encodings) this.#first!.restore(encodings);
    const ids = parts.rows;
    for (let ordinal = 0; ordinal < this.#documents; ordinal++) {
      const row = this.#names.rowAt(ordinal);
      if (row !== NO_ROW) this.#names.forget(row);
    }
    [this.#documents, this.#deleted] = [0, 0];
    ids.forEach((row, i) => this.#place(row, parts.offsets[i]!, parts.offsets[i + 1]! - parts.offsets[i]!));
    const freed = (before - this.#store.vectors) * (this.#store.width + 4);
    return { rows, bytes: freed + rows * (8 + this.encodingBytes) };
  }

  /**
   * Documents by MaxSim, best first. @param query n x dim, n from 1
   * @throws MnemeError DIMENSION, NOT_FINITE, RANGE, SPACE for a query of another space
   */
  search(query: Matrix, options: MultiVectorSearchOptions): Hits {
    this.#checkQuery(query, options);
    const matching = Math.min(this.size, options.filter?.count ?? this.size);
    if (matching === 0) return emptyHits;
    const wanted = options.candidates ?? multiVectorDefaults.candidates;
    if (!this.#first || wanted === "all" || wanted >= matching)
      return this.#hits(query, this.#ordinals(options.filter), options);
    for (let depth = Math.max(wanted, options.k); ; depth *= DEEPER) {
      const found = this.#hits(query, this.#candidates(query, depth, options.filter), options);
      if (!options.after || found.rows.length >= options.k || depth >= matching) return found;
    }
  }

  /** Exact scores of given rows, whatever chose them; NaN for rows that are not there. */
  score(query: Matrix, rows: Uint32Array): Float32Array {
    this.#checkQuery(query, { k: 1 });
    const ordinals = rows.map((row) => this.#names.ordinalOf(row));
    const scores = this.#score(
      query,
      ordinals.filter((ordinal) => ordinal !== NO_ROW),
    );
    let at = 0;
    return Float32Array.from(ordinals, (ordinal) => (ordinal === NO_ROW ? Number.NaN : scores[at++]!));
  }

  /** The live documents, copied. */
  parts(): TokenParts {
    const ordinals = this.#ordinals();
    const { width } = this.#store;
    const offsets = new Uint32Array(ordinals.length + 1);
    ordinals.forEach((o, i) => {
      offsets[i + 1] = offsets[i]! + this.#ranges[2 * o + 1]! - this.#ranges[2 * o]!;
    });
    const codes = new Int8Array(offsets.at(-1)! * width);
    const scales = new Float32Array(offsets.at(-1)!);
    ordinals.forEach((o, i) => {
      const [from, to] = [this.#ranges[2 * o]!, this.#ranges[2 * o + 1]!];
      codes.set(this.#store.codes.i8().subarray(from * width, to * width), offsets[i]! * width);
      scales.set(this.#store.scales.f32().subarray(from, to), offsets[i]!);
    });
    return {
      rows: ordinals.map((o) => this.#names.rowAt(o)),
      offsets,
      codes,
      scales,
      encodings: this.#encodings(ordinals),
    };
  }

  /** Takes parts, in an empty index of the same options; trusted to fit together. */
  restore({ rows, offsets, codes, scales, encodings }: TokenParts): void {
    if (rows.length > 0) this.#store.append(codes, scales);
    if (encodings) this.#first?.restore(encodings);
    rows.forEach((row, i) => this.#place(row, offsets[i]!, offsets[i + 1]! - offsets[i]!));
  }

  memory(): readonly { readonly name: string; readonly bytes: number }[] {
    return [
      { name: "tokens: vectors", bytes: this.#store.bytes },
      { name: "tokens: documents", bytes: this.#ranges.byteLength + this.#ids.bytes + this.#names.bytes },
      { name: "tokens: encodings", bytes: this.#first?.bytes ?? 0 },
      { name: "tokens: scratch", bytes: this.#scorer.bytes },
    ];
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
    this.#first?.[Symbol.dispose]();
    this.#scorer[Symbol.dispose]();
  }

  #place(row: number, first: number, count: number): void {
    const ordinal = this.#documents++;
    if (2 * ordinal + 2 > this.#ranges.length) {
      const grown = new Uint32Array(this.#ranges.length * 2);
      grown.set(this.#ranges);
      this.#ranges = grown;
    }
    this.#ranges[2 * ordinal] = first;
    this.#ranges[2 * ordinal + 1] = first + count;
    this.#names.set(ordinal, Uint32Array.of(row));
  }

  #encodings(ordinals: Uint32Array): Uint8Array | undefined {
    if (!this.#first) return undefined;
    const { stride, codes } = this.#first;
    const out = new Uint8Array(ordinals.length * stride);
    ordinals.forEach((o, i) => out.set(codes.subarray(o * stride, (o + 1) * stride), i * stride));
    return out;
  }

  #checkQuery(query: Matrix, { k, space, candidates }: MultiVectorSearchOptions): void {
    const { dim, space: own } = this.options;
    if (query.rows === 0)
      throw new MnemeError("RANGE", "tokens: a query without vectors; ask with at least one");
    checkRows("tokens", dim, query);
    for (const [name, value] of Object.entries({
      k,
      candidates: candidates === "all" ? 1 : (candidates ?? 1),
    }))
      if (!Number.isInteger(value) || value < 1)
        throw new MnemeError("RANGE", `tokens: ${name} must be a whole number from 1, got ${value}`);
    if (space !== undefined && own !== undefined && space !== own)
      throw new MnemeError(
        "SPACE",
        `tokens: the query is of ${space}, the index of ${own}; encode both alike`,
      );
  }

  #candidates(query: Matrix, depth: number, filter: RowSet | undefined): Uint32Array {
    return this.#first!.best(query, depth, (ordinal) => {
      const row = this.#names.rowAt(ordinal);
      return row !== NO_ROW && (!filter || filter.has(row));
    });
  }

  /** Ordinals of the documents that may be found. */
  #ordinals(filter?: RowSet): Uint32Array {
    const found = new Uint32Array(this.#documents);
    let count = 0;
    for (let ordinal = 0; ordinal < this.#documents; ordinal++) {
      const row = this.#names.rowAt(ordinal);
      if (row !== NO_ROW && (!filter || filter.has(row))) found[count++] = ordinal;
    }
    return found.subarray(0, count);
  }

  #rangesOf(ordinals: Uint32Array): Uint32Array {
    const out = new Uint32Array(ordinals.length * 2);
    for (let i = 0; i < ordinals.length; i++) {
      out[2 * i] = this.#ranges[2 * ordinals[i]!]!;
      out[2 * i + 1] = this.#ranges[2 * ordinals[i]! + 1]!;
    }
    return out;
  }

  /** Borrowed until the next call. */
  #score(query: Matrix, ordinals: Uint32Array): Float32Array {
    const { codes, scales } = encodeTokens(query);
    const asked = { codes, factors: scales };
    return this.#scorer.score(asked, this.#store, this.#rangesOf(ordinals), this.#pool());
  }

  #hits(query: Matrix, ordinals: Uint32Array, options: MultiVectorSearchOptions): Hits {
    const scores = this.#score(query, ordinals);
    return bestRows(scores, ordinals.length, (i) => this.#names.rowAt(ordinals[i]!), options);
  }

  #pool(): Pool | undefined {
    return this.options.pool?.pool;
  }
}
