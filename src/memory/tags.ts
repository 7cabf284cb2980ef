/**
 * Tags for a text from those of items like it (RIGHT: Fan et al., RIGHT: Retrieval-augmented Generation for Mainstream Hashtag Recommendation, 2024):
 * retrieved neighbours vote, and signals of the whole library select the mainstream ones among their tags: how often a tag is used, how near it is to
 * the text in meaning, whether it stands there. A language model may write the last list from the selected ones.
 */
import type { Embedder } from "../embed/embedder.ts";
import { MnemeError } from "../errors.ts";
import { rowOf } from "../linalg/matrix.ts";
import type { Library } from "./library.ts";
import { search } from "./search.ts";
import { writtenTags } from "./tags-by-model.ts";
import type { LanguageModel, TagOptions, TagSuggestion } from "./types.ts";

export const tagDefaults = {
  field: "tags",
  k: 5,
  /** Items like the text that are asked. */
  neighbours: 50,
} as const;

/** Weights beside the neighbours' votes, chosen on the validation part of `mneme bench tags`. */
const VOTE_POWER = 2;
const MEANING = 1;
const FREQUENCY = 0.1;
const SPELLED_OUT = 1;
/** A shorter tag stands in other words by chance. */
const LEAST_SPELLED = 3;
const MOST_TAGS = 50;
/** Items named as evidence of a tag. */
const EVIDENCE = 3;

interface Candidate {
  readonly tag: string;
  votes: number;
  readonly items: string[];
}

/** @throws MnemeError ARGUMENT (empty text), RANGE, CANCELLED; what the model throws */
export async function suggestTags(
  library: Library,
  embedderNow: () => Embedder,
  model: LanguageModel | undefined,
  text: string,
  options: TagOptions,
): Promise<readonly TagSuggestion[]> {
  const {
    field = tagDefaults.field,
    k = tagDefaults.k,
    neighbours = tagDefaults.neighbours,
    filter,
    exclude = [],
    signal,
  } = options;
  check(text, k, neighbours);
  const asked = {
    k: Math.min(1000, neighbours + exclude.length),
    snippet: 0,
    ...(filter ? { filter } : {}),
    ...(signal ? { signal } : {}),
  };
  const { hits } = await search(library, embedderNow, text, asked);
  const kept = hits.filter(({ id }) => !exclude.includes(id)).slice(0, neighbours);
  const candidates = new Map<string, Candidate>();
  const best = kept[0]?.score ?? 1;
  for (const { id, score, meta } of kept)
    for (const tag of tagsOf(meta[field])) {
      const candidate = candidates.get(tag) ?? { tag, votes: 0, items: [] };
      candidates.set(tag, candidate);
      candidate.votes += best > 0 ? Math.max(0, score / best) ** VOTE_POWER : 1;
      if (candidate.items.length < EVIDENCE) candidate.items.push(id);
    }
  const selected = await select(library, embedderNow(), text, field, [...candidates.values()]);
  const ranked = selected.slice(0, Math.max(k, tagDefaults.k));
  return model
    ? await writtenTags(model, text, ranked, k, (tag) => countOf(library, field, tag), signal)
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

/** Values of the field, each once. */
function tagsOf(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return [...new Set((Array.isArray(value) ? value : [value]).map(String))];
}

/** The candidates with the signals of the whole library, best first. */
async function select(
  library: Library,
  embedder: Embedder,
  text: string,
  field: string,
  candidates: readonly Candidate[],
): Promise<TagSuggestion[]> {
  if (candidates.length === 0) return [];
  const vectors = await embedder.embed([text, ...candidates.map(({ tag }) => tag)]);
  const letters = lettersOf(text);
  const asked = rowOf(vectors, 0);
  const scored = candidates.map(({ tag, votes, items }, i): TagSuggestion => {
    const count = countOf(library, field, tag);
    const cosine = cosineOf(asked, rowOf(vectors, i + 1));
    const spelled = lettersOf(tag);
    const isSpelled = spelled.length >= LEAST_SPELLED && letters.includes(spelled);
    const score =
      votes + MEANING * cosine + FREQUENCY * Math.log(Math.max(1, count)) + (isSpelled ? SPELLED_OUT : 0);
    return { tag, score, count, items, by: "neighbours" };
  });
  return scored.sort((a, b) => b.score - a.score || (a.tag < b.tag ? -1 : 1));
}

/** 0 beside a zero vector: a tag whose letters the embedder does not know. */
function cosineOf(a: Float32Array, b: Float32Array): number {
  let [product, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    squareA += a[i]! * a[i]!;
    squareB += b[i]! * b[i]!;
  }
  return product / (Math.sqrt(squareA * squareB) || 1);
}

const lettersOf = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");

interface Counted {
  readonly nextRow: number;
  readonly live: number;
  readonly fields: Map<string, ReadonlyMap<string, number>>;
}

const counted = new WeakMap<Library, Counted>();

/** Items of the library that have a tag; counted once between two changes. */
function countOf(library: Library, field: string, tag: string): number {
  const { nextRow } = library.counters;
  const live = library.live.count;
  let known = counted.get(library);
  if (!known || known.nextRow !== nextRow || known.live !== live) {
    known = { nextRow, live, fields: new Map() };
    counted.set(library, known);
  }
  let counts = known.fields.get(field);
  if (!counts) {
    const facets = library.columns.facets(field, library.live, Number.POSITIVE_INFINITY);
    counts = new Map(facets.map(({ value, count }) => [value, count]));
    known.fields.set(field, counts);
  }
  return counts.get(tag) ?? 0;
}
