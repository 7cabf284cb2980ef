/**
 * Residual quantisation: each part codes what the parts before it left of the whole row (Chen, Guan & Wang, Approximate Nearest Neighbor
 * Search by Residual Vector Quantization, 2010), found by beam search. It loses less than product quantisation of as many codes, and is
 * slower to encode. A row: its codes, then the upper half of the f32 squared norm of what they decode to, which tables of products do not
 * tell. Codes fall short of their rows: against the rows' own norms cosines of those that are coded badly would be too small.
 */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { panelsOf } from "../kernels/index.ts";
import { kMeans, sampleRows } from "../linalg/k-means.ts";
import { type Matrix, matrix, rowOf, rowsOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { squareOf } from "../linalg/square.ts";
import { Beam } from "./beam.ts";
import { checkCodes, checkQuery, checkRows } from "./check.ts";
import { type CodeBits, Codebooks, codeBitsOf, codebooksOf, type Part, putCode } from "./codebooks.ts";
import type { Codec, Coder, FitOptions, Metric, ScanLayout, Scorer } from "./codec.ts";
import { numberOf, ofLength, type SerialHeader, serialize } from "./serial.ts";
import { tableLayout, tableScorer } from "./table-scorer.ts";

export interface RqOptions {
  /** Codes of a row. */
  readonly parts: number;
  /** Bits of a code: 4, which is scanned fast, or 8. Default 8. */
  readonly bits?: CodeBits;
  /** Candidates that encoding keeps of each row, 1 to 255; default 4. More lose less and take longer. */
  readonly beam?: number;
}

export const rqDefaults = { bits: 8, beam: 4 } as const;

/** Rows trained on: so many a centroid. */
const SAMPLE = { perCentroid: 64, least: 4096 } as const;
const ITERATIONS = 12;
const TOLERANCE = 1e-3;
const BLOCK_ROWS = 256;
const SQUARE_BYTES = 2;

/** @throws MnemeError RANGE; at fit INSUFFICIENT_DATA below 2^bits rows */
export function rq({ parts, bits = rqDefaults.bits, beam = rqDefaults.beam }: RqOptions): Codec {
  checkRq({ parts, bits, beam });
  const id = `rq${bits}x${parts}${beam === rqDefaults.beam ? "" : `-beam${beam}`}`;
  return {
    id,
    needsTraining: true,
    fit: (sample, options = {}) => {
      checkRows(id, sample.cols, sample);
      if (sample.rows < 2 ** bits)
        throw new MnemeError(
          "INSUFFICIENT_DATA",
          `${id}: ${sample.rows} rows for ${2 ** bits} centroids; fit on more rows, or with 4 bits`,
        );
      return new RqCoder(id, sample.cols, beam, train(sample, { parts, bits, beam }, options));
    },
  };
}

/** @throws MnemeError RANGE */
function checkRq({ parts, bits, beam }: Required<RqOptions>): void {
  if (bits !== 4 && bits !== 8) throw new MnemeError("RANGE", `rq: bits must be 4 or 8, got ${bits}`);
  for (const [name, value, most] of [
    ["parts", parts, 65_535],
    ["beam", beam, 255],
  ] as const) {
    if (!Number.isInteger(value) || value < 1 || value > most)
      throw new MnemeError("RANGE", `rq: ${name} must be a whole number from 1 to ${most}, got ${value}`);
  }
}

/** Part by part, each on what the best codes of the parts before leave. */
function train(sample: Matrix, { parts, bits, beam }: Required<RqOptions>, options: FitOptions): Codebooks {
  const seed = options.seed ?? 1;
  const size = 2 ** bits;
  const some = sampleRows(sample, Math.max(SAMPLE.least, SAMPLE.perCentroid * size), new Random(seed));
  const search = new Beam(some, beam);
  const all: Part[] = [];
  for (let part = 0; part < parts; part++) {
    throwIfAborted(options.signal, "rq");
    const { centroids } = kMeans(search.residuals(), size, {
      seed: seed + part,
      iterations: ITERATIONS,
      tolerance: TOLERANCE,
    });
    const panels = panelsOf(centroids.data, sample.cols);
    all.push({ start: 0, panels });
    search.step(panels, size);
  }
  return new Codebooks(bits, all);
}

export class RqCoder implements Coder {
  readonly id: string;
  readonly dim: number;
  readonly blockRows = 1;
  readonly blockBytes: number;
  readonly scan?: ScanLayout;
  readonly #beam: number;
  readonly #codebooks: Codebooks;

  constructor(id: string, dim: number, beam: number, codebooks: Codebooks) {
    this.id = id;
    this.dim = dim;
    this.blockBytes = codebooks.codeBytes + SQUARE_BYTES;
    this.#beam = beam;
    this.#codebooks = codebooks;
    const { bits, parts } = codebooks;
    const scan = bits === 4 ? tableLayout(parts.length, this.blockBytes, this.#squaresOf) : undefined;
    if (scan) this.scan = scan;
  }

  get bytes(): number {
    return this.#codebooks.bytes;
  }

  encode(rows: Matrix): Uint8Array {
    checkRows(this.id, this.dim, rows);
    const codes = new Uint8Array(rows.rows * this.blockBytes);
    for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
      const last = Math.min(rows.rows, first + BLOCK_ROWS);
      this.#encodeSome(rowsOf(rows, first, last), codes.subarray(first * this.blockBytes));
    }
    return codes;
  }

  #encodeSome(rows: Matrix, codes: Uint8Array): void {
    const { parts, bits, size } = this.#codebooks;
    const search = new Beam(rows, this.#beam);
    for (const { panels } of parts) search.step(panels, size);
    const [found, left] = [search.codes(), search.residuals()];
    const square = new Float32Array(1);
    const halves = new Uint16Array(square.buffer);
    for (let r = 0; r < rows.rows; r++) {
      const at = r * this.blockBytes;
      for (let p = 0; p < parts.length; p++) putCode(codes, at, p, bits, found[r * parts.length + p]!);
      square[0] = squareOf(rowOf(rows, r).map((value, i) => value - rowOf(left, r)[i]!));
      const half = Math.min(0xffff, halves[1]! + (halves[0]! >> 15));
      codes[at + this.blockBytes - 2] = half & 255;
      codes[at + this.blockBytes - 1] = half >> 8;
    }
  }

  decode(codes: Uint8Array, rows: number): Matrix {
    checkCodes(this.id, this.blockBytes, codes, rows);
    const out = matrix(rows, this.dim);
    this.#codebooks.addAll(codes, this.blockBytes, out);
    return out;
  }

  scorer(query: Float32Array, metric: Metric): Scorer {
    checkQuery(this.id, this.dim, query);
    return tableScorer({
      tables: this.#codebooks.products(query),
      bits: this.#codebooks.bits,
      stride: this.blockBytes,
      metric,
      querySquare: squareOf(query),
      squares: this.#squaresOf,
    });
  }

  serialize(): Uint8Array {
    const { bits, parts } = this.#codebooks;
    const header = { id: this.id, dim: this.dim, bits, parts: parts.length, beam: this.#beam };
    return serialize(header, [this.#codebooks.rows()]);
  }

  readonly #squaresOf = (codes: Uint8Array, rows: number, out: Float32Array): void => {
    const halves = new Uint16Array(out.buffer, out.byteOffset, 2 * rows);
    for (let r = 0; r < rows; r++) {
      const end = (r + 1) * this.blockBytes;
      halves[2 * r] = 0;
      halves[2 * r + 1] = codes[end - 2]! | (codes[end - 1]! << 8);
    }
  };
}

/** @throws MnemeError CORRUPT, RANGE */
export function restoreRq(header: SerialHeader, arrays: readonly Float32Array[]): RqCoder {
  const { id, dim } = header;
  const bits = codeBitsOf(header);
  const [parts, beam] = [numberOf(header, "parts"), numberOf(header, "beam")];
  checkRq({ parts, bits, beam });
  const rows = ofLength(arrays[0], parts * 2 ** bits * dim, "codebooks");
  const columns = Array.from({ length: parts }, () => ({ start: 0, width: dim }));
  return new RqCoder(id, dim, beam, codebooksOf(bits, columns, rows));
}
