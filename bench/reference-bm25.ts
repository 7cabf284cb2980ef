/** BM25 as the textbook has it (Robertson & Zaragoza, 2009), over maps: slow and obvious, the yardstick of the words index. */

export interface Bm25Settings {
  readonly k1?: number;
  readonly b?: number;
  /** Default: small letters, a light stemmer. */
  readonly termsOf?: (text: string) => string[];
}

const DEFAULTS = { k1: 0.9, b: 0.4 } as const;

/** Plural s, -ed, -ing: the S-stemmer (Harman, 1991) and a little more. */
function stem(word: string): string {
  if (word.length > 5 && word.endsWith("ing")) return word.slice(0, -3);
  if (word.length > 4 && word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  if (word.length > 4 && word.endsWith("ed")) return word.slice(0, -2);
  if (word.length > 3 && word.endsWith("s") && !word.endsWith("ss") && !word.endsWith("us"))
    return word.slice(0, -1);
  return word;
}

const termsOf = (text: string): string[] => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map(stem);

export class ReferenceBm25 {
  /** term -> document -> occurrences */
  readonly #postings = new Map<string, Map<number, number>>();
  readonly #lengths: number[] = [];

  readonly #termsOf: (text: string) => string[];
  readonly #settings: { readonly k1: number; readonly b: number };

  constructor(texts: readonly string[], settings: Bm25Settings = {}) {
    this.#settings = { ...DEFAULTS, ...settings };
    this.#termsOf = settings.termsOf ?? termsOf;
    texts.forEach((text, document) => {
      const terms = this.#termsOf(text);
      this.#lengths.push(terms.length);
      for (const term of terms) {
        const documents = this.#postings.get(term) ?? new Map<number, number>();
        documents.set(document, (documents.get(document) ?? 0) + 1);
        this.#postings.set(term, documents);
      }
    });
  }

  /** Ordinals of the best k documents. */
  search(query: string, k: number): number[] {
    return [...this.scored(query)]
      .sort((a, b) => b[1] - a[1] || a[0] - b[0])
      .slice(0, k)
      .map(([document]) => document);
  }

  /** Scores of all documents that have a word of the query. */
  scored(query: string, settings: Omit<Bm25Settings, "termsOf"> = {}): Map<number, number> {
    const { k1, b } = { ...this.#settings, ...settings };
    const count = this.#lengths.length;
    const mean = this.#lengths.reduce((sum, length) => sum + length, 0) / count;
    const scores = new Map<number, number>();
    for (const term of this.#termsOf(query)) {
      const documents = this.#postings.get(term) ?? new Map<number, number>();
      const idf = Math.log(1 + (count - documents.size + 0.5) / (documents.size + 0.5));
      for (const [document, tf] of documents) {
        const norm = k1 * (1 - b + (b * this.#lengths[document]!) / mean);
        scores.set(document, (scores.get(document) ?? 0) + (idf * tf * (k1 + 1)) / (tf + norm));
      }
    }
    return scores;
  }
}
