/** Labels by meaning: those of a dimension whose vectors are near a component's. Vectors are int8. */
import type { Coder } from "../../codecs/codec.ts";
import { int8 } from "../../codecs/int8.ts";
import { type Matrix, matrix, rowOf } from "../../linalg/matrix.ts";
import { Random } from "../../linalg/random.ts";
import { isNumeric } from "./label.ts";
import type { CubeView } from "./view.ts";

/** One row a text; zero rows for texts that have no vector. */
export type EmbedLabels = (texts: readonly string[], signal?: AbortSignal) => Promise<Matrix>;

export interface SimilarLabel {
  readonly dimension: string;
  readonly key: string;
  readonly cosine: number;
}

interface Vectors {
  readonly keys: readonly string[];
  readonly codes: Uint8Array;
}

/** Of pairs of labels that have nothing to do with each other this share is less alike than what counts as similar. */
const QUANTILE = 0.99;
const PAIRS = 2000;
const BATCH = 512;
/** Similar labels of one component, at most: of many the best are enough. */
const MOST_SIMILAR = 10;

export class LabelVectors {
  readonly #embed: EmbedLabels;
  readonly #dimensions: ReadonlyMap<string, Vectors>;
  readonly #coder: Coder | undefined;
  /** Cosine from which labels count as similar. */
  readonly threshold: number;

  private constructor(
    embed: EmbedLabels,
    dimensions: ReadonlyMap<string, Vectors>,
    coder: Coder | undefined,
    threshold: number,
  ) {
    this.#embed = embed;
    this.#dimensions = dimensions;
    this.#coder = coder;
    this.threshold = threshold;
  }

  /** @param threshold a cosine; default: measured on pairs of the cube's labels @param most labels of a dimension, the most frequent; default all @param dimensions default all @param known vectors of an earlier state of the cube by the same `embed`: labels that they have are not embedded again @throws what `embed` throws */
  static async of(
    cube: CubeView,
    embed: EmbedLabels,
    options: {
      threshold?: number;
      seed?: number;
      most?: number;
      dimensions?: readonly string[];
      known?: LabelVectors;
      signal?: AbortSignal;
    } = {},
  ): Promise<LabelVectors> {
    const dimensions = new Map<string, Vectors>();
    const { known } = options;
    let coder: Coder | undefined = known ? known.#coder : undefined;
    for (const dimension of options.dimensions ?? cube.dimensions) {
      const keys = mostFrequent(cube, dimension, options.most);
      const codes = new Map(known ? known.#codesOf(dimension) : []);
      const open = keys.filter((key) => !codes.has(key));
      for (let at = 0; at < open.length; at += BATCH) {
        const some = open.slice(at, at + BATCH);
        const labels = some.map((key) => cube.labelOf(dimension, key)!);
        const vectors = await embed(labels, options.signal);
        coder ??= int8().fit(matrix(0, vectors.cols));
        some.forEach((key, i) => {
          const unit = unitOf(rowOf(vectors, i));
          if (unit) codes.set(key, coder!.encode(matrix(1, unit.length, unit)));
        });
      }
      const kept = keys.filter((key) => codes.has(key));
      if (kept.length > 0)
        dimensions.set(dimension, { keys: kept, codes: joined(kept.map((key) => codes.get(key)!)) });
    }
    const threshold = options.threshold ?? calibrated(sampleOf(dimensions, coder), options.seed ?? 1);
    return new LabelVectors(embed, dimensions, coder, threshold);
  }

  /** Codes of the labels that have some. */
  *#codesOf(dimension: string): Generator<[key: string, codes: Uint8Array]> {
    const { keys, codes } = this.#dimensions.get(dimension) ?? { keys: [], codes: new Uint8Array(0) };
    const stride = codes.length / keys.length;
    for (const [i, key] of keys.entries()) yield [key, codes.subarray(i * stride, (i + 1) * stride)];
  }

  get bytes(): number {
    let bytes = 0;
    for (const { codes } of this.#dimensions.values()) bytes += codes.byteLength;
    return bytes;
  }

  /** Labels that are similar to each text in some dimensions, the most similar first. Numbers are similar to nothing. */
  async similar(
    texts: readonly { readonly text: string; readonly dimensions: readonly string[] }[],
    signal?: AbortSignal,
  ): Promise<SimilarLabel[][]> {
    const coder = this.#coder;
    if (!coder || texts.length === 0) return texts.map(() => []);
    const vectors = await this.#embed(
      texts.map(({ text }) => text),
      signal,
    );
    return texts.map(({ text, dimensions }, i) => {
      const unit = isNumeric(text) ? undefined : unitOf(rowOf(vectors, i));
      if (!unit) return [];
      const scorer = coder.scorer(unit, "cosine");
      const found = dimensions.flatMap((dimension) => {
        const { keys, codes } = this.#dimensions.get(dimension) ?? { keys: [], codes: new Uint8Array(0) };
        const scores = new Float32Array(keys.length);
        scorer.score(codes, 0, keys.length, scores);
        return keys.flatMap((key, at) =>
          scores[at]! >= this.threshold ? [{ dimension, key, cosine: scores[at]! }] : [],
        );
      });
      return found.sort((a, b) => b.cosine - a.cosine).slice(0, MOST_SIMILAR);
    });
  }
}

/** Keys that are no numbers. */
function mostFrequent(cube: CubeView, dimension: string, most = Number.POSITIVE_INFINITY): string[] {
  const keys = [...cube.keys(dimension)].filter((key) => !isNumeric(key));
  if (keys.length <= most) return keys;
  const counted = keys.map((key) => ({ key, count: cube.count(dimension, key) }));
  counted.sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
  return counted.slice(0, most).map(({ key }) => key);
}

function unitOf(vector: Float32Array): Float32Array | undefined {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((value) => value / length) : undefined;
}

function joined(codes: readonly Uint8Array[]): Uint8Array {
  const stride = codes[0]!.length;
  const all = new Uint8Array(codes.length * stride);
  codes.forEach((one, i) => {
    all.set(one, i * stride);
  });
  return all;
}

/** Vectors of some labels of each dimension, as their codes have them: whether they were embedded now or before makes no difference. */
function sampleOf(dimensions: ReadonlyMap<string, Vectors>, coder: Coder | undefined): Float32Array[] {
  return [...dimensions.values()].flatMap(({ keys, codes }) => {
    const count = Math.min(keys.length, PAIRS);
    const rows = coder!.decode(codes.subarray(0, count * (codes.length / keys.length)), count);
    return Array.from({ length: count }, (_, i) => unitOf(rowOf(rows, i)) ?? rowOf(rows, i));
  });
}

function calibrated(rows: readonly Float32Array[], seed: number): number {
  if (rows.length < 2) return 1;
  const random = new Random(seed);
  const cosines = Float64Array.from({ length: PAIRS }, () => {
    const [a, b] = [rows[random.integer(rows.length)]!, rows[random.integer(rows.length)]!];
    return a === b ? 0 : a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  });
  return cosines.sort()[Math.floor(QUANTILE * PAIRS)]!;
}
