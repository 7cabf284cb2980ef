/** shard-texts: what a worker makes of the texts of a segment, so that substrings of them can be looked for. */
import { memorySegment, type Parts } from "../../index/segment.ts";
import { buildSubstrings, type TextToShard } from "../../index/text/substring-shards.ts";
import { Pacer } from "../../pacer.ts";
import { Budget } from "../../storage/budget.ts";
import { SegmentItems } from "../items-kind.ts";
import { PageCache } from "../page-cache.ts";
import { SUBSTRINGS } from "../substrings/substrings.ts";
import type { TaskControl } from "./tasks.ts";

/** Blocks of texts that several items share. */
const CACHE_BYTES = 1 << 20;

/** Shards of all texts of a segment. @throws MnemeError CANCELLED */
export async function shardTexts(
  { count, parts }: { readonly count: number; readonly parts: Parts },
  { signal, onRows }: TaskControl,
): Promise<Parts> {
  const under = new Map([...parts].map(([name, bytes]) => [name.slice("items/".length), bytes]));
  using cache = new PageCache(new Budget(CACHE_BYTES), CACHE_BYTES);
  const items = await SegmentItems.open(memorySegment(0, { base: 0, count, ids: null }, under), cache);
  const made = await buildSubstrings(textsOf(items), {
    ...(signal ? { signal } : {}),
    ...(onRows ? { onTexts: onRows } : {}),
  });
  return new Map([...made].map(([name, bytes]) => [SUBSTRINGS + name, bytes]));
}

/** The thread hears between two texts that it shall stop. */
async function* textsOf(items: SegmentItems): AsyncGenerator<TextToShard> {
  const pacer = new Pacer();
  for (let item = 0; item < items.count; item++) {
    if (pacer.isDue) await pacer.pause();
    yield { length: items.textLength(item), read: (start, end) => items.text(item, start, end) };
  }
}
