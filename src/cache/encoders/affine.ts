/** Min-max codes: `group` values side by side in a row share a scale and a least value, each a half. */
import { codeBytes, levelAt, packLevels } from "../../codecs/rabitq.ts";
import { fromHalf, toHalf } from "../../half.ts";

export interface AffineCodes {
  readonly bytes: number;
  /** f32, rows as they came in. */
  decode(): Float32Array;
}

/** @param values [rows x length], rows coded one by one */
export function affineCodes(values: Float32Array, length: number, group: number, bits: number): AffineCodes {
  const rows = length === 0 ? 0 : values.length / length;
  const groups = Math.ceil(length / group);
  const stride = codeBytes(length, bits);
  const codes = new Uint8Array(rows * stride);
  const factors = new Uint16Array(rows * groups * 2);
  for (let r = 0; r < rows; r++) {
    const levels: number[] = [];
    for (let g = 0; g < groups; g++) {
      const some = values.subarray(r * length + g * group, r * length + Math.min(length, (g + 1) * group));
      const [low, scale] = rangeOf(some, bits);
      factors.set([low, scale], (r * groups + g) * 2);
      for (const value of some) levels.push(levelIn(value, fromHalf(low), fromHalf(scale), bits));
    }
    packLevels(levels, bits, codes, r * stride);
  }
  return {
    bytes: codes.byteLength + factors.byteLength,
    decode: () =>
      Float32Array.from(values, (_, i) => {
        const [r, at] = [Math.floor(i / length), i % length];
        const factor = (r * groups + Math.floor(at / group)) * 2;
        return (
          fromHalf(factors[factor]!) + fromHalf(factors[factor + 1]!) * levelAt(codes, r * stride, at, bits)
        );
      }),
  };
}

/** Halves: least value, and the step between levels. */
function rangeOf(values: Float32Array, bits: number): [number, number] {
  let [low, high] = [values[0]!, values[0]!];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [toHalf(low), toHalf((high - low) / (2 ** bits - 1))];
}

function levelIn(value: number, low: number, scale: number, bits: number): number {
  return scale > 0 ? Math.max(0, Math.min(2 ** bits - 1, Math.round((value - low) / scale))) : 0;
}
