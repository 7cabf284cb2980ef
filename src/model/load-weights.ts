/** The weights of a checkpoint in kernel memory: converted, or as they were kept when it was loaded before. */
import { isMnemeError } from "../errors.ts";
import type { Arena } from "../kernels/index.ts";
import type { RegionFile } from "../storage/region-file.ts";
import type { Precision } from "../weights/linear-weights.ts";
import { fingerprintOf, WeightCache } from "../weights/weight-cache.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { DecoderWeights } from "./decoder-weights.ts";

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
  arena: Arena,
  checkpoint: Checkpoint,
  precision: Precision,
  { weightCache, weightCacheBytes }: WeightCacheOptions,
): DecoderWeights {
  const { config, tensors, files, name } = checkpoint;
  if (weightCache === false) return new DecoderWeights(arena, config, tensors, precision);
  const cache = new WeightCache(weightCache, weightCacheBytes);
  const fingerprint = fingerprintOf(files, { config, precision });
  const kept = cache.open(fingerprint);
  const known = kept && fromKept(arena, checkpoint, precision, kept);
  if (known) return known;
  cache.remove(fingerprint);
  const weights = new DecoderWeights(arena, config, tensors, precision);
  // blocks that are taken as they are stored come as fast out of the model's own file
  if (weights.encodedBytes < weights.bytes * WORTH_KEEPING) return weights;
  try {
    cache.keep(fingerprint, { model: name, precision }, weights.regions());
  } catch {
    // a full disk or a folder of someone else: the model runs without
  }
  return weights;
}

/** Undefined where the file is damaged. */
function fromKept(
  arena: Arena,
  { config, tensors }: Checkpoint,
  precision: Precision,
  kept: RegionFile,
): DecoderWeights | undefined {
  using file = kept;
  try {
    return new DecoderWeights(arena, config, tensors, precision, file);
  } catch (error) {
    if (isMnemeError(error, "CORRUPT")) return undefined;
    throw error;
  }
}
