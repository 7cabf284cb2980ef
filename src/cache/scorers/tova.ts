/**
 * What the newest token alone looks at, by the mean of all heads of a layer (Oren et al., Transformers are Multi-State RNNs, 2024). A
 * head's score is the mean of its group; the layer's is made by `shareAcrossLayer`.
 */
import { checkScores } from "../checks.ts";
import type { LayerScorer } from "./across-layer.ts";
import { votesOf } from "./window-attention.ts";

/** @throws score: MnemeError NOT_FINITE */
export function tova(): LayerScorer {
  return {
    across: "layer",
    needs: { windowQueries: 1 },
    score(head, out) {
      votesOf(head, out);
      checkScores("tova", head, out);
    },
  };
}
