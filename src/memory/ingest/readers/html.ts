/** HTML: text with its headings, without scripts, styles and navigation. htmlparser2 does the parsing. */
import { Parser } from "htmlparser2";
import type { Block, Parsed } from "../parsed.ts";

const SKIPPED = new Set(["script", "style", "noscript", "template", "svg", "head", "nav", "iframe"]);
const BREAKING = new Set([
  "p",
  "div",
  "section",
  "article",
  "li",
  "ul",
  "ol",
  "table",
  "tr",
  "pre",
  "blockquote",
  "br",
  "hr",
  "header",
  "footer",
  "main",
  "dd",
  "dt",
  "figure",
]);

export function readHtml(source: string): Parsed {
  const collector = new Collector();
  const parser = new Parser(
    {
      onopentag: (name) => collector.open(name),
      ontext: (text) => collector.text(text),
      onclosetag: (name) => collector.close(name),
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  parser.write(source);
  parser.end();
  return collector.finish();
}

class Collector {
  #out = "";
  #title = "";
  #skipping = 0;
  #inTitle = false;
  #pre = 0;
  #heading: { level: number; start: number } | undefined;
  readonly #blocks: Block[] = [];

  open(name: string): void {
    if (name === "title") this.#inTitle = true;
    if (SKIPPED.has(name)) this.#skipping++;
    if (name === "pre") this.#pre++;
    const level = /^h([1-6])$/.exec(name)?.[1];
    if (level || BREAKING.has(name))
      this.#break(level ? 2 : name === "br" || name === "li" || name === "tr" ? 1 : 2);
    if (name === "td" || name === "th") this.#out += " ";
    if (level) this.#heading = { level: Number(level), start: this.#out.length };
  }

  text(text: string): void {
    if (this.#inTitle) this.#title += text;
    if (this.#skipping > 0) return;
    if (this.#pre > 0) this.#out += text;
    else {
      const folded = text.replace(/\s+/g, " ");
      this.#out += this.#out === "" || /\s$/.test(this.#out) ? folded.trimStart() : folded;
    }
  }

  close(name: string): void {
    if (name === "title") this.#inTitle = false;
    if (SKIPPED.has(name)) this.#skipping--;
    if (name === "pre") this.#pre--;
    if (this.#heading && /^h[1-6]$/.test(name)) {
      const { level, start } = this.#heading;
      const text = this.#out.slice(start).trim();
      if (text) this.#blocks.push({ kind: "heading", start, end: this.#out.length, level, text });
      this.#heading = undefined;
    }
    if (BREAKING.has(name) || /^h[1-6]$/.test(name)) this.#break(name === "li" || name === "tr" ? 1 : 2);
  }

  finish(): Parsed {
    const title = this.#title.trim() || this.#blocks[0]?.text || "";
    return { title, text: this.#out, blocks: this.#blocks };
  }

  #break(lines: number): void {
    if (this.#out === "" || this.#skipping > 0) return;
    const trimmed = this.#out.trimEnd();
    const have =
      this.#out.length - trimmed.length > 0 ? this.#out.slice(trimmed.length).split("\n").length - 1 : 0;
    if (have < lines) this.#out = trimmed + "\n".repeat(lines);
  }
}
