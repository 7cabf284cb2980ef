/**
 * Candidates for tags of a text: those of items like it, each with the signals that a selector weighs: how its neighbours vote, how often the
 * library uses it, how near it is to the text in meaning, whether it stands there, and with which other candidates it goes.
 */
import type { Embedder } from "../embed/embedder.ts";
import { rowOf } from "../linalg/matrix.ts";
import type { Library } from "./library.ts";
import { search } from "./search.ts";
import type { TagOptions } from "./types.ts";

/** Signals of a candidate, in the order of its features. */
export const TAG_SIGNALS = [
  /** Sum of the squared scores of neighbours that have it, as shares of the best. */
  "votes",
  /** The same as a share of all candidates' votes. */
  "share",
  /** Mean score of its neighbours, as the paper ranks. */
  "mean",
  /** Score of the nearest neighbour that has it. */
  "nearest",
  /** Logarithm of how many neighbours have it. */
  "voters",
  /** Cosine of tag and text. */
  "meaning",
  /** Logarithm of how many items of the library have it. */
  "frequency",
  /** How much more often neighbours have it than the library, as a logarithm. */
  "lift",
  /** Whether its letters stand in the text, and as words of their own. */
  "spelled",
  "spelledAsWords",
  /** Share of the votes of the other tags of its neighbours. */
  "company",
  /** Letters, as a logarithm. */
  "length",
] as const;

/** Selector's weights without learning, chosen on the validation part of `mneme bench tags`. */
export const plainTagWeights: Float64Array = weightsOf({ votes: 1, meaning: 1, frequency: 0.1, spelled: 1 });

/** A shorter tag stands in other words by chance. */
const LEAST_SPELLED = 3;
/** Items named as evidence of a tag. */
const EVIDENCE = 3;

type Signals = Readonly<Partial<Record<(typeof TAG_SIGNALS)[number], number>>>;

function weightsOf(signals: Signals): Float64Array {
  return Float64Array.from(TAG_SIGNALS, (name) => signals[name] ?? 0);
}

export interface TagCandidate {
  readonly tag: string;
  /** Items of the library that have it. */
  readonly count: number;
  /** Neighbours that have it, the most alike first. */
  readonly items: readonly string[];
}

export interface TagCandidates {
  readonly candidates: readonly TagCandidate[];
  /** Candidates x signals, row-major. */
  readonly features: Float64Array;
}

interface Voter {
  readonly id: string;
  readonly share: number;
  readonly tags: readonly string[];
}

/** @param options as of `suggestTags`, with field and neighbours. @throws what a search throws */
export async function tagCandidates(
  library: Library,
  embedderNow: () => Embedder,
  text: string,
  options: TagOptions & { readonly field: string; readonly neighbours: number },
): Promise<TagCandidates> {
  const { field, neighbours, filter, exclude = [], signal } = options;
  const { hits } = await search(library, embedderNow, text, {
    k: Math.min(1000, neighbours + exclude.length),
    snippet: 0,
    ...(filter ? { filter } : {}),
    ...(signal ? { signal } : {}),
  });
  const kept = hits.filter(({ id }) => !exclude.includes(id)).slice(0, neighbours);
  const best = kept[0]?.score ?? 1;
  const voters = kept.map(({ id, score, meta }): Voter => {
    const share = best > 0 ? Math.max(0, score / best) : 1;
    return { id, share, tags: tagsIn(meta[field]) };
  });
  return signalsOf(library, embedderNow(), text, field, voters);
}

/** Values of the field, each once. */
export function tagsIn(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return [...new Set((Array.isArray(value) ? value : [value]).map(String))];
}

async function signalsOf(
  library: Library,
  embedder: Embedder,
  text: string,
  field: string,
  voters: readonly Voter[],
): Promise<TagCandidates> {
  const byTag = new Map<string, Voter[]>();
  for (const voter of voters)
    for (const tag of voter.tags) byTag.set(tag, [...(byTag.get(tag) ?? []), voter]);
  const tags = [...byTag.keys()];
  if (tags.length === 0) return { candidates: [], features: new Float64Array(0) };
  const vectors = await embedder.embed([text, ...tags]);
  const votes = new Map([...byTag].map(([tag, of]) => [tag, sum(of.map(({ share }) => share ** 2))]));
  const all = sum([...votes.values()]) || 1;
  const library_ = Math.max(1, library.live.count);
  const features = new Float64Array(tags.length * TAG_SIGNALS.length);
  const spells = spellingOf(text);
  const candidates = tags.map((tag, i): TagCandidate => {
    const of = byTag.get(tag)!;
    const count = tagCount(library, field, tag);
    const shares = of.map(({ share }) => share);
    const company = new Set(of.flatMap((voter) => voter.tags));
    company.delete(tag);
    const signals: Signals = {
      votes: votes.get(tag)!,
      share: votes.get(tag)! / all,
      mean: sum(shares) / of.length,
      nearest: Math.max(...shares),
      voters: Math.log(of.length),
      meaning: cosineOf(rowOf(vectors, 0), rowOf(vectors, i + 1)),
      frequency: Math.log(Math.max(1, count)),
      lift: Math.log((of.length / voters.length) * (library_ / Math.max(1, count))),
      ...spells(tag),
      company: sum([...company].map((other) => votes.get(other)!)) / all,
      length: Math.log(Math.max(1, tag.length)),
    };
    features.set(weightsOf(signals), i * TAG_SIGNALS.length);
    return { tag, count, items: of.slice(0, EVIDENCE).map(({ id }) => id) };
  });
  return { candidates, features };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

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

/** Whether a tag's letters stand in the text, and whether they begin and end with words of it. */
function spellingOf(text: string): (tag: string) => Signals {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const letters = words.join("");
  const ends = new Set<number>([0]);
  for (const [i, { length }] of words.entries()) ends.add(length + (i === 0 ? 0 : Math.max(...ends)));
  return (tag) => {
    const spelled = lettersOf(tag);
    if (spelled.length < LEAST_SPELLED) return {};
    let at = letters.indexOf(spelled);
    if (at < 0) return {};
    for (; at >= 0; at = letters.indexOf(spelled, at + 1))
      if (ends.has(at) && ends.has(at + spelled.length)) return { spelled: 1, spelledAsWords: 1 };
    return { spelled: 1 };
  };
}

interface Counted {
  readonly nextRow: number;
  readonly live: number;
  readonly fields: Map<string, ReadonlyMap<string, number>>;
}

const counted = new WeakMap<Library, Counted>();

/** Items of the library that have a tag; counted once between two changes. */
export function tagCount(library: Library, field: string, tag: string): number {
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
