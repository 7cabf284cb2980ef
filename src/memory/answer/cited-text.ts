/** Cuts a text that comes piece by piece into sentences with the numbers that they cite, as "... 40 MB. [2]". */
import { sentences } from "../ingest/sentences.ts";

export interface CitedSentence {
  /** As it came, with the white space before it, without its citations. */
  readonly text: string;
  /** Numbers cited, in order, each once. */
  readonly cited: readonly number[];
}

const ONE = String.raw`\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]`;
/** [1], [1, 2], [1][3]; not args[0], nor a link's [1](...). */
const CITATION = new RegExp(String.raw`[ \t]*(?<![\w\])])((?:${ONE}[ \t]*)*${ONE})(?!\()`, "g");
/** Citations that a text begins with. */
const LEADING = new RegExp(String.raw`^(?:\s*${ONE})+[.]?`);
/** What may become one. */
const BEGUN = /^\s*\[[\d\s,;]*$/;

export class CitedText {
  #text = "";

  /** @returns the sentences that are whole now: each is once another one has begun behind it */
  push(text: string): CitedSentence[] {
    this.#text += text;
    return this.#cut(false);
  }

  /** The rest. */
  end(): CitedSentence[] {
    return this.#cut(true);
  }

  #cut(all: boolean): CitedSentence[] {
    const ends = this.#ends();
    if (!all) ends.pop();
    const found: CitedSentence[] = [];
    let from = 0;
    for (const end of ends) {
      found.push(cited(this.#text.slice(from, end)));
      from = end;
    }
    this.#text = this.#text.slice(from);
    return found;
  }

  /** Ends of sentences; citations behind one belong to it. */
  #ends(): number[] {
    const ends: number[] = [];
    for (const [start, end] of sentences(this.#text)) {
      const sentence = this.#text.slice(start, end);
      const behind = ends.length > 0 ? (LEADING.exec(sentence)?.[0].length ?? 0) : 0;
      const rest = sentence.slice(behind);
      const isOwn = rest !== "" && !(ends.length > 0 && BEGUN.test(rest));
      if (behind > 0 || !isOwn) ends[ends.length - 1] = isOwn ? start + behind : end;
      if (isOwn) ends.push(end);
    }
    return ends;
  }
}

function cited(raw: string): CitedSentence {
  const numbers: number[] = [];
  const text = raw.replace(CITATION, (_, list: string) => {
    numbers.push(...list.match(/\d+/g)!.map(Number));
    return "";
  });
  return { text, cited: [...new Set(numbers)] };
}
