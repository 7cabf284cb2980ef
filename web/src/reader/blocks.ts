/** A document cut into blocks of lines, so that a browser lays out only those in sight. Offsets are UTF-16 throughout. */

export interface Span {
  readonly text: string;
  readonly kind: "plain" | "heading" | "lit";
}

export interface Block {
  readonly start: number;
  readonly spans: readonly Span[];
}

/** Characters of a block, about two screens. */
const BLOCK = 4000;
/** Longer documents are shown around the passage first. */
export const WHOLE_LIMIT = 600_000;
const AROUND = 120_000;

export interface Window {
  readonly start: number;
  readonly end: number;
}

/** The part of a long document to show: everything, or a stretch around the passage that ends at line ends. */
export function windowOf(text: string, at: number, whole: boolean): Window {
  if (whole || text.length <= WHOLE_LIMIT) return { start: 0, end: text.length };
  const from = Math.max(0, at - AROUND);
  const to = Math.min(text.length, at + AROUND);
  const start = from === 0 ? 0 : text.indexOf("\n", from) + 1;
  const end = text.indexOf("\n", to);
  return { start, end: end === -1 ? text.length : end };
}

/** Blocks of text[start, end) with [litStart, litEnd) lit. */
export function blocksOf(text: string, window: Window, lit: Window | undefined): Block[] {
  const blocks: Block[] = [];
  for (let start = window.start; start < window.end; ) {
    const newline = text.indexOf("\n", start + BLOCK);
    const end = newline === -1 || newline >= window.end ? window.end : newline + 1;
    blocks.push({ start, spans: spansOf(text, start, end, lit) });
    start = end;
  }
  return blocks;
}

function spansOf(text: string, start: number, end: number, lit: Window | undefined): Span[] {
  const from = Math.min(Math.max(lit?.start ?? end, start), end);
  const to = Math.min(Math.max(lit?.end ?? end, from), end);
  const spans = headingsOf(text.slice(start, from));
  if (to > from) spans.push({ text: text.slice(from, to), kind: "lit" });
  return [...spans, ...headingsOf(text.slice(to, end))];
}

/** Splits off Markdown headings, which are set apart; a long text without any stays one span. */
function headingsOf(text: string): Span[] {
  const spans: Span[] = [];
  let done = 0;
  for (const match of text.matchAll(/^#{1,6} .*$/gm)) {
    if (match.index > done) spans.push({ text: text.slice(done, match.index), kind: "plain" });
    spans.push({ text: match[0], kind: "heading" });
    done = match.index + match[0].length;
  }
  if (done < text.length) spans.push({ text: text.slice(done), kind: "plain" });
  return spans;
}

/** Ranges of `text` where one of `terms` stands as a whole word, whatever its case. */
export function rangesOf(text: string, terms: readonly string[]): [number, number][] {
  if (terms.length === 0) return [];
  const words = [...terms].sort((a, b) => b.length - a.length).map(escaped);
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join("|")})(?![\\p{L}\\p{N}])`, "giu");
  return [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length]);
}

function escaped(term: string): string {
  return term.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
