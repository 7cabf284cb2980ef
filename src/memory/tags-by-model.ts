/** Tags written by a language model that is shown the selected ones; what it adds is told apart. */
import type { LanguageModel, TagSuggestion } from "./types.ts";

/** Characters of the text that a model is shown. */
const SHOWN = 2000;
const MOST_TOKENS = 100;
/** A longer line is a sentence. */
const LONGEST_TAG = 60;

/** @param countOf items of the library that have a tag: 0 for a new one. @returns the selected ones where the model names none */
export async function writtenTags(
  model: LanguageModel,
  text: string,
  selected: readonly TagSuggestion[],
  k: number,
  countOf: (tag: string) => number,
  signal: AbortSignal | undefined,
): Promise<readonly TagSuggestion[]> {
  const content = [
    `Text: ${text.slice(0, SHOWN)}`,
    `Tags of similar texts, the best first: ${selected.map(({ tag }) => tag).join(", ") || "none"}`,
    `Choose the ${k} tags that fit the text best. You may add a missing one. Answer with the tags alone, separated by commas.`,
  ].join("\n");
  let written = "";
  for await (const piece of model.chat([{ role: "user", content }], {
    maxTokens: MOST_TOKENS,
    temperature: 0,
    ...(signal ? { signal } : {}),
  }))
    if (piece.type === "text") written += piece.text;
  const known = new Map(selected.map((one) => [keyOf(one.tag), one]));
  const tags = new Map<string, TagSuggestion>();
  for (const part of written.split(/[,\n;#]+/)) {
    const tag = part.replace(/^[\s"'`*\-\d.]+|[\s"'`*.]+$/g, "").replace(/\s+/g, " ");
    const key = keyOf(tag);
    if (key === "" || tag.length > LONGEST_TAG || tags.has(key) || tags.size === k) continue;
    const there = known.get(key);
    tags.set(
      key,
      there ? { ...there, by: "model" } : { tag, score: 0, count: countOf(tag), items: [], by: "model" },
    );
  }
  return tags.size > 0 ? [...tags.values()] : selected.slice(0, k);
}

const keyOf = (tag: string): string => tag.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
