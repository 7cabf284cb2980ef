/** Where a text matches a set of terms. */
import { termsOf } from "./normalize.ts";
import { segmentWords } from "./segment-words.ts";

/** UTF-16 ranges of the runs with any of `terms`, ascending; neighbours in scripts without spaces are joined. */
export function highlightTerms(text: string, terms: ReadonlySet<string>): [number, number][] {
  const ranges: [number, number][] = [];
  segmentWords(text, (start, end, unspaced, plain) => {
    if (unspaced) pairRanges(text, start, end, terms, ranges);
    else if (termsOf(text.slice(start, end), false, plain).some((term) => terms.has(term)))
      ranges.push([start, end]);
  });
  return ranges;
}

/** Characters as composition makes them: a syllable of Hangul of its letters, kana with their voicing marks, any other one alone. */
const COMPOSED = /[\u1100-\u115f][\u1160-\u11a7][\u11a8-\u11ff]?|.[\u3099\u309a]?/gsu;

function pairRanges(
  text: string,
  start: number,
  end: number,
  terms: ReadonlySet<string>,
  ranges: [number, number][],
): void {
  const chars = text.slice(start, end).match(COMPOSED) ?? [];
  let at = start;
  chars.forEach((char, i) => {
    const next = chars[i + 1] ?? "";
    const pair = (char + next).normalize("NFKC");
    if (terms.has(pair) || terms.has(char.normalize("NFKC"))) {
      const until = at + char.length + (terms.has(pair) ? next.length : 0);
      const last = ranges.at(-1);
      if (last && last[1] >= at) last[1] = Math.max(last[1], until);
      else ranges.push([at, until]);
    }
    at += char.length;
  });
}
