/** Whether a passage says what a sentence says: by the words that carry content, and by every number. */
import { contentTerms, FRAME, termsIn } from "./cover.ts";
import type { Passage } from "./evidence.ts";

export const supportDefaults = {
  /** Share of a sentence's content words that must stand in its passage. */
  share: 0.7,
  /** Share of the pairs of neighbouring words that must stand there so, where a model only quotes. */
  quoted: 0.9,
} as const;

/** A passage's words and numbers, for many sentences. */
export class Supporter {
  readonly #terms: readonly ReadonlySet<string>[];
  readonly #numbers: readonly ReadonlySet<string>[];
  readonly #pairs: readonly ReadonlySet<string>[];
  readonly #question: ReadonlySet<string>;

  /** @param quotes whether a sentence must stand in its passage word for word: what a model that quotes changes it makes up */
  constructor(question: string, passages: readonly Passage[], quotes: boolean) {
    const whole = passages.map(({ headings, text }) => [...headings, text].join("\n"));
    this.#terms = whole.map(contentTerms);
    this.#numbers = whole.map(numbersIn);
    this.#pairs = quotes ? whole.map((text) => new Set(pairsIn(text))) : [];
    this.#question = contentTerms(`${question} ${FRAME.join(" ")}`);
  }

  /** Share of the sentence's content words that a passage has; 0 where a number of it is not there. */
  share(sentence: string, passage: number): number {
    const terms = this.#terms[passage];
    const said = [...contentTerms(sentence)];
    if (!terms || said.length === 0) return 0;
    const numbers = this.#numbers[passage]!;
    if ([...numbersIn(sentence)].some((number) => !numbers.has(number))) return 0;
    const pairs = this.#pairs[passage];
    if (pairs && shareIn(pairsIn(sentence), pairs) < supportDefaults.quoted) return 0;
    return shareIn(said, terms);
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

function pairsIn(text: string): string[] {
  const terms = termsIn(text);
  return terms.slice(1).map((term, i) => `${terms[i]} ${term}`);
}

function shareIn(values: readonly string[], set: ReadonlySet<string>): number {
  return values.length === 0 ? 1 : values.filter((value) => set.has(value)).length / values.length;
}
