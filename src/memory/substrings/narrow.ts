/**
 * The texts of an index that a pattern stands for, each with its rows: followed step by step, branching where a letter may be large or
 * small, as long as the index holds what has been followed.
 */
import type { Cursor, FmIndex } from "../../index/text/fm-index/fm-index.ts";
import type { Pattern } from "./pattern.ts";

/** Steps of following beyond which reading through is no slower. */
const MOST_STEPS = 20_000;

export interface Variant {
  readonly cursor: Cursor;
  /** Bytes of the text. */
  readonly length: number;
}

interface Branch extends Variant {
  readonly step: number;
}

/** @returns nothing where the texts are too many to follow */
export async function narrowAll(index: FmIndex, { steps }: Pattern): Promise<Variant[] | undefined> {
  const found: Variant[] = [];
  const open: Branch[] = [{ cursor: index.start(), length: 0, step: 0 }];
  let taken = 0;
  for (let branch = open.pop(); branch; branch = open.pop()) {
    const { cursor, length, step } = branch;
    if (step === steps.length) {
      found.push({ cursor, length });
      continue;
    }
    for (const more of steps[step]!) {
      if (++taken > MOST_STEPS) return undefined;
      const next = await index.extend(cursor, more);
      if (next.some(({ low, high }) => low < high))
        open.push({ cursor: next, length: length + more.length, step: step + 1 });
    }
  }
  return found;
}
