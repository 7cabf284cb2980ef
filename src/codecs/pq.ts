/**
 * Product quantisation: a row cut into parts, each coded by the nearest of 16 or 256 centroids (Jegou, Douze & Schmid, Product
 * Quantization for Nearest Neighbor Search, 2011), after a rotation where one is wanted (OPQ: Ge et al. 2013). Scores are those of the
 * decoded rows. A row is its codes and nothing else.
 */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { sampleRows } from "../linalg/k-means.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { squareOf } from "../linalg/square.ts";
import { anisotropicCodes, parallelWeight, trainAnisotropic } from "./anisotropic.ts";
import { checkCodes, checkQuery, checkRows } from "./check.ts";
import { type CodeBits, type Codebooks, codeBitsOf, codebooksOf, evenColumns } from "./codebooks.ts";
import type { Codec, Coder, FitOptions, Metric, ScanLayout, Scorer } from "./codec.ts";
import { nearestCodes } from "./pq-encode.ts";
import { trainCodebooks, trainRotation } from "./pq-train.ts";
import {
  learnedRotation,
  noRotation,
  ROTATIONS,
  type RotationKind,
  type RowRotation,
  randomRotation,
} from "./row-rotation.ts";
import { numberOf, ofLength, type SerialHeader, serialize } from "./serial.ts";
import { pairTables, tableLayout, tableScorer } from "./table-scorer.ts";

export interface PqOptions {
  /** Parts that a row is cut into: codes of a row. */
  readonly parts: number;
  /** Bits of a code: 4, which is scanned fast, or 8. Default 8. */
  readonly bits?: CodeBits;
  /** Of rows before they are cut: "random" evens parts out, "opq" learns which columns belong together. Default "none". */
  readonly rotate?: RotationKind;
  /**
   * Codes for high products instead of small distances: those of rows whose cosine with the query is at least this, in whole hundredths
   * below 1. For unit rows and metric "dot"; 0.2 is the paper's. Default: none.
   */
  readonly threshold?: number;
}

/** Rows trained on: so many a centroid, and enough for a rotation. */
const SAMPLE = { perCentroid: 128, perDimension: 16, least: 8192 } as const;

/** @throws MnemeError RANGE; at fit INSUFFICIENT_DATA below 2^bits rows, RANGE for more parts than columns */
export function pq({ parts, bits = 8, rotate = "none", threshold = 0 }: PqOptions): Codec {
  if (bits !== 4 && bits !== 8) throw new MnemeError("RANGE", `pq: bits must be 4 or 8, got ${bits}`);
  if (!Number.isInteger(parts) || parts < 1)
    throw new MnemeError("RANGE", `pq: parts must be a whole number from 1, got ${parts}`);
  const hundredths = Math.round(threshold * 100);
  if (!(threshold >= 0 && hundredths < 100 && Math.abs(hundredths - threshold * 100) < 1e-9))
    throw new MnemeError("RANGE", `pq: threshold must be whole hundredths from 0 to 0.99, got ${threshold}`);
  const weighed = hundredths > 0 ? `-avq${hundredths}` : "";
  const id = `pq${bits}x${parts}${rotate === "none" ? "" : `-${rotate}`}${weighed}`;
  return {
    id,
    needsTraining: true,
    fit: (sample, options = {}) => fitPq(id, { parts, bits, rotate, threshold }, sample, options),
  };
}

function fitPq(id: string, shape: Required<PqOptions>, sample: Matrix, options: FitOptions): PqCoder {
  checkSample(id, shape, sample);
  const { parts, bits, rotate, threshold } = shape;
  const { perCentroid, perDimension, least } = SAMPLE;
  const seed = options.seed ?? 1;
  const most = Math.max(least, perCentroid * 2 ** bits, perDimension * sample.cols);
  const some = sampleRows(sample, most, new Random(seed));
  const rotation = rotationOf(rotate, sample.cols, seed, () => trainRotation(some, { parts, bits }, options));
  const turned = rotation.forward(some);
  const nearest = trainCodebooks(turned, { parts, bits }, options);
  const weight = threshold > 0 ? parallelWeight(sample.cols, threshold) : 1;
  const codebooks = weight > 1 ? trainAnisotropic(turned, nearest, weight, options.signal) : nearest;
  return new PqCoder({ id, dim: sample.cols, seed, codebooks, rotation, threshold });
}

function checkSample(id: string, { parts, bits }: Required<PqOptions>, sample: Matrix): void {
  checkRows(id, sample.cols, sample);
  if (parts > sample.cols)
    throw new MnemeError(
      "RANGE",
      `${id}: ${parts} parts of rows of ${sample.cols} values; take at most one part a value`,
    );
  if (sample.rows < 2 ** bits)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `${id}: ${sample.rows} rows for ${2 ** bits} centroids; fit on more rows, or with 4 bits`,
    );
}

function rotationOf(kind: RotationKind, dim: number, seed: number, learn: () => Float32Array): RowRotation {
  switch (kind) {
    case "none":
      return noRotation;
    case "random":
      return randomRotation(dim, seed);
    case "opq":
      return learnedRotation(dim, learn());
    default:
      return kind satisfies never;
  }
}

export interface PqParameters {
  readonly id: string;
  readonly dim: number;
  readonly seed: number;
  readonly codebooks: Codebooks;
  readonly rotation: RowRotation;
  readonly threshold: number;
}

