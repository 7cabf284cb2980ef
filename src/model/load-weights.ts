/**
 * The weights of a checkpoint in kernel memory, in several where one is too small. What must be converted is converted here, and kept for the
 * next time; what is read as it stands, kept or out of the checkpoint, is read when a step needs it first. A thread that reads ahead would
 * take its processor time from the cores that compute.
 */
import type { WasmFace } from "../kernels/index.ts";
import type { Precision } from "../weights/linear-weights.ts";
import { fingerprintOf, WeightCache } from "../weights/weight-cache.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import type { Memories } from "./memories.ts";
import { MEMORY_BYTES, scratchBytes, weightBytes } from "./sizes.ts";

export interface WeightCacheOptions {
  /** Folder where converted weights are kept; false: nowhere. Default: $XDG_CACHE_HOME/mneme/weights or ~/.cache/mneme/weights. */
  readonly weightCache?: string | false;
  /** Bytes of that folder at most, the longest unused goes first. Default 8e9. */
  readonly weightCacheBytes?: number;
}

/** Share of the weights that must have been encoded. */
const WORTH_KEEPING = 0.25;

/**
 * A kept file that is damaged is removed and made anew; a folder that cannot be written to keeps nothing.
 * @param checkpoint closed with the weights, or once all is read; also where this throws
 * @throws MnemeError FORMAT naming a tensor that is missing or of another shape, BUDGET
 */
export function loadWeights(
  memories: Memories,
  checkpoint: Checkpoint,
  precision: Precision,
  { weightCache, weightCacheBytes }: WeightCacheOptions,
): DecoderWeights {
  const { config, tensors, files, name } = checkpoint;
  const cache = weightCache === false ? undefined : new WeightCache(weightCache, weightCacheBytes);
  const fingerprint = cache && fingerprintOf(files, { config, precision });
  const stored = fingerprint === undefined ? undefined : cache!.open(fingerprint);
  const weights = new DecoderWeights(memories.face, config, tensors, precision, {
    stored,
    faceFor: placeFor(memories, checkpoint, precision),
    threads: (face) => memories.threads(face),
    whenRead(isKept) {
      // blocks that are taken as they are stored come as fast out of the model's own file
      if (isKept || fingerprint === undefined || weights.encodedBytes < weights.bytes * WORTH_KEEPING) return;
      cache!.remove(fingerprint);
      try {
        cache!.keep(fingerprint, { model: name, precision }, weights.regions());
      } catch {
        // a full disk or a folder of someone else: the model runs without
      }
    },
  });
  if (stored || weights.encodedBytes < weights.bytes * WORTH_KEEPING) return weights;
  try {
    weights.read();
  } catch (error) {
    weights[Symbol.dispose]();
    throw error;
  }
  return weights;
}

/** Where one memory does not hold all, matrices go to others and leave the first one to caches. */
function placeFor(
  memories: Memories,
  { config }: Checkpoint,
  precision: Precision,
): (bytes: number) => WasmFace {
  if (weightBytes(config, precision) + scratchBytes(config) <= MEMORY_BYTES) return () => memories.face;
  return (bytes) => memories.annexFor(bytes);
}
