/**
 * CSV and TSV (RFC 4180, and what spreadsheets make of it): each row a paragraph of `name: value` lines, so that a passage holds whole
 * rows and says what their values are. The column names are the heading above all of them, which a row too long for one passage needs.
 */
import type { Block, Parsed } from "../parsed.ts";

/** Delimiters that a file without tabs in its name may have; the first record decides. */
const DELIMITERS = [",", ";", "\t", "|"] as const;
/** Characters of the heading: a table may have very many columns. */
const MAX_HEADING = 200;

/** @param delimiter what stands between cells; by default what the first record has most of */
export function readCsv(source: string, delimiter: string = delimiterOf(source)): Parsed {
  const [first = [], ...rest] = records(source, delimiter);
  const isNamed = rest.length > 0 && isHeader(first);
  const names = isNamed ? first : [];
  const rows = isNamed ? rest : [first, ...rest];
  const text = rows
    .map((row) => paragraph(row, names))
    .filter(Boolean)
    .join("\n\n");
  const heading = names.filter(Boolean).join(", ").slice(0, MAX_HEADING);
  const blocks: Block[] = heading ? [{ kind: "heading", start: 0, end: 0, level: 1, text: heading }] : [];
  return { title: "", text, blocks };
}

function paragraph(row: readonly string[], names: readonly string[]): string {
  const lines = row.map((value, i) => (value && names[i] ? `${names[i]}: ${value}` : value));
  return lines.filter(Boolean).join(names.length > 0 ? "\n" : ", ");
}

/** Names are different from each other and no numbers; some may be missing. */
function isHeader(row: readonly string[]): boolean {
  const names = row.filter(Boolean);
  return (
    names.length > 0 &&
    new Set(names).size === names.length &&
    names.every((name) => !Number.isFinite(Number(name)))
  );
}

function delimiterOf(source: string): string {
  const counts = DELIMITERS.map((delimiter) => {
    const { value } = records(source, delimiter).next();
    return value ? value.length : 0;
  });
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

/** Rows of cells, white space folded; blank rows are left out. */
function* records(source: string, delimiter: string): Generator<string[]> {
  let row: string[] = [];
  for (let at = 0; at <= source.length; ) {
    const quoted = source[at] === '"' ? closingQuote(source, at + 1, delimiter) : -1;
    const end = quoted < 0 ? cellEnd(source, at, delimiter) : quoted + 1;
    const cell = quoted < 0 ? source.slice(at, end) : source.slice(at + 1, quoted).replaceAll('""', '"');
    row.push(cell.replace(/\s+/g, " ").trim());
    at = end + 1;
    if (source[end] === delimiter) continue;
    if (source[end] === "\r" && source[end + 1] === "\n") at++;
    if (row.some(Boolean)) yield row;
    row = [];
  }
}

/**
 * The quote that ends a quoted cell, or -1 when none does: what follows it must be a delimiter, a line end or the end. A cell that only
 * begins with a quote (`"so-called" experts`) is taken as it stands.
 */
function closingQuote(source: string, from: number, delimiter: string): number {
  for (let at = source.indexOf('"', from); at >= 0; at = source.indexOf('"', at + 2)) {
    const next = source[at + 1];
    if (next === '"') continue;
    return next === undefined || next === delimiter || next === "\n" || next === "\r" ? at : -1;
  }
  return -1;
}

function cellEnd(source: string, from: number, delimiter: string): number {
  let at = from;
  while (at < source.length && source[at] !== delimiter && source[at] !== "\n" && source[at] !== "\r") at++;
  return at;
}
