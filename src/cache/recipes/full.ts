/** Every token stays: the baseline of all others. */
import type { CacheCodec } from "../page-codec.ts";
import type { CachePolicy } from "../policy.ts";

/** @param codec default int8 */
export function full(codec: CacheCodec = "int8"): CachePolicy {
  return { name: codec, needs: {}, evicts: false, codec };
}
