/** XML as a flat list of its elements, in the order in which they begin: enough for the small tables of contents inside of documents. */
import { Parser } from "htmlparser2";

export interface XmlElement {
  /** Without its namespace's prefix. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** All text within, that of elements inside too. */
  text: string;
}

/** Deeper than any table of contents: each text goes to all elements that it stands in. */
const MOST_LEVELS = 100;

/** Text deeper than a hundred levels is left out. Broken XML gives what can be made out of it. */
export function xmlElements(source: string): XmlElement[] {
  const elements: XmlElement[] = [];
  const open: XmlElement[] = [];
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        const element = { name: name.slice(name.indexOf(":") + 1), attributes, text: "" };
        elements.push(element);
        open.push(element);
      },
      ontext: (text) => {
        if (open.length <= MOST_LEVELS) for (const element of open) element.text += text;
      },
      onclosetag: () => open.pop(),
    },
    { xmlMode: true },
  );
  parser.write(source);
  parser.end();
  for (const element of elements) element.text = element.text.replace(/\s+/g, " ").trim();
  return elements;
}
