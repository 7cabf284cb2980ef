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

  /** @param threshold a cosine; default: measured on pairs of the cube's labels @param most labels of a dimension, the most frequent; default all @param dimensions default all @throws what `embed` throws */
  static async of(
    cube: CubeView,
    embed: EmbedLabels,
    options: {
      threshold?: number;
      seed?: number;
      most?: number;
      dimensions?: readonly string[];
      signal?: AbortSignal;
    } = {},
  ): Promise<LabelVectors> {
    const dimensions = new Map<string, Vectors>();
    const samples: Float32Array[] = [];
    let coder: Coder | undefined;
    for (const dimension of options.dimensions ?? cube.dimensions) {
      const keys = mostFrequent(cube, dimension, options.most);
      if (keys.length === 0) continue;
      const kept: string[] = [];
      const rows: Float32Array[] = [];
      for (let at = 0; at < keys.length; at += BATCH) {
        const some = keys.slice(at, at + BATCH);
        const vectors = await embed(
          some.map((key) => cube.labelOf(dimension, key)!),
          options.signal,
        );
        some.forEach((key, i) => {
          const unit = unitOf(rowOf(vectors, i));
          if (unit) {
            kept.push(key);
            rows.push(unit);
          }
        });
      }
      if (rows.length === 0) continue;
      const dim = rows[0]!.length;
      coder ??= int8().fit(matrix(0, dim));
      const all = matrix(rows.length, dim);
      rows.forEach((row, i) => all.data.set(row, i * dim));
      samples.push(...rows.slice(0, PAIRS));
      dimensions.set(dimension, { keys: kept, codes: coder.encode(all) });
    }
    const threshold = options.threshold ?? calibrated(samples, options.seed ?? 1);
    return new LabelVectors(embed, dimensions, coder, threshold);
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

function calibrated(rows: readonly Float32Array[], seed: number): number {
  if (rows.length < 2) return 1;
  const random = new Random(seed);
  const cosines = Float64Array.from({ length: PAIRS }, () => {
    const [a, b] = [rows[random.integer(rows.length)]!, rows[random.integer(rows.length)]!];
    return a === b ? 0 : a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  });
  return cosines.sort()[Math.floor(QUANTILE * PAIRS)]!;
}
