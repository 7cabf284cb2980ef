/** Headings of Markdown: # lines outside code fences, and lines underlined by === or ---. */
import type { Block } from "./parsed.ts";

const ATX = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$/;
const FENCE = /^ {0,3}(```+|~~~+)/;
/** Longer lines are no headings. */
const MAX_HEADING = 300;

export function markdownHeadings(text: string): Block[] {
  const blocks: Block[] = [];
  let fence: string | undefined;
  let before: { start: number; line: string } | undefined;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = end - start <= MAX_HEADING ? text.slice(start, end).replace(/\r$/, "") : "";
    const mark = line && FENCE.exec(line)?.[1];
    if (fence) {
      if (mark?.startsWith(fence)) fence = undefined;
    } else if (mark) fence = mark;
    else pushHeading(blocks, line, start, end, before);
    before = fence ? undefined : { start, line };
    start = end + 1;
  }
  return blocks;
}

function pushHeading(
  blocks: Block[],
  line: string,
  start: number,
  end: number,
  before: { start: number; line: string } | undefined,
): void {
  const first = line.charCodeAt(0);
  if (first === 0x23 || first === 0x20) {
    const match = ATX.exec(line);
    if (match) blocks.push({ kind: "heading", start, end, level: match[1]!.length, text: plain(match[2]!) });
  } else if (
    (first === 0x3d || first === 0x2d) &&
    before &&
    /^(=+|-{3,})\s*$/.test(line) &&
    /^[^\s>|#*+-]/.test(before.line)
  ) {
    blocks.push({
      kind: "heading",
      start: before.start,
      end,
      level: first === 0x3d ? 1 : 2,
      text: plain(before.line),
    });
  }
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
