/** Counts the terms of a few texts, as a query needs it: terms by number, their strings made once. */
import { Vocabulary } from "./vocabulary.ts";

/** Terms that are remembered before all are forgotten. */
const MAX_TERMS = 65_536;
/** Of a remembered term, its string and its places in the tables. */
const TERM_BYTES = 120;
/** Numbers and single letters are what a text has of its own, not what it is about. */
const NO_TOPIC = /^(?:\d+|.)$/u;

export interface CountedTerms {
  /** Numbers of the distinct terms. Borrowed until the next call. */
  readonly numbers: Uint32Array;
  /** How often each occurs, by number. Borrowed until the next call. */
  readonly counts: Uint32Array;
  /** Terms of the text, all occurrences. */
  readonly length: number;
}

export class TermCounter {
  #vocabulary: Vocabulary | undefined;
  #terms: string[] = [];
  #topical: boolean[] = [];
  #counts = new Uint32Array(1024);
  #found = new Uint32Array(1024);
  #distinct = 0;

  term(number: number): string {
    return this.#terms[number]!;
  }

  /** Whether the term can say what a text is about. */
  isTopical(number: number): boolean {
    return this.#topical[number]!;
  }

  /** Rough. */
  get bytes(): number {
    return this.#terms.length * TERM_BYTES;
  }

  /** Frees what is remembered when it has become much. @returns whether it did: numbers then do not mean the same terms as before */
  trim(): boolean {
    if (this.#terms.length < MAX_TERMS) return false;
    this.#vocabulary?.[Symbol.dispose]();
    this.#vocabulary = undefined;
    this.#terms = [];
    this.#topical = [];
    this.#counts.fill(0);
    this.#distinct = 0;
    return true;
  }

  count(text: string): CountedTerms {
    this.#vocabulary ??= new Vocabulary();
    const read = this.#vocabulary.read(text);
    this.#learn(this.#vocabulary);
    for (let i = 0; i < this.#distinct; i++) this.#counts[this.#found[i]!] = 0;
    this.#distinct = 0;
    if (read.length > this.#found.length) this.#found = new Uint32Array(read.length);
    for (let i = 0; i < read.length; i++) {
      const number = read[i]!;
      if (this.#counts[number]!++ === 0) this.#found[this.#distinct++] = number;
    }
    return {
      numbers: this.#found.subarray(0, this.#distinct),
      counts: this.#counts,
      length: read.length,
    };
  }

  /** Takes in the terms that the last text brought. */
  #learn({ size, spelling }: Vocabulary): void {
    if (size > this.#counts.length) {
      const grown = new Uint32Array(size * 2);
      grown.set(this.#counts);
      this.#counts = grown;
    }
    for (let number = this.#terms.length; number < size; number++) {
      const term = decoder.decode(
        spelling.bytes.subarray(spelling.starts[number]!, spelling.starts[number + 1]!),
      );
      this.#terms.push(term);
      this.#topical.push(!NO_TOPIC.test(term));
    }
  }
}

const decoder = new TextDecoder();
