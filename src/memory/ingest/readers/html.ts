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

/** XHTML says so itself, unless it is part of a document that is known to be XML. */
const XML_DECLARATION = /^\s*<\?xml\s/;

export function readHtml(
  source: string,
  { isXml = XML_DECLARATION.test(source) }: { readonly isXml?: boolean } = {},
): Parsed {
  const collector = new Collector();
  const parser = new Parser(
    {
      onopentag: (name) => collector.open(name),
      ontext: (text) => collector.text(text),
      onclosetag: (name) => collector.close(name),
    },
    // as XML, `<title/>` and `<script/>` end where they begin; what it names (&nbsp;) are HTML's entities all the same
    { decodeEntities: true, lowerCaseTags: true, recognizeSelfClosing: isXml, recognizeCDATA: isXml },
  );
  parser.write(source);
  parser.end();
  return collector.finish();
}

class Collector {
  /** Pieces of the text, none empty; joined once, because looking at the end of a growing string copies all of it. */
  readonly #parts: string[] = [];
  #length = 0;
  #title = "";
  #skipping = 0;
  #inTitle = false;
  #pre = 0;
  #heading: { level: number; start: number; part: number } | undefined;
  readonly #blocks: Block[] = [];

  open(name: string): void {
    if (name === "title") this.#inTitle = this.#title === ""; // a picture may have one too
    if (SKIPPED.has(name)) this.#skipping++;
    if (name === "pre") this.#pre++;
    const level = /^h([1-6])$/.exec(name)?.[1];
    if (level || BREAKING.has(name))
      this.#break(level ? 2 : name === "br" || name === "li" || name === "tr" ? 1 : 2);
    if (name === "td" || name === "th") this.#push(" ");
    if (level) this.#heading = { level: Number(level), start: this.#length, part: this.#parts.length };
  }

  text(text: string): void {
    if (this.#inTitle) this.#title += text;
    if (this.#skipping > 0) return;
    if (this.#pre > 0) this.#push(text);
    else {
      const folded = text.replace(/\s+/g, " ");
      const last = this.#parts.at(-1)?.at(-1);
      this.#push(last === undefined || last.trim() === "" ? folded.trimStart() : folded);
    }
  }

  close(name: string): void {
    if (name === "title") this.#inTitle = false;
    if (SKIPPED.has(name)) this.#skipping--;
    if (name === "pre") this.#pre--;
    if (this.#heading && /^h[1-6]$/.test(name)) {
      const { level, start, part } = this.#heading;
      const text = this.#parts.slice(part).join("").trim();
      if (text) this.#blocks.push({ kind: "heading", start, end: this.#length, level, text });
      this.#heading = undefined;
    }
    if (BREAKING.has(name) || /^h[1-6]$/.test(name)) this.#break(name === "li" || name === "tr" ? 1 : 2);
  }

  finish(): Parsed {
    const title = this.#title.trim() || this.#blocks[0]?.text || "";
    return { title, text: this.#parts.join(""), blocks: this.#blocks };
  }

  #push(text: string): void {
    if (text === "") return;
    this.#parts.push(text);
    this.#length += text.length;
  }

  /** The text ends in at least so many line ends afterwards, instead of in other white space. */
  #break(lines: number): void {
    if (this.#length === 0 || this.#skipping > 0) return;
    let have = 0;
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const part = this.#parts[i]!;
      const words = part.trimEnd();
      have += part.slice(words.length).split("\n").length - 1;
      if (have >= lines) return;
      if (words !== "") break;
    }
    this.#trimEnd();
    this.#push("\n".repeat(lines));
  }

  #trimEnd(): void {
    for (let last = this.#parts.pop(); last !== undefined; last = this.#parts.pop()) {
      const words = last.trimEnd();
      this.#length -= last.length - words.length;
      if (words === "") continue;
      this.#parts.push(words);
      return;
    }
  }
}
