/** Headings of Markdown: # lines outside code fences, and lines underlined by === or ---. */
import type { Block } from "./parsed.ts";

const ATX = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$/;
const FENCE = /^ {0,3}(```+|~~~+)/;
const [HASH, BACKTICK, TILDE, EQUALS, DASH] = [0x23, 0x60, 0x7e, 0x3d, 0x2d];
/** Longer lines are no headings. */
const MAX_HEADING = 300;

/** A line of the text, without its end. */
interface Line {
  readonly start: number;
  readonly end: number;
}

/** Most lines are prose: they are told by one character and never copied. */
export function markdownHeadings(text: string): Block[] {
  const blocks: Block[] = [];
  let fence: string | undefined;
  let before: Line | undefined;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const first = firstOf(text, start);
    const mark =
      first === BACKTICK || first === TILDE ? FENCE.exec(lineOf(text, { start, end }))?.[1] : undefined;
    if (fence) {
      if (mark?.startsWith(fence)) fence = undefined;
    } else if (mark) fence = mark;
    else if (first === HASH) pushHeading(blocks, text, { start, end });
    else if (before && (first === EQUALS || first === DASH))
      pushUnderlined(blocks, text, { start, end }, before);
    before = fence ? undefined : { start, end };
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

function lineOf(text: string, { start, end }: Line): string {
  return end - start <= MAX_HEADING ? text.slice(start, end).replace(/\r$/, "") : "";
}

function pushHeading(blocks: Block[], text: string, line: Line): void {
  const match = ATX.exec(lineOf(text, line));
  if (match) blocks.push({ kind: "heading", ...line, level: match[1]!.length, text: plain(match[2]!) });
}

function pushUnderlined(blocks: Block[], text: string, { start, end }: Line, before: Line): void {
  if (!/^(=+|-{3,})\s*$/.test(lineOf(text, { start, end }))) return;
  const heading = lineOf(text, before);
  if (!/^[^\s>|#*+-]/.test(heading)) return;
  const level = text.charCodeAt(start) === EQUALS ? 1 : 2;
  blocks.push({ kind: "heading", start: before.start, end, level, text: plain(heading) });
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
