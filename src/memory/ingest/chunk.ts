/**
 * Passages: runs of paragraphs under one heading, about a thousand characters, cut at sentences when a paragraph is longer and at white
 * space when a line is. They follow each other without overlap and leave out only blank text.
 */
import { markdownHeadings } from "./markdown-headings.ts";
import type { Block } from "./parsed.ts";
import { isSpace, sentences } from "./sentences.ts";

export interface Chunk {
  /** UTF-16 offsets, trimmed. */
  readonly start: number;
  readonly end: number;
  /** 1-based line of `start`. */
  readonly line: number;
  /** Headings above, outermost first. */
  readonly headings: readonly string[];
  /** 0 when the format has no pages. */
  readonly page: number;
}

/** Characters of a passage; a section shorter than `small` joins the next one. */
export const chunkDefaults = { target: 1_000, max: 1_600, small: 600 } as const;

interface Unit {
  readonly start: number;
  readonly end: number;
}

/** A stretch under one heading path and on one page. */
interface Section {
  readonly start: number;
  readonly end: number;
  readonly headings: readonly string[];
  readonly page: number;
}

export function chunk(text: string, blocks: readonly Block[] = markdownHeadings(text)): Chunk[] {
  const chunks: Chunk[] = [];
  const lineAt = lineCounter(text);
  for (const section of joinSmall(sectionsOf(text, blocks))) {
    for (const { start, end } of pack(text, section)) {
      chunks.push({ start, end, line: lineAt(start), headings: section.headings, page: section.page });
    }
  }
  return chunks;
}

/** Cuts at headings and page breaks. A heading that is followed by another at once stays with it. */
function sectionsOf(text: string, blocks: readonly Block[]): Section[] {
  const sections: Section[] = [];
  let path: { level: number; text: string }[] = [];
  let page = 0;
  let start = 0;
  let headings: readonly string[] = [];
  const close = (end: number): void => {
    if (end > start) sections.push({ start, end, headings, page });
    start = end;
  };
  for (const block of blocks) {
    if (block.kind === "code") continue;
    close(block.start);
    if (block.kind === "page") page = block.page ?? page + 1;
    else {
      const level = block.level ?? 1;
      path = [
        ...path.filter((above) => above.level < level),
        { level, text: block.text ?? text.slice(block.start, block.end).trim() },
      ];
      headings = path.map((above) => above.text);
    }
  }
  close(text.length);
  return sections;
}

/** Short neighbours on one page become one section under the headings they share, or else under those of the first. */
function joinSmall(sections: readonly Section[]): Section[] {
  const joined: Section[] = [];
  for (const section of sections) {
    const last = joined.at(-1);
    const small =
      last &&
      (last.end - last.start < chunkDefaults.small || section.end - section.start < chunkDefaults.small / 2);
    if (small && last.page === section.page && section.end - last.start <= chunkDefaults.target * 1.2) {
      joined[joined.length - 1] = {
        ...last,
        end: section.end,
        headings: sharedHeadings(last.headings, section.headings),
      };
    } else joined.push(section);
  }
  return joined;
}

function sharedHeadings(first: readonly string[], second: readonly string[]): readonly string[] {
  let shared = 0;
  while (shared < first.length && first[shared] === second[shared]) shared++;
  return shared === 0 ? first : first.slice(0, shared);
}

/** Units joined up to the target; what is left over at the end of a section may go up to the maximum. */
function pack(text: string, section: Section): Unit[] {
  const packed: Unit[] = [];
  const units = unitsOf(text, section);
  let open: { start: number; end: number } | undefined;
  for (let i = 0; i < units.length; i += 2) {
    const [start, end] = [units[i]!, units[i + 1]!];
    if (open && end - open.start > chunkDefaults.target) {
      packed.push(open);
      open = undefined;
    }
    if (open) open.end = end;
    else open = { start, end };
  }
  if (!open) return packed;
  const last = packed.at(-1);
  if (last && open.end - last.start <= chunkDefaults.max)
    packed[packed.length - 1] = { start: last.start, end: open.end };
  else packed.push(open);
  return packed;
}

/**
 * Starts and ends, in turn, of pieces that should not be cut further: paragraphs; long ones as sentences; long sentences as runs cut at
 * white space. Trimmed, none blank.
 */
function unitsOf(text: string, { start, end }: Section): number[] {
  const units: number[] = [];
  for (let at = start; at < end; ) {
    const stop = paragraphEnd(text, at, end);
    const isBlank = !pushTrimmed(units, text, at, stop);
    at = stop;
    if (isBlank) continue;
    const [from, to] = [units.at(-2)!, units.at(-1)!];
    if (to - from <= chunkDefaults.target) continue;
    units.length -= 2;
    for (const [first, last] of sentences(text, from, to)) pushLong(units, text, first, last);
  }
  return units;
}

/** Past the next blank line, or `end`. */
function paragraphEnd(text: string, from: number, end: number): number {
  for (let at = text.indexOf("\n", from); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) {
    let next = at + 1;
    while (
      next < end &&
      (text.charCodeAt(next) === 0x20 || text.charCodeAt(next) === 0x09 || text.charCodeAt(next) === 0x0d)
    )
      next++;
    if (next >= end || text.charCodeAt(next) === 0x0a) return Math.min(next + 1, end);
  }
  return end;
}

function pushLong(units: number[], text: string, start: number, end: number): void {
  let from = start;
  while (end - from > chunkDefaults.max) {
    const stop = lastBreak(text, from, from + chunkDefaults.target);
    pushTrimmed(units, text, from, stop);
    from = stop;
  }
  pushTrimmed(units, text, from, end);
}

/** The last white space before `limit`, else `limit`, never inside a surrogate pair. */
function lastBreak(text: string, from: number, limit: number): number {
  for (let at = limit; at > from + chunkDefaults.target / 2; at--)
    if (isSpace(text.charCodeAt(at))) return at;
  const code = text.charCodeAt(limit);
  return code >= 0xdc00 && code < 0xe000 && limit - 1 > from ? limit - 1 : limit;
}

/** @returns whether anything but white space was there */
function pushTrimmed(units: number[], text: string, start: number, end: number): boolean {
  let [first, last] = [start, end];
  while (first < last && isSpace(text.charCodeAt(first))) first++;
  while (last > first && isSpace(text.charCodeAt(last - 1))) last--;
  if (last > first) units.push(first, last);
  return last > first;
}

/** 1-based line of rising offsets, in one pass. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let next = text.indexOf("\n");
  return (offset) => {
    while (next >= 0 && next < offset) {
      line++;
      next = text.indexOf("\n", next + 1);
    }
    return line;
  };
}
