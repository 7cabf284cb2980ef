/** Texts as a token index: of each its title, a separator that no model writes, and its body. */

import { throwIfAborted } from "../../errors.ts";
import { TokenIndex } from "../../index/text/token-index/token-index.ts";
import { crc32 } from "../../storage/crc32.ts";
import type { ModelConfig } from "../config.ts";
import type { Tokenizer } from "../tokenizer.ts";

export interface TitledText {
  readonly title: string;
  readonly text: string;
}

/** The token between a title and its body: the first that is none of the model's. */
export const separatorOf = ({ vocabulary }: Pick<ModelConfig, "vocabulary">): number => vocabulary;

/** Tags that are known. */
const tags = new WeakMap<Tokenizer, number>();

/** A number that names a tokenizer: the same for the same tokens. */
export function tokenizerTag(tokenizer: Tokenizer, vocabulary: number): number {
  let tag = tags.get(tokenizer);
  if (tag === undefined) {
    const spelled = Array.from({ length: vocabulary }, (_, token) => tokenizer.tokenOf(token) ?? "");
    tag = crc32(new TextEncoder().encode(spelled.join("\n")));
    tags.set(tokenizer, tag);
  }
  return tag;
}

/** @param pause between texts, now and then. @throws MnemeError RANGE for no texts, CANCELLED */
export async function indexTexts(
  tokenizer: Tokenizer,
  config: Pick<ModelConfig, "vocabulary">,
  texts: readonly TitledText[],
  pause: () => Promise<void>,
  signal?: AbortSignal,
): Promise<TokenIndex> {
  const documents: Uint32Array[] = [];
  for (const { title, text } of texts) {
    throwIfAborted(signal, "index texts");
    await pause();
    documents.push(
      Uint32Array.from([...tokenizer.encode(title), separatorOf(config), ...tokenizer.encode(text)]),
    );
  }
  return TokenIndex.build(documents, tokenizerTag(tokenizer, config.vocabulary));
}
