/**
 * Themes: what a document is about, as runs of content words between the small ones (after Rose et al., Automatic Keyword Extraction from Individual
 * Documents, 2010), and their parts: how often a run occurs x how long it is.
 */
import { labelKey } from "../label.ts";
import type { Extractor } from "./extractor.ts";

export const themeDefaults = {
  /** Labels of a document, at most. */
  most: 40,
  /** Words of a label, at most. */
  words: 3,
} as const;

const SMALL = new Set(
  "a an the of in on at to for from by with without and or nor not no is are was were be been being am do does did done doing has have had having can could may might must shall should will would that this these those it its they them their theirs he him his she her hers we us our ours you your yours i me my mine what which who whom whose when where why how much many more most some any all each both few other others another such only own same so than too very just into onto about between among through during before after above below up down out off over under again further then once if because as until while also there here however thus therefore hence although though whereas per via et al eg ie e.g i.e etc within upon toward towards against across along around since like unlike near e.g. i.e. et al. one two three first second new well either neither whether yet still even ever never often now already been least less".split(
    " ",
  ),
);

export function themes(
  options: { readonly dimension?: string; readonly most?: number; readonly words?: number } = {},
): Extractor {
  const { dimension = "theme", most = themeDefaults.most, words = themeDefaults.words } = options;
  return {
    dimensions: [dimension],
    extract(text) {
      const found = new Map<string, { label: string; times: number; words: number }>();
      for (const run of runsOf(text)) {
        for (let from = 0; from < run.length; from++)
          for (let size = 1; size <= Math.min(words, run.length - from); size++) {
            const label = run.slice(from, from + size).join(" ");
            const key = labelKey(label);
            if (key.length < 3) continue;
            const there = found.get(key);
            if (there) there.times++;
            else found.set(key, { label, times: 1, words: size });
          }
      }
      // long runs are rare: each is worth its words
      const weight = ({ times, words: size }: { times: number; words: number }): number =>
        (times - (size > 1 ? 0 : 0.5)) * (1 + Math.log(size + 1));
      const best = [...found.values()].sort((a, b) => weight(b) - weight(a) || (a.label < b.label ? -1 : 1));
      return {
        [dimension]: Object.fromEntries(best.slice(0, most).map(({ label, times }) => [label, times])),
      };
    },
  };
}

/** Runs of content words, in small letters. */
function runsOf(text: string): string[][] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}\s'’/-]+|\s-+\s/u)
    .flatMap((part) => {
      const runs: string[][] = [[]];
      for (const word of part.split(/\s+/)) {
        if (word === "" || SMALL.has(word) || /^[\d/'’-]+$/.test(word)) runs.push([]);
        else runs.at(-1)!.push(word);
      }
      return runs.filter((run) => run.length > 0);
    });
}
