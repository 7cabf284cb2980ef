/** Test support: what batch n of the crash test writes follows from n alone, so the state after n batches can be computed. */
import type { Batch } from "../store.ts";
import { contentOf, randomNumbers } from "./library.ts";

const KEYS = 60;

type Change = { readonly key: number; readonly bytes: number | undefined };

function changesOf(n: number): Change[] {
  const random = randomNumbers(n);
  return Array.from({ length: 1 + Math.floor(random() * 20) }, () => {
    const key = Math.floor(random() * KEYS);
    const size = random() < 0.2 ? 65_504 : Math.floor(random() * 3000);
    return { key, bytes: random() < 0.25 ? undefined : size };
  });
}

export function fillBatch(batch: Batch, n: number): void {
  for (const { key, bytes } of changesOf(n)) {
    if (bytes === undefined) batch.delete("crash", [key]);
    else batch.put("crash", [key], contentOf([key, n], bytes));
  }
}

/** Key -> content after batches 1 to n. */
export function stateAfter(n: number): Map<number, Uint8Array> {
  const last = new Map<number, { readonly batch: number; readonly bytes: number }>();
  for (let i = 1; i <= n; i++)
    for (const { key, bytes } of changesOf(i)) {
      if (bytes === undefined) last.delete(key);
      else last.set(key, { batch: i, bytes });
    }
  return new Map([...last].map(([key, { batch, bytes }]) => [key, contentOf([key, batch], bytes)]));
}
