/** Whether a passage says what a sentence says: by the words that carry content, and by every number. */
import { contentTerms, FRAME } from "./cover.ts";
import type { Passage } from "./evidence.ts";

export const supportDefaults = {
  /** Share of a sentence's content words that must stand in its passage. */
  share: 0.7,
} as const;

/** A passage's words and numbers, for many sentences. */
export class Supporter {
  readonly #terms: readonly ReadonlySet<string>[];
  readonly #numbers: readonly ReadonlySet<string>[];
  readonly #question: ReadonlySet<string>;

  constructor(question: string, passages: readonly Passage[]) {
    const whole = passages.map(({ headings, text }) => [...headings, text].join("\n"));
    this.#terms = whole.map(contentTerms);
    this.#numbers = whole.map(numbersIn);
    this.#question = contentTerms(`${question} ${FRAME.join(" ")}`);
  }

  /** Share of the sentence's content words that a passage has; 0 where a number of it is not there. */
  share(sentence: string, passage: number): number {
    const terms = this.#terms[passage];
    const said = [...contentTerms(sentence)];
    if (!terms || said.length === 0) return 0;
    const numbers = this.#numbers[passage]!;
    if ([...numbersIn(sentence)].some((number) => !numbers.has(number))) return 0;
    return said.filter((term) => terms.has(term)).length / said.length;
  }

  isSupported(sentence: string, passage: number): boolean {
    return this.share(sentence, passage) >= supportDefaults.share;
  }

  /** The passage that supports a sentence best, the first of equals; undefined where none does. */
  best(sentence: string): number | undefined {
    const shares = this.#terms.map((_, passage) => this.share(sentence, passage));
    const most = Math.max(0, ...shares);
    return most >= supportDefaults.share ? shares.indexOf(most) : undefined;
  }

  /** Whether a sentence has words that the question does not have: a question said again is no answer. */
  isNew(sentence: string): boolean {
    return [...contentTerms(sentence)].some((term) => !this.#question.has(term));
  }
}

/** Numbers as they are read: thousands without their comma. */
function numbersIn(text: string): ReadonlySet<string> {
  const found = text.match(/\d[\d,]*(?:\.\d+)?/g) ?? [];
  return new Set(found.map((number) => number.replace(/,/g, "")));
}
