/** A question asked of the cube: its parts are looked up in the dimensions, to the letter or by meaning, and rows scored by the parts that they cover. */
import type { Embedder } from "../../embed/embedder.ts";
import {
  type CubeHit,
  decompose,
  type EvidenceScale,
  evidenceScale,
  labelKey,
  searchCube,
} from "../../index/cube/index.ts";
import type { RowSet } from "../../index/row-set.ts";
import type { Library } from "../library.ts";
import { dimensionsByMeaning, labelVectors } from "./label-vectors.ts";

export const cubeDefaults = {
  /** Rows of the cube that become candidates. */
  rows: 200,
} as const;

export interface CubeFound {
  /** Ascending. */
  readonly rows: Uint32Array;
  readonly hits: ReadonlyMap<number, CubeHit & { readonly rank: number }>;
  /** Score of the best row, above 0. */
  readonly best: number;
  readonly dimensions: readonly string[];
  /** What the evidence of these hits is measured by. */
  readonly scale: () => EvidenceScale;
}

/** @returns undefined where there is no cube, or none of it answers */
export async function askCube(
  library: Library,
  embedder: Embedder,
  text: string,
  filter: RowSet | undefined,
  signal: AbortSignal | undefined,
): Promise<CubeFound | undefined> {
  const { index } = library.cube;
  if (!index || index.size === 0) return undefined;
  const byMeaning = dimensionsByMeaning(index);
  const components = decompose(index, text, byMeaning);
  if (components.length === 0) return undefined;
  const isOpen = components.some(({ text: part, dimensions }) => {
    const key = labelKey(part);
    return dimensions.every((dimension) => index.count(dimension, key) === 0);
  });
  const { hits } = await searchCube(index, components, {
    k: cubeDefaults.rows,
    vectors: isOpen ? await labelVectors(library, index, embedder, signal) : undefined,
    filter: filter ?? library.live,
    signal,
  });
  if (!hits[0] || hits[0].score <= 0) return undefined;
  return {
    rows: Uint32Array.from(hits, ({ row }) => row).sort(),
    hits: new Map(
      hits.map(({ row, score, covered, reasons }, i) => [row, { row, score, covered, reasons, rank: i + 1 }]),
    ),
    best: hits[0].score,
    dimensions: index.dimensions,
    scale: () => evidenceScale(hits, components, index.size),
  };
}
