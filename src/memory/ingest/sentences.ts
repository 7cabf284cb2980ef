/** Sentence ends by one scan: terminators of many scripts, but not after abbreviations, initials or inside numbers. */

const TERMINATORS = new Set([..."。！？｡؟।॥።"].map((char) => char.charCodeAt(0)));
const DOT = 0x2e;
const ABBREVIATIONS = new Set([
  "e.g",
  "i.e",
  "etc",
  "mr",
  "mrs",
  "ms",
  "dr",
  "prof",
  "st",
  "vs",
  "fig",
  "eq",
  "no",
  "vol",
  "al",
  "cf",
  "jr",
  "sr",
  "inc",
  "ltd",
  "approx",
  "dept",
  "est",
]);

/** UTF-16 ranges of sentences within [from, to), trimmed, in order. Blank lines end sentences too. */
export function sentences(text: string, from = 0, to: number = text.length): [number, number][] {
  const found: [number, number][] = [];
  let start = from;
  for (let at = from; at < to; at++) {
    if (!endsSentence(text, at, to)) continue;
    push(text, start, at + 1, found);
    start = at + 1;
  }
  push(text, start, to, found);
  return found;
}

function push(text: string, start: number, end: number, found: [number, number][]): void {
  let [first, last] = [start, end];
  while (first < last && isSpace(text.charCodeAt(first))) first++;
  while (last > first && isSpace(text.charCodeAt(last - 1))) last--;
  if (last > first) found.push([first, last]);
}

function endsSentence(text: string, at: number, to: number): boolean {
  const code = text.charCodeAt(at);
  if (TERMINATORS.has(code)) return true;
  const next = at + 1 < to ? text.charCodeAt(at + 1) : 0x20;
  if (code === 0x0a) return next === 0x0a || next === 0x23 || next === 0x2d || next === 0x2a || next === 0x7c;
  if (code !== DOT && code !== 0x21 && code !== 0x3f) return false;
  if (!isSpace(next) && !isCloser(next)) return false;
  return code !== DOT || !isAbbreviation(text, at);
}

/** "e.g." and single letters before the dot do not end a sentence. */
function isAbbreviation(text: string, dot: number): boolean {
  let start = dot;
  while (start > 0 && dot - start < 8 && /[\p{L}.]/u.test(text[start - 1]!)) start--;
  const word = text.slice(start, dot).toLowerCase();
  return ABBREVIATIONS.has(word) || /^\p{L}$/u.test(word);
}

export function isSpace(code: number): boolean {
  return (
    code === 0x20 ||
    (code >= 0x09 && code <= 0x0d) ||
    code === 0xa0 ||
    code === 0x3000 ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0xfeff
  );
}

function isCloser(code: number): boolean {
  return (
    code === 0x22 || code === 0x27 || code === 0x29 || code === 0x5d || code === 0x201d || code === 0x2019
  );
}
