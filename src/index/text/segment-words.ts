/**
 * Word segmentation in one pass: runs of letters, marks and digits (an apostrophe or what is not seen between letters joins), and runs of
 * scripts that are cut into pairs. A simplification of Unicode's UAX #29 word boundaries that needs no dictionary.
 */
import { classOf, classOfPair, SEPARATOR, UNSPACED, WORD } from "./char-class.ts";

/** Called with UTF-16 offsets of each run. `unspaced` runs are to be cut into pairs. `plain`: ASCII only. */
export type RunVisitor = (start: number, end: number, unspaced: boolean, plain: boolean) => void;

/** 1 for ASCII letters and digits: most text never leaves this table. */
const ASCII_WORD: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  classOf(code) === WORD ? 1 : 0,
);

const APOSTROPHE = 0x27;
const RIGHT_QUOTE = 0x2019;
const SOFT_HYPHEN = 0xad;
const ZERO_WIDTH_JOINER = 0x200d;
const WORD_JOINER = 0x2060;

/**
 * What joins letters and is nothing elsewhere: apostrophes, and characters that are not seen: soft hyphens, word and zero-width joiners,
 * variation selectors. Not the zero-width non-joiner: it stands between the parts of Persian words, which are also written with a space.
 */
export function isJoiner(code: number): boolean {
  if (code < 128) return code === APOSTROPHE;
  return (
    code === RIGHT_QUOTE ||
    code === SOFT_HYPHEN ||
    code === ZERO_WIDTH_JOINER ||
    code === WORD_JOINER ||
    (code >= 0xfe00 && code <= 0xfe0f)
  );
}

/** A run without what is not seen in it. */
export function visibleOf(run: string): string {
  return run.replace(/\u00ad|\u200d|\u2060|[\ufe00-\ufe0f]/g, "");
}

export function segmentWords(text: string, visit: RunVisitor): void {
  const length = text.length;
  let at = 0;
  while (at < length) {
    const code = text.charCodeAt(at);
    if (code < 128) {
      if (ASCII_WORD[code] === 1) at = wordRun(text, at, visit);
      else at++;
      continue;
    }
    const kind = code < 0xd800 || code > 0xdfff ? classOf(code) : classAt(text, at);
    if (kind === SEPARATOR) {
      at += code >= 0xd800 && code < 0xdc00 && kindWidth(text, at) === 2 ? 2 : 1;
      continue;
    }
    at = kind === WORD ? wordRun(text, at, visit) : unspacedRun(text, at, visit);
  }
}

function wordRun(text: string, start: number, visit: RunVisitor): number {
  const length = text.length;
  let end = start;
  let plain = true;
  while (end < length) {
    const code = text.charCodeAt(end);
    if (code < 128) {
      if (ASCII_WORD[code] === 1) {
        end++;
        continue;
      }
    }
    const kind = code < 0xd800 || code > 0xdfff ? classOf(code) : classAt(text, end);
    if (kind === WORD) end += kindWidth(text, end);
    else if (isJoiner(code) && end > start && end + 1 < length && classOf(text.charCodeAt(end + 1)) === WORD)
      end++;
    else break;
    if (code >= 128) plain = false;
  }
  visit(start, end, false, plain);
  return end;
}

function unspacedRun(text: string, start: number, visit: RunVisitor): number {
  let end = start;
  while (end < text.length && classAt(text, end) === UNSPACED) end += kindWidth(text, end);
  visit(start, end, true, false);
  return end;
}

function classAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < 0xd800 || code > 0xdfff) return classOf(code);
  return kindWidth(text, at) === 2 ? classOfPair(text.codePointAt(at)!) : SEPARATOR;
}

/** UTF-16 units of the character at `at`. */
function kindWidth(text: string, at: number): 1 | 2 {
  const code = text.charCodeAt(at);
  if (code < 0xd800 || code > 0xdbff) return 1;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff ? 2 : 1;
}
