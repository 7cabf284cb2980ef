/** A dimension filled by names from a list: the longest ones at each place. */
import { labelKey } from "../label.ts";
import { type Counts, count, type Extractor, noCounts } from "./extractor.ts";

/** @param names as they are written; spellings with one key are one name */
export function gazetteer(dimension: string, names: Iterable<string>): Extractor {
  const labels = new Map<string, string>();
  let most = 1;
  for (const name of names) {
    const key = labelKey(name);
    if (key === "" || labels.has(key)) continue;
    labels.set(key, name);
    most = Math.max(most, key.split(" ").length);
  }
  return {
    dimensions: [dimension],
    extract(text) {
      const words = [...text.matchAll(/[\p{L}\p{N}][\p{L}\p{N}.'’/+-]*/gu)];
      const counts: Counts = noCounts();
      for (let at = 0; at < words.length; at++) {
        for (let size = Math.min(most, words.length - at); size > 0; size--) {
          const last = words[at + size - 1]!;
          const label = labels.get(labelKey(text.slice(words[at]!.index, last.index + last[0].length)));
          if (label === undefined) continue;
          count(counts, label);
          at += size - 1;
          break;
        }
      }
      return { [dimension]: counts };
    },
  };
}
