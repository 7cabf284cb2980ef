/**
 * Generative: passages found by the n-grams of the library that a language model writes about a question (Bevilacqua and others,
 * Autoregressive Search Engines, 2022). Passages are indexed by the model's tokens, in memory, when they are first asked for and again
 * once some were added; those that went are left out.
 */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { type NGramHit, rankByNGrams, TokenIndex } from "../index/index.ts";
import type { RowSet } from "../index/row-set.ts";
import type { LanguageModel, SubstringModel, TitledText, WrittenNGrams } from "../model/index.ts";
import type { Claim } from "../storage/budget.ts";
import type { Library } from "./library.ts";
import { recordOf } from "./read-item.ts";

/** What the model said of a row. */
export interface GenerativeHit {
  readonly row: number;
  readonly score: number;
  /** The n-grams that it was found by, heaviest first, as tokens. */
  readonly matches: NGramHit["matches"];
}

/** What a model wrote about a question, over the library as it was then. */
export interface Written {
  /** @returns at most k rows among those of the filter, best first */
  rank(filter: RowSet | undefined, k: number): GenerativeHit[];
  /** The text of an n-gram. */
  textOf(tokens: readonly number[]): Promise<string>;
}

interface Built {
  /** Rows of the index's documents, and the number that the next row would have had. */
  readonly rows: Uint32Array;
  readonly nextRow: number;
  readonly index: TokenIndex;
}

/** N-grams of a hit that its reason tells. */
export const SHOWN_N_GRAMS = 8;

export class Generative implements Disposable {
  readonly #library: Library;
  readonly #model: LanguageModel & SubstringModel;
  #built: Promise<Built> | undefined;
  #claim: Claim | undefined;

  /** @throws MnemeError ARGUMENT where there is no model, or one that cannot be kept to a corpus */
  constructor(library: Library, model: LanguageModel | undefined) {
    if (!model || !("nGrams" in model && "indexTexts" in model))
      throw new MnemeError(
        "ARGUMENT",
        `search: "generative" needs a language model that runs here, ${model ? "this one does not" : "there is none"}; open the library with { model: await load() }`,
      );
    this.#library = library;
    this.#model = model as LanguageModel & SubstringModel;
  }

  /** Bytes of the index. */
  get bytes(): number {
    return this.#claim?.bytes ?? 0;
  }

  /** Has the model write. Nobody waits for it meanwhile. @throws MnemeError BUDGET for the index, and what the model throws */
  async write(question: string, signal: AbortSignal | undefined): Promise<Written> {
    const { rows, index } = await this.#upToDate(signal);
    const given = signal ? { signal } : {};
    const none: WrittenNGrams = {
      nGrams: [],
      unigrams: { tokens: new Uint32Array(0), logprobs: new Float32Array(0) },
      ms: 0,
      maskMs: 0,
    };
    const written =
      rows.length === 0 || question.trim() === ""
        ? none
        : await this.#model.nGrams(question, index.bytes, given);
    const { live } = this.#library;
    return {
      rank: (filter, k) =>
        rows.length === 0
          ? []
          : rankByNGrams(index, written.nGrams, written.unigrams, {
              k,
              allowed: (document) => (filter ?? live).has(rows[document]!),
            }).map(({ document, score, matches }) => ({ row: rows[document]!, score, matches })),
      textOf: async (tokens) => this.#model.decode(tokens),
    };
  }

  [Symbol.dispose](): void {
    this.#claim?.[Symbol.dispose]();
    this.#claim = undefined;
    this.#built = undefined;
  }

  async #upToDate(signal: AbortSignal | undefined): Promise<Built> {
    await this.#library.refresh();
    const underWay = this.#built;
    // what went wrong for another is its own matter
    const known = await underWay?.catch(() => undefined);
    if (known?.nextRow === this.#library.counters.nextRow) return known;
    if (this.#built !== underWay && this.#built) return this.#upToDate(signal);
    const building = this.#build(signal);
    this.#built = building;
    building.catch(() => {
      if (this.#built === building) this.#built = undefined;
    });
    return building;
  }

  async #build(signal: AbortSignal | undefined): Promise<Built> {
    const library = this.#library;
    const { rows, texts, nextRow } = await library.gate.read(() => this.#read(signal));
    const given = signal ? { signal } : {};
    const bytes = await this.#model.indexTexts(texts.length > 0 ? texts : [{ title: "", text: " " }], given);
    this.#claim ??= library.budget.claim("generative: tokens");
    this.#claim.resize(bytes.byteLength);
    return { rows, nextRow, index: TokenIndex.open(bytes) };
  }

  async #read(signal: AbortSignal | undefined): Promise<{
    readonly rows: Uint32Array;
    readonly texts: readonly TitledText[];
    readonly nextRow: number;
  }> {
    const { live, counters, pacer } = this.#library;
    const { nextRow } = counters;
    const rows: number[] = [];
    const texts: TitledText[] = [];
    for (let row = 0; row < nextRow; row++) {
      if (!live.has(row)) continue;
      throwIfAborted(signal, "search");
      if (pacer.isDue) await pacer.pause();
      const { head } = await recordOf(this.#library.placeOf(row));
      rows.push(row);
      texts.push({ title: head.title, text: await this.#library.passageText(row) });
    }
    return { rows: Uint32Array.from(rows), texts, nextRow };
  }
}
