/** Vectors of the labels of a library's cube: made behind the writes, so that no search waits for them; one that comes first makes them itself. */
import type { Embedder } from "../../embed/embedder.ts";
import { ALIAS, LabelVectors, type SegmentedCube, WORD } from "../../index/cube/index.ts";
import type { Library } from "../library.ts";

/** Labels of a dimension that are known by meaning, the most frequent first: bounds RAM. */
const MOST_LABELS = 5_000;
/** Labels are looked through anew when there are so many times more. */
const GROWTH = 1.1;

/** Single words are left to the words index and the embedder where they match nothing; initials have no meaning to be alike in. */
export function dimensionsByMeaning(index: SegmentedCube): string[] {
  return index.dimensions.filter((dimension) => dimension !== WORD && dimension !== ALIAS);
}

/** Whether labels came, or the embedder went, since the vectors were made. */
export function needsLabelVectors({ cube: { index, vectors } }: Library, embedder: Embedder): boolean {
  if (!index || index.size === 0) return false;
  const isKnown = vectors?.of === index && vectors.embedder === embedder;
  return !isKnown || index.labelCount > vectors.labels * GROWTH;
}

/** Only labels that have no vectors yet are embedded. @throws MnemeError CANCELLED; what the embedder throws */
export async function labelVectors(
  library: Library,
  index: SegmentedCube,
  embedder: Embedder,
  signal: AbortSignal | undefined,
): Promise<LabelVectors> {
  const before = library.cube.vectors;
  if (before && !needsLabelVectors(library, embedder)) return before.vectors;
  const labels = index.labelCount;
  const embed = (texts: readonly string[], cancel?: AbortSignal): ReturnType<Embedder["embed"]> =>
    embedder.embed(texts, cancel ? { signal: cancel } : {});
  const vectors = await LabelVectors.of(index, embed, {
    most: MOST_LABELS,
    dimensions: dimensionsByMeaning(index),
    ...(before?.embedder === embedder ? { known: before.vectors } : {}),
    ...(signal ? { signal } : {}),
  });
  library.cube.vectors = { of: index, embedder, labels, vectors };
  library.account();
  return vectors;
}
