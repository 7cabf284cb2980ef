/**
 * Recurrent binary embeddings as a codec (Gan et al., KDD 2023): B = 1, 2 or 4 bits in each of `width` dimensions, from a small network
 * that is trained (mneme/train: trainRbe) or begins from principal directions. A row is its packed levels and nothing else: codes hold
 * directions, and metrics other than the cosine take all rows as of the sample's mean length. Queries stay floats, or with `symmetric`
 * are coded as rows are. Codes know their version: queries of another one are refused unless they were trained to match.
 */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { squareOf } from "../linalg/square.ts";
import { crc32 } from "../storage/crc32.ts";
import { checkCodes, checkQuery, checkRows } from "./check.ts";
import type { Codec, Coder, Metric, ScanLayout, Scorer } from "./codec.ts";
import { levelAt, packLevels } from "./rabitq.ts";
import {
  levelsOf,
  linear,
  partsOfRbe,
  type RbeBits,
  type RbeShape,
  type RbeWeights,
  untrainedWeights,
  valuesOf,
} from "./rbe-net.ts";
import { RbeScores } from "./rbe-score.ts";
import { numberOf, type SerialHeader, serialize } from "./serial.ts";

export interface RbeOptions {
  /** Bits a dimension: 1, 2 or 4. */
  readonly bits: RbeBits;
  /** Dimensions of a code; width x bits fills whole bytes. */
  readonly width: number;
  /** Whether queries are coded too: the symmetric distance of the paper. Default false. */
  readonly symmetric?: boolean;
  /** What `fit` returns in place of an untrained coder: one that was trained. */
  readonly trained?: RbeCoder;
}

export interface RbeParameters extends RbeShape {
  readonly symmetric: boolean;
  readonly weights: RbeWeights;
  /** Mean length of rows, which codes do not hold. */
  readonly length: number;
  /** Name of the code that these weights write. */
  readonly version: string;
  /** Older versions that it was trained to match: queries of each may be scored against codes of the other. */
  readonly answers: readonly string[];
}

/** @throws MnemeError RANGE; at fit INSUFFICIENT_DATA, NOT_FINITE, DIMENSION where a trained coder is for other rows */
export function rbe({ bits, width, symmetric = false, trained }: RbeOptions): Codec {
  checkShape(bits, width);
  return {
    id: idOf({ bits, width, symmetric }),
    needsTraining: trained === undefined,
    fit(sample, options) {
      if (trained) return fitting(trained, sample.cols, { bits, width });
      checkRows("rbe", sample.cols, sample);
      if (sample.rows < 2)
        throw new MnemeError(
          "INSUFFICIENT_DATA",
          `rbe: ${sample.rows} rows; fit on 2 at least, or give a trained coder`,
        );
      const shape = { dim: sample.cols, width, bits };
      const weights = untrainedWeights(sample, shape, options);
      const { buffer } = weights.project!.slice();
      const version = `untrained-${crc32(new Uint8Array(buffer)).toString(16)}`;
      return new RbeCoder({ ...shape, symmetric, weights, length: meanLength(sample), version, answers: [] });
    },
  };
}

function fitting(coder: RbeCoder, dim: number, { bits, width }: Omit<RbeShape, "dim">): RbeCoder {
  if (coder.dim === dim && coder.bits === bits && coder.width === width) return coder;
  throw new MnemeError(
    "DIMENSION",
    `rbe: a trained coder of ${coder.bits} x ${coder.width} bits for rows of ${coder.dim} values, asked to be ${bits} x ${width} for ${dim}; train one for that`,
  );
}

const idOf = ({ bits, width, symmetric }: Omit<RbeOptions, "trained">): string =>
  `rbe${bits}x${width}${symmetric ? "-sym" : ""}`;

/** @throws MnemeError RANGE */
export function checkShape(bits: number, width: number): void {
  if (bits !== 1 && bits !== 2 && bits !== 4)
    throw new MnemeError("RANGE", `rbe: bits must be 1, 2 or 4, got ${bits}`);
  if (!Number.isInteger(width) || width < 1 || (width * bits) % 8 !== 0)
    throw new MnemeError(
      "RANGE",
      `rbe: ${width} dimensions of ${bits} bits; they must fill whole bytes: take a multiple of ${8 / bits}`,
    );
}

export function meanLength({ rows, cols, data }: Matrix): number {
  let sum = 0;
  for (let r = 0; r < rows; r++) sum += Math.sqrt(squareOf(data.subarray(r * cols, (r + 1) * cols)));
  return sum > 0 ? sum / rows : 1;
}

export class RbeCoder implements Coder {
  readonly id: string;
  readonly dim: number;
  readonly width: number;
  readonly bits: RbeBits;
  /** Whether bits settle, as `trainSettledRbe` trains them. */
  readonly settled: boolean;
  readonly version: string;
  /** Older versions that it was trained to match: queries of each may be scored against codes of the other. */
  readonly answers: readonly string[];
  readonly blockRows = 1;
  readonly blockBytes: number;
  readonly scan?: ScanLayout;
  readonly bytes: number;
  readonly #given: RbeParameters;
  readonly #scores: RbeScores;

