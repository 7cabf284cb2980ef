/** Short keys first: they attract attention (Devoto et al., A Simple and Effective L2 Norm-Based Strategy for KV Cache Compression, 2024). */
import { checkScores } from "../checks.ts";
import type { Scorer } from "../parts.ts";

/** @throws score: MnemeError NOT_FINITE */
export function keyNorm(): Scorer {
  return {
    needs: {},
    score(head, out) {
      const { keys, dim } = head.segment();
      for (let s = 0; s < head.slots; s++) {
        let square = 0;
        for (let i = s * dim; i < (s + 1) * dim; i++) square += keys[i]! * keys[i]!;
        out[s] = -Math.sqrt(square);
      }
      checkScores("key norm", head, out);
    },
  };
}
