/** Headings of Markdown: # lines outside code fences, and lines underlined by === or ---. */
import type { Block } from "./parsed.ts";

const ATX = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$/;
const FENCE = /^ {0,3}(```+|~~~+)/;
const [HASH, BACKTICK, TILDE, EQUALS, DASH] = [0x23, 0x60, 0x7e, 0x3d, 0x2d];
/** Longer lines are no headings. */
const MAX_HEADING = 300;

/** Most lines are prose: they are told by one character and never copied. */
export function markdownHeadings(text: string): Block[] {
  const blocks: Block[] = [];
  let fence: string | undefined;
  /** The line before, where one may be underlined: its start, or -1. */
  let before = -1;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const first = firstOf(text, start);
    const mark =
      first === BACKTICK || first === TILDE ? FENCE.exec(lineOf(text, start, end))?.[1] : undefined;
    if (fence) {
      if (mark?.startsWith(fence)) fence = undefined;
    } else if (mark) fence = mark;
    else if (first === HASH) pushHeading(blocks, text, start, end);
    else if (before >= 0 && (first === EQUALS || first === DASH))
      pushUnderlined(blocks, text, before, start, end);
    before = fence ? -1 : start;
    start = end + 1;
  }
  return blocks;
}

/** The first character of a line after up to three spaces. */
function firstOf(text: string, start: number): number {
  let at = start;
  while (at < start + 3 && text.charCodeAt(at) === 0x20) at++;
  return text.charCodeAt(at);
}

function lineOf(text: string, start: number, end: number): string {
  return end - start <= MAX_HEADING ? text.slice(start, end).replace(/\r$/, "") : "";
}

function pushHeading(blocks: Block[], text: string, start: number, end: number): void {
  const match = ATX.exec(lineOf(text, start, end));
  if (match) blocks.push({ kind: "heading", start, end, level: match[1]!.length, text: plain(match[2]!) });
}

/** @param before start of the line above */
function pushUnderlined(blocks: Block[], text: string, before: number, start: number, end: number): void {
  if (!/^(=+|-{3,})\s*$/.test(lineOf(text, start, end))) return;
  const heading = lineOf(text, before, start - 1);
  if (!/^[^\s>|#*+-]/.test(heading)) return;
  const level = text.charCodeAt(start) === EQUALS ? 1 : 2;
  blocks.push({ kind: "heading", start: before, end, level, text: plain(heading) });
}

/** Heading text without links, emphasis and anchors. */
function plain(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/<[^>]*>/g, "")
    .replace(/\s*\{#[^}]*\}$/, "")
    .replace(/[*_`]/g, "")
    .trim();
}
