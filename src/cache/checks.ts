/** Doors of the cache's parts: what is refused, and how it is said. */
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import type { HeadContext, KvSegment } from "./parts.ts";

/** @throws MnemeError RANGE naming the part's option */
export function checkWhole(part: string, option: string, value: number, least: number): void {
  if (!(Number.isInteger(value) && value >= least))
    throw new MnemeError("RANGE", `${part}: ${option} is ${value}; expected a whole number from ${least}`);
}

/** @throws MnemeError RANGE unless the option lies in [from, to] */
export function checkWithin(part: string, option: string, value: number, from: number, to: number): void {
  if (!(value >= from && value <= to))
    throw new MnemeError("RANGE", `${part}: ${option} is ${value}; expected a number from ${from} to ${to}`);
}

/** @throws MnemeError DIMENSION, NOT_FINITE */
export function checkSegment(part: string, segment: KvSegment): void {
  const { dim, keys, values, positions, counts } = segment;
  const slots = positions.length;
  for (const [name, length, wanted] of [
    ["keys", keys.length, slots * dim],
    ["values", values.length, slots * dim],
    ["counts", counts?.length ?? slots, slots],
  ] as const) {
    if (length !== wanted)
      throw new MnemeError(
        "DIMENSION",
        `${part}: ${slots} slots of ${dim} values have ${length} ${name}, expected ${wanted}`,
      );
  }
  for (const [name, values_] of [
    ["keys", keys],
    ["values", values],
  ] as const) {
    const bad = kernels().findNotFinite(values_);
    if (bad >= 0)
      throw new MnemeError(
        "NOT_FINITE",
        `${part}: ${name} of slot ${Math.floor(bad / dim)} hold ${values_[bad]}; the model's activations are broken`,
      );
  }
}

/** @throws MnemeError NOT_FINITE naming layer and head */
export function checkScores(part: string, { layer, kvHead }: HeadContext, scores: Float32Array): void {
  const bad = kernels().findNotFinite(scores);
  if (bad >= 0)
    throw new MnemeError(
      "NOT_FINITE",
      `${part}: slot ${bad} of head ${kvHead} in layer ${layer} scores ${scores[bad]}; the model's activations are broken`,
    );
}
