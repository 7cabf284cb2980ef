/** Snippets: the stretch of a passage with the most matches, cut at words. */
import { isWithinLetter } from "../within-letter.ts";

export interface Snippet {
  readonly snippet: string;
  /** UTF-16 ranges in `snippet`. */
  readonly highlights: [number, number][];
}

const ELLIPSIS = "…";

/** @param matches ascending ranges of the passage. @param length characters at most, ellipses apart; 0 gives nothing */
export function snippetOf(
  passage: string,
  matches: readonly (readonly [number, number])[],
  length: number,
): Snippet {
  if (length <= 0) return { snippet: "", highlights: [] };
  const [start, end] = windowOf(passage, matches, length);
  const before = start > 0 ? ELLIPSIS : "";
  const after = end < passage.length ? ELLIPSIS : "";
  const inside = matches.filter(([from, to]) => from >= start && to <= end);
  const highlights = inside.map(([from, to]): [number, number] => [
    from - start + before.length,
    to - start + before.length,
  ]);
  return { snippet: before + passage.slice(start, end) + after, highlights };
}

/** The window that covers most characters of different matches, the earliest of equals. */
function windowOf(
  passage: string,
  matches: readonly (readonly [number, number])[],
  length: number,
): [number, number] {
  if (passage.length <= length) return [0, passage.length];
  let best = 0;
  let bestCover = -1;
  matches.forEach(([from], i) => {
    let cover = 0;
    for (let j = i; j < matches.length && matches[j]![1] <= from + length; j++)
      cover += matches[j]![1] - matches[j]![0];
    if (cover > bestCover) {
      bestCover = cover;
      best = i;
    }
  });
  const first = matches[best]?.[0] ?? 0;
  const last = matches.findLast(([, to]) => to <= first + length)?.[1] ?? first;
  const lead = Math.floor((length - Math.max(0, last - first)) / 2);
  const start = Math.max(0, Math.min(first - Math.max(0, lead), passage.length - length));
  return [wordStart(passage, start), wordEnd(passage, Math.min(passage.length, start + length))];
}

/** Moves inward to white space, at most a word's length. */
function wordStart(text: string, at: number): number {
  if (at === 0) return 0;
  const space = text.slice(at, at + 24).search(/\s\S/);
  return space < 0 ? outsidePair(text, at) : at + space + 1;
}

function wordEnd(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const space = text.slice(Math.max(0, at - 24), at + 1).search(/\s\S*$/);
  return space < 0 ? outsidePair(text, at) : Math.max(0, at - 24) + space;
}

function outsidePair(text: string, at: number): number {
  return isWithinLetter(text, at) ? at + 1 : at;
}
