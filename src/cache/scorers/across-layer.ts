/** Scores that all heads of a layer share, so that they keep the same tokens: each head's own, averaged. */
import { MnemeError } from "../../errors.ts";
import type { Scorer } from "../parts.ts";

/** A scorer whose heads are averaged by `shareAcrossLayer` once all of a layer are scored. */
export interface LayerScorer extends Scorer {
  readonly across: "layer";
}

export function isLayerScorer(scorer: Scorer): scorer is LayerScorer {
  return (scorer as Partial<LayerScorer>).across === "layer";
}

/** Replaces the scores of a layer's heads by their mean, in place. @throws MnemeError DIMENSION where heads have different slots */
export function shareAcrossLayer(scores: readonly Float32Array[]): void {
  const slots = scores[0]?.length ?? 0;
  const other = scores.find(({ length }) => length !== slots);
  if (other)
    throw new MnemeError(
      "DIMENSION",
      `scores of a layer: heads have ${slots} and ${other.length} slots; a layer's scores need heads of one length`,
    );
  for (let s = 0; s < slots; s++) {
    const mean = scores.reduce((sum, head) => sum + head[s]!, 0) / scores.length;
    for (const head of scores) head[s] = mean;
  }
}
