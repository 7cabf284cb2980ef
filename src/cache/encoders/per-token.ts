/** Min-max codes of each token's values by themselves: what values are coded with in KIVI, and the plainest way for keys. */
import { checkWhole } from "../checks.ts";
import { affineCodes } from "./affine.ts";
import { checkBits, checkHeadRows, type RowEncoder } from "./encoder.ts";

export interface GroupOptions {
  readonly bits: number;
  /** Values that share scale and least value; default 64. */
  readonly group?: number;
}

/** @throws MnemeError RANGE; encode: DIMENSION, NOT_FINITE */
export function perToken({ bits, group = 64 }: GroupOptions): RowEncoder {
  const id = `token${bits}-g${group}`;
  checkBits(id, bits);
  checkWhole(id, "group", group, 1);
  return {
    id,
    encode(head) {
      checkHeadRows(id, head);
      return affineCodes(head.rows, head.dim, group, bits);
    },
  };
}