  constructor(given: RbeParameters) {
    const { bits, width, dim, version, answers, weights } = given;
    checkShape(bits, width);
    this.id = idOf(given);
    this.dim = dim;
    this.width = width;
    this.bits = bits;
    this.settled = given.settled === true;
    this.version = version;
    this.answers = answers;
    this.blockBytes = (width * bits) / 8;
    this.bytes = Object.values(weights).reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#given = given;
    this.#scores = new RbeScores(bits, width, given.length);
    if (this.#scores.layout) this.scan = this.#scores.layout;
  }

  get weights(): RbeWeights {
    return this.#given.weights;
  }

  /** The same network with queries coded, or not. */
  as({ symmetric }: { readonly symmetric: boolean }): RbeCoder {
    return new RbeCoder({ ...this.#given, symmetric });
  }

  encode(rows: Matrix): Uint8Array {
    checkRows(this.id, this.dim, rows);
    const levels = levelsOf(this.weights, this, rows);
    const codes = new Uint8Array(rows.rows * this.blockBytes);
    for (let r = 0; r < rows.rows; r++)
      packLevels(
        levels.subarray(r * this.width, (r + 1) * this.width),
        this.bits,
        codes,
        r * this.blockBytes,
      );
    return codes;
  }

  decode(codes: Uint8Array, rows: number): Matrix {
    checkCodes(this.id, this.blockBytes, codes, rows);
    const levels = new Uint8Array(rows * this.width);
    for (let i = 0; i < levels.length; i++)
      levels[i] = levelAt(codes, Math.floor(i / this.width) * this.blockBytes, i % this.width, this.bits);
    const out = linear(this.weights, "decode", valuesOf(levels, this.width, this.bits));
    kernels().normalizeF32(out.data, this.dim);
    for (let i = 0; i < out.data.length; i++) out.data[i]! *= this.#given.length;
    return out;
  }

  scorer(query: Float32Array, metric: Metric): Scorer {
    return this.scorerOf(this, query, metric);
  }

  /**
   * Scores codes of another version, those that `codes` writes.
   * @throws MnemeError VERSION unless one of both was trained to match the other, DIMENSION where this code is narrower or has other bits
   */
  scorerOf(codes: RbeCoder, query: Float32Array, metric: Metric): Scorer {
    checkQuery(this.id, this.dim, query);
    this.#checkVersion(codes);
    const row = matrix(1, this.dim, query.slice());
    kernels().normalizeF32(row.data, this.dim);
    const length = Math.sqrt(squareOf(query));
    const scores = codes.#scores;
    if (this.#given.symmetric)
      return scores.symmetric(levelsOf(this.weights, this, row).subarray(0, codes.width), length, metric);
    const asked = linear(this.weights, "ask", row).data.subarray(0, codes.width);
    return scores.asymmetric(asked, length, metric);
  }

  #checkVersion(codes: RbeCoder): void {
    const isMatched = this.answers.includes(codes.version) || codes.answers.includes(this.version);
    if (codes.version !== this.version && !isMatched)
      throw new MnemeError(
        "VERSION",
        `rbe: a query of version "${this.version}" against codes of version "${codes.version}"; neither was trained to match the other: train one with compatibleWith, or encode the rows again`,
      );
    if (codes.bits !== this.bits || codes.width > this.width)
      throw new MnemeError(
        "DIMENSION",
        `rbe: a query of ${this.width} dimensions of ${this.bits} bits against codes of ${codes.width} of ${codes.bits}; queries may be wider, with as many bits`,
      );
  }

  serialize(): Uint8Array {
    const { symmetric, length, version, answers, weights } = this.#given;
    const { id, dim, width, bits, settled } = this;
    const header: SerialHeader = {
      id,
      dim,
      width,
      bits,
      symmetric,
      length,
      version,
      answers,
      ...(settled ? { settled } : {}),
    };
    const names = partsOfRbe(this).flatMap(([name]) => [name, `${name}Bias`]);
    return serialize(
      header,
      names.map((name) => weights[name]!),
    );
  }
}

/** @throws MnemeError CORRUPT */
export function restoreRbe(header: SerialHeader, arrays: readonly Float32Array[]): RbeCoder {
  const { dim, bits, symmetric, version, answers } = header;
  if ((bits !== 1 && bits !== 2 && bits !== 4) || !Array.isArray(answers))
    throw new MnemeError(
      "CORRUPT",
      `rbe: ${bits} bits, answers ${JSON.stringify(answers)} of a serialised coder`,
    );
  const shape: RbeShape = {
    dim,
    width: numberOf(header, "width"),
    bits,
    settled: header.settled === true,
  };
  const weights: Record<string, Float32Array> = {};
  partsOfRbe(shape).forEach(([name, outputs, inputs], i) => {
    const [values, bias] = [arrays[2 * i], arrays[2 * i + 1]];
    if (values?.length !== outputs * inputs || bias?.length !== outputs)
      throw new MnemeError("CORRUPT", `rbe: ${name} of a serialised coder is not ${outputs} x ${inputs}`);
    weights[name] = values;
    weights[`${name}Bias`] = bias;
  });
  return new RbeCoder({
    ...shape,
    symmetric: symmetric === true,
    weights,
    length: numberOf(header, "length"),
    version: String(version),
    answers: answers.map(String),
  });
}
