/**
 * The weights of a checkpoint in kernel memory, in several where one is too small: converted, or as they were kept when it was loaded before.
 * All of them before the model answers: a thread that reads layers behind the back of the first prompt takes the same processor time from the
 * cores that compute it, and the first token comes no sooner.
 */
import { isMnemeError } from "../errors.ts";
import type { WasmFace } from "../kernels/index.ts";
import type { RegionFile } from "../storage/region-file.ts";
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
 * @throws MnemeError FORMAT naming a tensor that is missing or of another shape, BUDGET
 */
export function loadWeights(
  memories: Memories,
  checkpoint: Checkpoint,
  precision: Precision,
  { weightCache, weightCacheBytes }: WeightCacheOptions,
): DecoderWeights {
  const { config, tensors, files, name } = checkpoint;
  const make = (stored?: RegionFile): DecoderWeights =>
    new DecoderWeights(
      memories.face,
      config,
      tensors,
      precision,
      stored,
      placeFor(memories, checkpoint, precision),
      (face) => memories.threads(face),
    );
  if (weightCache === false) return make();
  const cache = new WeightCache(weightCache, weightCacheBytes);
  const fingerprint = fingerprintOf(files, { config, precision });
  const kept = cache.open(fingerprint);
  const known = kept && fromKept(make, kept);
  if (known) return known;
  cache.remove(fingerprint);
  const weights = make();
  // blocks that are taken as they are stored come as fast out of the model's own file
  if (weights.encodedBytes < weights.bytes * WORTH_KEEPING) return weights;
  try {
    cache.keep(fingerprint, { model: name, precision }, weights.regions());
  } catch {
    // a full disk or a folder of someone else: the model runs without
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

/** Undefined where the file is damaged. */
function fromKept(
  make: (stored: RegionFile) => DecoderWeights,
  kept: RegionFile,
): DecoderWeights | undefined {
  using file = kept;
  try {
    return make(file);
  } catch (error) {
    if (isMnemeError(error, "CORRUPT")) return undefined;
    throw error;
  }
}
