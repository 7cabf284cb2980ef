/** Source code: the text as it is; top-level declarations are headings, so that passages follow them. */
import type { Block, Parsed } from "../parsed.ts";

/** Lines that begin a declaration in the languages of the registry; the name is the first group. */
const DECLARATION =
  /^(?:export\s+|default\s+|public\s+|private\s+|protected\s+|static\s+|async\s+|pub(?:\([a-z]+\))?\s+|abstract\s+|final\s+|unsafe\s+)*(?:function\*?|class|interface|enum|struct|trait|impl|def|fn|func|type|module|namespace|object|record)\s+([\w$.<>:]+)/;
const MAX_LINE = 400;

export function readCode(source: string): Parsed {
  const blocks: Block[] = [];
  for (let start = 0; start < source.length; ) {
    const newline = source.indexOf("\n", start);
    const end = newline < 0 ? source.length : newline;
    const match =
      end - start <= MAX_LINE && /^\S/.test(source.slice(start, start + 1))
        ? DECLARATION.exec(source.slice(start, end))
        : null;
    if (match) blocks.push({ kind: "heading", start, end, level: 1, text: match[1]! });
    start = end + 1;
  }
  return { title: "", text: source, blocks };
}
