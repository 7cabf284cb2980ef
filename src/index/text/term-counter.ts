/** Counts the terms of texts, the runs of letters looked up without cutting them out of the text. */
import { StringTable } from "../../string-table.ts";
import { termsOf } from "./normalize.ts";
import { segmentWords } from "./segment-words.ts";

/** Runs that are remembered before all are forgotten. */
const MAX_RUNS = 16_384;

/** Numbers and single letters are what a text has of its own, not what it is about. */
const NO_TOPIC = /^(?:\d+|.)$/u;

export interface CountedTerms {
  /** Numbers of the distinct terms. Valid until the next count. */
  readonly numbers: readonly number[];
  /** How often each occurs, by number. */
  readonly counts: Uint32Array;
  /** Terms of the text, all occurrences. */
  readonly length: number;
}

export class TermCounter {
  #runs = new StringTable();
  #lists: (readonly number[])[] = [];
  #numbers = new Map<string, number>();
  #terms: string[] = [];
  #topical: boolean[] = [];
  #counts = new Uint32Array(1024);
  #found: number[] = [];

  term(number: number): string {
    return this.#terms[number]!;
  }

  /** Whether the term can say what a text is about. */
  isTopical(number: number): boolean {
    return this.#topical[number]!;
  }

  /** Frees what is remembered when it has become much; numbers before and after do not mean the same terms. */
  trim(): void {
    if (this.#lists.length < MAX_RUNS) return;
    for (const number of this.#found) this.#counts[number] = 0;
    this.#found = [];
    this.#forget();
  }

  count(text: string): CountedTerms {
    for (const number of this.#found) this.#counts[number] = 0;
    this.#found = [];
    let length = 0;
    segmentWords(text, (start, end, unspaced, plain) => {
      const known = unspaced ? -1 : this.#runs.get(text, start, end);
      const numbers = known >= 0 ? this.#lists[known]! : this.#learn(text, start, end, unspaced, plain);
      for (const number of numbers) if (this.#counts[number]!++ === 0) this.#found.push(number);
      length += numbers.length;
    });
    return { numbers: this.#found, counts: this.#counts, length };
  }

  #learn(text: string, start: number, end: number, unspaced: boolean, plain: boolean): readonly number[] {
    const numbers = termsOf(text.slice(start, end), unspaced, plain).map((term) => this.#numberOf(term));
    if (!unspaced) this.#runs.set(text, start, end, this.#lists.push(numbers) - 1);
    return numbers;
  }

  #numberOf(term: string): number {
    let number = this.#numbers.get(term);
    if (number === undefined) {
      number = this.#terms.push(term) - 1;
      this.#topical.push(!NO_TOPIC.test(term));
      this.#numbers.set(term, number);
      if (number === this.#counts.length) {
        const grown = new Uint32Array(number * 2);
        grown.set(this.#counts);
        this.#counts = grown;
      }
    }
    return number;
  }

  #forget(): void {
    this.#runs = new StringTable();
    this.#lists = [];
    this.#numbers = new Map();
    this.#terms = [];
    this.#topical = [];
    this.#counts.fill(0);
  }
}
