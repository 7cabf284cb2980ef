/** Sentence ends by one scan: terminators of many scripts, but not after abbreviations, initials or inside numbers. */

const TERMINATORS = new Set([..."。！？｡؟।॥።"].map((char) => char.charCodeAt(0)));
const [NEWLINE, EXCLAMATION, DOT, QUESTION] = [0x0a, 0x21, 0x2e, 0x3f];
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
  // letters, digits past 9 and everything between: most characters
  if (code < 0x80 ? code > QUESTION || (code < EXCLAMATION && code !== NEWLINE) : !TERMINATORS.has(code))
    return false;
  if (code >= 0x80) return true;
  if (code !== NEWLINE && code !== DOT && code !== EXCLAMATION && code !== QUESTION) return false;
  const next = at + 1 < to ? text.charCodeAt(at + 1) : 0x20;
  if (code === NEWLINE)
    return next === NEWLINE || next === 0x23 || next === 0x2d || next === 0x2a || next === 0x7c;
  if (!isSpace(next) && !isCloser(next)) return false;
  return code !== DOT || !isAbbreviation(text, at);
}

/** "e.g." and single letters before the dot do not end a sentence. */
function isAbbreviation(text: string, dot: number): boolean {
  let start = dot;
  while (start > 0 && dot - start < 8 && isLetterOrDot(text, start - 1)) start--;
  const word = text.slice(start, dot).toLowerCase();
  return ABBREVIATIONS.has(word) || /^\p{L}$/u.test(word);
}

function isLetterOrDot(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 0x80) return code === DOT || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a);
  return /\p{L}/u.test(text[at]!);
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
