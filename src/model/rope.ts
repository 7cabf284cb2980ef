/**
 * Rotary positions (Su et al., RoFormer, 2021) with the scalings of longer contexts: linear (Chen et al., Extending Context Window of
 * Large Language Models via Positional Interpolation, 2023), by frequency (Llama 3.1), YaRN (Peng et al., 2023).
 */
import type { Rope } from "./config.ts";

/** Angles a position for each pair of a head's values. */
export function frequenciesOf({ theta, scaling }: Rope, headDim: number): Float64Array {
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  if (!scaling) return plain;
  if (scaling.type === "factors") return plain.map((one, i) => one / scaling.factors[i]!);
  if (scaling.type === "linear") return plain.map((one) => one / scaling.factor);
  if (scaling.type === "llama3") {
    const { factor, low, high, original } = scaling;
    return plain.map((one) => {
      const turns = (original * one) / (2 * Math.PI);
      const share = Math.min(1, Math.max(0, (turns - low) / (high - low)));
      return one * (share + (1 - share) / factor);
    });
  }
  const { factor, original, fast, slow } = scaling;
  const pairOf = (turns: number): number =>
    (headDim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const from = Math.max(0, Math.floor(pairOf(fast)));
  const to = Math.min(headDim - 1, Math.ceil(pairOf(slow)));
  return plain.map((one, i) => {
    const share = Math.min(1, Math.max(0, (i - from) / Math.max(to - from, 0.001)));
    return one * (1 - share + share / factor);
  });
}

/** Writes the cosines, then the sines, of a position's angles. out: headDim values. */
export function writeAngles(frequencies: Float64Array, position: number, out: Float32Array, scale = 1): void {
  const half = frequencies.length;
  for (let i = 0; i < half; i++) {
    const angle = position * frequencies[i]!;
    out[i] = Math.cos(angle) * scale;
    out[half + i] = Math.sin(angle) * scale;
  }
}
