/**
 * From a list of candidates to the documents that are used: those that the coins keep, best first, without documents that hold the
 * question itself, copies of better ones and scraps. Copies are looked for after the coins: the other order might drop a copy in favour
 * of one that a smaller store does not have.
 */
import { MnemeError } from "../../errors.ts";
import { isAlike, jaccard, longestSharedRun, type Shingled, shingled } from "./overlap.ts";

/** A document that a retriever found. */
export interface Found {
  readonly id: string;
  /** The larger the better. */
  readonly score: number;
}

export interface FilterOptions {
  /** Documents that share so many shingles with the question or its answers are left out; default 0.8. */
  readonly contamination?: number;
  /** So are those that share a run of so many words with them; default 32. */
  readonly sharedRun?: number;
  /** Documents that share more shingles with a better one are left out; default 0.8. */
  readonly duplicate?: number;
  /** Documents of fewer words are left out; default 13. */
  readonly words?: number;
}

export const filterDefaults = { contamination: 0.8, sharedRun: 32, duplicate: 0.8, words: 13 } as const;

/** Why documents were left out, by count. */
export interface LeftOut {
  contaminated: number;
  duplicate: number;
  short: number;
}

export interface Selection {
  /** At most k, best first. */
  readonly kept: readonly Found[];
  readonly leftOut: LeftOut;
}

/** Text of a document, read where a filter or an answer asks for it. */
export type TextOf = (document: Found) => Promise<string | undefined>;

/** The filters of a study: texts are read lazily, and the last ones are kept. */
export class Filter {
  readonly #text: TextOf;
  readonly #options: Required<FilterOptions>;
  readonly #held = new Map<string, Shingled>();
  static readonly #HELD = 4096;

  constructor(text: TextOf, options: FilterOptions = {}) {
    this.#text = text;
    this.#options = { ...filterDefaults, ...options };
  }

  /** @param evaluation the question and its answers. @throws MnemeError CORRUPT for a document without text */
  async select(candidates: Iterable<Found>, k: number, evaluation: Shingled): Promise<Selection> {
    const kept: Found[] = [];
    const texts: Shingled[] = [];
    const leftOut = { contaminated: 0, duplicate: 0, short: 0 };
    for (const candidate of candidates) {
      if (kept.length === k) break;
      const text = await this.#shingled(candidate);
      const why = this.#why(text, texts, evaluation);
      if (why) leftOut[why]++;
      else {
        kept.push(candidate);
        texts.push(text);
      }
    }
    return { kept, leftOut };
  }

  #why(text: Shingled, better: readonly Shingled[], evaluation: Shingled): keyof LeftOut | undefined {
    const { words, contamination, sharedRun, duplicate } = this.#options;
    if (text.words.length < words) return "short";
    if (isLong(evaluation, sharedRun) && longestSharedRun(evaluation, text) >= sharedRun)
      return "contaminated";
    if (evaluation.shingles.size > 0 && jaccard(text, evaluation) >= contamination) return "contaminated";
    return better.some((other) => isAlike(text, other, duplicate)) ? "duplicate" : undefined;
  }

  async #shingled(document: Found): Promise<Shingled> {
    const held = this.#held.get(document.id);
    if (held) return held;
    const text = await this.#text(document);
    if (text === undefined)
      throw new MnemeError(
        "CORRUPT",
        `scaling: document ${JSON.stringify(document.id)} was found but has no text; check the library with \`mneme doctor\``,
      );
    const made = shingled(text);
    if (this.#held.size >= Filter.#HELD) this.#held.delete(this.#held.keys().next().value!);
    this.#held.set(document.id, made);
    return made;
  }
}

const isLong = ({ words }: Shingled, sharedRun: number): boolean => words.length >= sharedRun;

/** The first k as they come: without filters no text is read. */
export function firstOf(candidates: Iterable<Found>, k: number): Selection {
  const kept: Found[] = [];
  for (const candidate of candidates) {
    if (kept.length === k) break;
    kept.push(candidate);
  }
  return { kept, leftOut: { contaminated: 0, duplicate: 0, short: 0 } };
}
