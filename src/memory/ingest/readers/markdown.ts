/** Markdown: the text as it is; front matter becomes metadata; the first heading is the title. */
import type { MetaValue } from "../../../index/filter/where.ts";
import { markdownHeadings } from "../markdown-headings.ts";
import type { Parsed } from "../parsed.ts";

const FRONT_MATTER = /^---\r?\n([\s\S]{0,20000}?)\r?\n---\r?\n/;

export function readMarkdown(source: string): Parsed {
  const front = FRONT_MATTER.exec(source);
  const text = front ? source.slice(front[0].length) : source;
  const meta = front ? frontMatter(front[1]!) : {};
  const firstLine = front ? front[0].split("\n").length : 1;
  const blocks = markdownHeadings(text);
  const title =
    typeof meta.title === "string"
      ? meta.title
      : (blocks.find(({ level }) => level === 1) ?? blocks[0])?.text;
  return { title: title ?? "", text, blocks, meta, firstLine };
}

/** `key: value` and `key: [a, b]` lines; anything deeper is left out. */
function frontMatter(source: string): Record<string, MetaValue> {
  const meta: Record<string, MetaValue> = {};
  for (const line of source.split(/\r?\n/)) {
    const match = /^([A-Za-z][\w.-]*):\s*(.+)$/.exec(line);
    if (!match) continue;
    const value = match[2]!.trim();
    const list = /^\[(.*)\]$/.exec(value);
    meta[match[1]!] = list ? listed(list[1]!) : scalar(value);
  }
  return meta;
}

/** What stands between the brackets, commas between; those in quotes separate nothing. */
function listed(source: string): string[] {
  const found = source.match(/\s*(?:"[^"]*"|'[^']*')\s*(?=,|$)|[^,]+/g) ?? [];
  return found.map((one) => unquote(one.trim())).filter((one) => one !== "");
}

function scalar(value: string): MetaValue {
  if (value === "true" || value === "false") return value === "true";
  return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : unquote(value);
}

function unquote(value: string): string {
  return /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value;
}