export class PqCoder implements Coder {
  readonly id: string;
  readonly dim: number;
  readonly blockRows = 1;
  readonly blockBytes: number;
  readonly scan?: ScanLayout;
  readonly #seed: number;
  readonly #codebooks: Codebooks;
  readonly #rotation: RowRotation;
  readonly #threshold: number;
  /** Squared norms of what codes decode to, by bytes of code: tables for `sumTablesF32`. */
  readonly #squares: Float32Array;

  constructor({ id, dim, seed, codebooks, rotation, threshold }: PqParameters) {
    this.id = id;
    this.dim = dim;
    this.blockBytes = codebooks.codeBytes;
    this.#seed = seed;
    this.#codebooks = codebooks;
    this.#rotation = rotation;
    this.#threshold = threshold;
    const squares = codebooks.squares();
    this.#squares = codebooks.bits === 8 ? squares : pairTables(squares);
    const scan =
      codebooks.bits === 4
        ? tableLayout(codebooks.parts.length, this.blockBytes, this.#squaresOf)
        : undefined;
    if (scan) this.scan = scan;
  }

  get parts(): number {
    return this.#codebooks.parts.length;
  }

  get bits(): CodeBits {
    return this.#codebooks.bits;
  }

  get bytes(): number {
    return this.#codebooks.bytes + this.#rotation.bytes + this.#squares.byteLength;
  }

  encode(rows: Matrix): Uint8Array {
    return this.encodeTurned(this.turned(rows));
  }

  decode(codes: Uint8Array, rows: number): Matrix {
    return this.#rotation.backward(this.decodeTurned(codes, rows));
  }

  /** Rows as the codebooks have them: their products with one another are what they were. */
  turned(rows: Matrix): Matrix {
    checkRows(this.id, this.dim, rows);
    return this.#rotation.forward(rows);
  }

  /** @param turned rows as `turned` gives them */
  encodeTurned(turned: Matrix): Uint8Array {
    if (this.#threshold === 0) return nearestCodes(turned, this.#codebooks);
    return anisotropicCodes(turned, this.#codebooks, parallelWeight(this.dim, this.#threshold));
  }

  /** What codes stand for, as the codebooks have it. */
  decodeTurned(codes: Uint8Array, rows: number): Matrix {
    checkCodes(this.id, this.blockBytes, codes, rows);
    const out = matrix(rows, this.dim);
    this.#codebooks.addAll(codes, this.blockBytes, out);
    return out;
  }

  /** Products of a query with all centroids: parts x 2^bits, owned. What a row's codes choose of them sums up to its product with the query. */
  products(query: Float32Array): Float32Array {
    checkQuery(this.id, this.dim, query);
    return this.#codebooks.products(this.#rotation.forward({ rows: 1, cols: this.dim, data: query }).data);
  }

  scorer(query: Float32Array, metric: Metric): Scorer {
    const tables = this.products(query);
    const querySquare = squareOf(query);
    // distances of parts sum up as products do: no norms are needed
    const share = querySquare / this.#codebooks.parts.length;
    if (metric === "l2") toDistances(tables, this.#codebooks.squares(), share);
    return tableScorer({
      tables,
      bits: this.#codebooks.bits,
      stride: this.blockBytes,
      metric: metric === "l2" ? "dot" : metric,
      querySquare,
      squares: this.#squaresOf,
    });
  }

  serialize(): Uint8Array {
    const { bits, parts } = this.#codebooks;
    const { kind, learned } = this.#rotation;
    const header: SerialHeader = {
      id: this.id,
      dim: this.dim,
      bits,
      parts: parts.length,
      rotate: kind,
      seed: this.#seed,
      threshold: this.#threshold,
    };
    return serialize(header, [this.#codebooks.rows(), ...(learned ? [learned] : [])]);
  }

  readonly #squaresOf = (codes: Uint8Array, rows: number, out: Float32Array): void => {
    const data = codes.subarray(0, rows * this.blockBytes);
    const some = { data, count: rows, stride: this.blockBytes };
    kernels().sumTablesF32(this.#squares, some, out.subarray(0, rows));
  };
}

/** Minus squared distances in place of products. @param share of the query's square that each part bears: only their sum is ever used */
function toDistances(tables: Float32Array, squares: Float32Array, share: number): void {
  for (let i = 0; i < tables.length; i++) tables[i] = 2 * tables[i]! - squares[i]! - share;
}

/** @throws MnemeError CORRUPT */
export function restorePq(header: SerialHeader, arrays: readonly Float32Array[]): PqCoder {
  const { id, dim } = header;
  const [parts, seed] = [numberOf(header, "parts"), numberOf(header, "seed")];
  const bits = codeBitsOf(header);
  if (!(Number.isInteger(parts) && parts >= 1 && parts <= dim))
    throw new MnemeError("CORRUPT", `coder: ${parts} parts of ${dim} values in ${id}`);
  const rotate = ROTATIONS.find((kind) => kind === header.rotate);
  if (!rotate) throw new MnemeError("CORRUPT", `coder: rotation ${JSON.stringify(header.rotate)} in ${id}`);
  const codebooks = ofLength(arrays[0], 2 ** bits * dim, "codebooks");
  return new PqCoder({
    id,
    dim,
    seed,
    threshold: numberOf(header, "threshold"),
    codebooks: codebooksOf(bits, evenColumns(dim, parts), codebooks),
    rotation: rotationOf(rotate, dim, seed, () => ofLength(arrays[1], dim * dim, "the rotation")),
  });
}
