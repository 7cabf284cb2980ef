/** What is not kept is gone. */
import { checkSegment } from "../checks.ts";
import type { Merger } from "../parts.ts";
import { gather } from "./weighted-fold.ts";

/** @throws fold: MnemeError DIMENSION, NOT_FINITE */
export function noMerging(): Merger {
  return {
    fold(segment, keep) {
      checkSegment("eviction", segment);
      return gather(segment, keep);
    },
  };
}
