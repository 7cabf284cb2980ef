/** Phrases are verified on the text: positions are not stored. Terms are compared by number, so that each word is stemmed once. */
import type { ByteStrings } from "./sort-terms.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Terms that are remembered before all are forgotten. */
const MAX_TERMS = 65_536;
/** Rough bytes of a remembered term: its spelling and its places in the tables. */
const TERM_BYTES = 60;

const encoder = new TextEncoder();

/** Says whether a text has phrases, of any number of searches; remembers the terms of the texts. */
export class PhraseFinder implements Disposable {
  #vocabulary: Vocabulary | undefined;

  /** Rough. */
  get bytes(): number {
    return (this.#vocabulary?.size ?? 0) * TERM_BYTES;
  }

  /**
   * @returns whether in a text the terms of each phrase stand next to each other, in order. A run with several terms (camelCase) holds one
   * place for each.
   */
  matcher(phrases: readonly (readonly string[])[]): (text: string) => boolean {
    if ((this.#vocabulary?.size ?? 0) >= MAX_TERMS) this[Symbol.dispose]();
    let known: Vocabulary | undefined;
    let wanted: NumberedPhrases | undefined;
    // equal texts score alike and so come one after the other
    let last: string | undefined;
    let held = false;
    return (text) => {
      if (text === last) return held;
      last = text;
      this.#vocabulary ??= new Vocabulary();
      // another search may have had all terms forgotten
      if (known !== this.#vocabulary) wanted = new NumberedPhrases(phrases);
      known = this.#vocabulary;
      const terms = known.read(text);
      wanted!.learn(known.spelling, known.size);
      held = wanted!.isIn(terms);
      return held;
    };
  }

  [Symbol.dispose](): void {
    this.#vocabulary?.[Symbol.dispose]();
    this.#vocabulary = undefined;
  }
}

class NumberedPhrases {
  readonly #spelled: readonly (readonly Uint8Array[])[];
  /** Of each phrase the numbers of its terms, -1 where no text had the term yet. */
  readonly #numbers: readonly Int32Array[];
  /** Terms that were looked through. */
  #seen = 0;

  constructor(phrases: readonly (readonly string[])[]) {
    this.#spelled = phrases.map((phrase) => phrase.map((term) => encoder.encode(term)));
    this.#numbers = phrases.map((phrase) => new Int32Array(phrase.length).fill(-1));
  }

  /** Looks for the phrases' terms among those that came since. */
  learn(terms: ByteStrings, size: number): void {
    for (; this.#seen < size; this.#seen++)
      for (let phrase = 0; phrase < this.#spelled.length; phrase++) {
        const spelled = this.#spelled[phrase]!;
        for (let i = 0; i < spelled.length; i++)
          if (isSpelled(terms, this.#seen, spelled[i]!)) this.#numbers[phrase]![i] = this.#seen;
      }
  }

  isIn(text: Uint32Array): boolean {
    return this.#numbers.every((phrase) => holds(text, phrase));
  }
}

function isSpelled({ bytes, starts }: ByteStrings, number: number, term: Uint8Array): boolean {
  const start = starts[number]!;
  if (starts[number + 1]! - start !== term.length) return false;
  for (let i = 0; i < term.length; i++) if (bytes[start + i] !== term[i]) return false;
  return true;
}

function holds(text: Uint32Array, phrase: Int32Array): boolean {
  const first = phrase[0]!;
  if (phrase.includes(-1)) return false;
  for (let at = text.indexOf(first); at >= 0; at = text.indexOf(first, at + 1)) {
    let length = 1;
    while (length < phrase.length && text[at + length] === phrase[length]) length++;
    if (length === phrase.length) return true;
  }
  return false;
}
