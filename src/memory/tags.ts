/**
 * Tags for a text from those of items like it (RIGHT: Fan et al., RIGHT: Retrieval-augmented Generation for Mainstream Hashtag Recommendation, 2024):
 * retrieved neighbours name candidates, and a selector, plain or learnt from the library's own items, finds the mainstream ones among
 * them. A language model may write the last list from the selected ones.
 */
import type { Embedder } from "../embed/embedder.ts";
import { MnemeError } from "../errors.ts";
import { logitScore } from "../linalg/conditional-logit.ts";
import type { Library } from "./library.ts";
import {
  plainTagWeights,
  TAG_SIGNALS,
  type TagCandidates,
  tagCandidates,
  tagCount,
} from "./tag-candidates.ts";
import { writtenTags } from "./tags-by-model.ts";
import type { LanguageModel, TagOptions, TagSuggestion } from "./types.ts";

export const tagDefaults = {
  field: "tags",
  k: 5,
  /** Items like the text that are asked. */
  neighbours: 50,
} as const;

const MOST_TAGS = 50;

/** @throws MnemeError ARGUMENT (empty text), RANGE, CANCELLED; what the model throws */
export async function suggestTags(
  library: Library,
  embedderNow: () => Embedder,
  model: LanguageModel | undefined,
  text: string,
  options: TagOptions,
): Promise<readonly TagSuggestion[]> {
  const asked = { ...tagDefaults, ...options };
  const { field, k, signal } = asked;
  check(text, k, asked.neighbours);
  const found = await tagCandidates(library, embedderNow, text, asked);
  const ranked = select(found, selectorWeights(library, field)).slice(0, Math.max(k, tagDefaults.k));
  return model
    ? await writtenTags(model, text, ranked, k, (tag) => tagCount(library, field, tag), signal)
    : ranked.slice(0, k);
}

function check(text: string, k: number, neighbours: number): void {
  if (typeof text !== "string" || text.trim() === "")
    throw new MnemeError("ARGUMENT", "tags: the text is empty; give what the tags are for");
  if (!Number.isInteger(k) || k < 1 || k > MOST_TAGS)
    throw new MnemeError("RANGE", `tags: k must be a whole number from 1 to ${MOST_TAGS}, got ${k}`);
  if (!Number.isInteger(neighbours) || neighbours < 1)
    throw new MnemeError("RANGE", `tags: neighbours must be a whole number from 1, got ${neighbours}`);
}

/** What the library has learnt for a field's tags, in the space that answers; else the plain weights. */
function selectorWeights({ manifest }: Library, field: string): Float64Array {
  const learnt = manifest.tagSelectors?.find((one) => one.field === field && one.space === manifest.active);
  return learnt ? Float64Array.from(TAG_SIGNALS, (signal) => learnt.weights[signal] ?? 0) : plainTagWeights;
}

/** The candidates by their weighed signals, best first. */
export function select({ candidates, features }: TagCandidates, weights: Float64Array): TagSuggestion[] {
  const scored = candidates.map(
    (candidate, i): TagSuggestion => ({
      ...candidate,
      score: logitScore(features, i, weights),
      by: "neighbours",
    }),
  );
  return scored.sort((a, b) => b.score - a.score || (a.tag < b.tag ? -1 : 1));
}
