/** SubstringModel: the face of a model that finds passages by n-grams that it writes. */
import type { TitledText } from "./index-texts.ts";
import type { NGramOptions, WrittenNGrams } from "./write-n-grams.ts";

/** A language model that writes n-grams of indexed texts, wherever it runs. */
export interface SubstringModel {
  /** Texts as the index that `nGrams` reads: its bytes, in memory that threads share. @throws MnemeError RANGE for no texts, CANCELLED */
  indexTexts(texts: readonly TitledText[], options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>;
  /**
   * N-grams of the indexed texts that the model would write about a question.
   * @throws MnemeError ARGUMENT, RANGE, CANCELLED, VERSION for an index of another model's tokens
   */
  nGrams(question: string, index: Uint8Array, options?: NGramOptions): Promise<WrittenNGrams>;
}
