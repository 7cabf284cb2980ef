/** Merging of pairs in plain TypeScript. */
import type { KernelFace } from "../face.ts";

const NONE = 0xffff_ffff;

export const merging: Pick<KernelFace, "mergePairs"> = {
  mergePairs(tokens, count, slots) {
    const left = [...tokens.subarray(0, count)];
    for (;;) {
      const merges = left.slice(1).map((right, i) => mergeOf(left[i]!, right, slots));
      const best = Math.min(...merges, NONE);
      if (best === NONE) break;
      left.splice(merges.indexOf(best), 2, best & 0xffff);
    }
    tokens.set(left);
    return left.length;
  },
};

function mergeOf(left: number, right: number, slots: Uint32Array): number {
  const pair = ((left << 16) | right) >>> 0;
  for (let slot = 0; slot < slots.length; slot += 2)
    if (slots[slot + 1] !== NONE && slots[slot] === pair) return slots[slot + 1]!;
  return NONE;
}
