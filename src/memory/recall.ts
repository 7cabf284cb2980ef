/**
 * recall: from a question to ranked rows. Words and meaning are asked side by side, each candidate gets both scores exactly, and a
 * convex combination ranks them (Bruch et al., An Analysis of Fusion Functions for Hybrid Retrieval, 2023), then once more with what
 * the best passages add to the question.
 */

import type { Embedder } from "../embed/embedder.ts";
import { MnemeError } from "../errors.ts";
import type { Hits } from "../index/hits.ts";
import type { RowSet } from "../index/row-set.ts";
import type { SearchOptions } from "../index/segment.ts";
import { hasOperators } from "../index/text/query.ts";
import { type Candidates, mix, withFeedback } from "./feedback.ts";
import type { Library } from "./library.ts";
import type { SearchQuery } from "./types.ts";

export const recallDefaults = {
  /** Candidates asked of each index, at least. Twice as many change no judged figure by more than 0.001. */
  depth: 50,
  /** Weight of meaning in the combination; words weigh the rest. Flat between 0.2 and 0.4 on three judged collections. */
  meaning: 0.3,
  /** The same where no feedback follows. */
  meaningAlone: 0.2,
  /** Vectors re-scored per candidate asked of meaning. */
  rescore: 3,
} as const;

/** One ranked row and what each retriever said of it. */
export interface Ranked {
  readonly row: number;
  readonly score: number;
  readonly words?: { readonly score: number; readonly rank: number };
  readonly meaning?: { readonly score: number; readonly rank: number };
}

export interface Question {
  readonly text: string;
  readonly retriever: NonNullable<SearchQuery["retriever"]>;
  /** Whether the best passages sharpen the question. */
  readonly feedback: boolean;
  readonly vector?: Float32Array;
  readonly filter: RowSet | undefined;
  /** Rows wanted. */
  readonly depth: number;
}

/** Rows in rank order, `depth` of them or more unless there are fewer; `notes` say what could not be used. */
export async function recall(
  library: Library,
  embedder: Embedder,
  question: Question,
  notes: string[],
): Promise<Ranked[]> {
  const depth = Math.max(recallDefaults.depth, question.depth);
  const options = { k: depth, ...(question.filter ? { filter: question.filter } : {}) };
  const wordsOnly =
    question.retriever === "words" || (question.retriever === "hybrid" && hasOperators(question.text));
  const vector = wordsOnly ? undefined : await queryVector(embedder, question, notes);
  const meaning = vector && (await meaningHits(library, vector, question, options));
  if (question.retriever === "meaning") return meaning ? alone(meaning, "meaning") : [];
  const beside = meaning ? meaning.rows.slice().sort() : new Uint32Array(0);
  const { hits: words, scores } = await library.words.searchBeside(question.text, options, beside);
  if (!meaning) return alone(words, "words");
  if (words.rows.length === 0) notes.push("no word of the query occurs in the library");
  return combine(library, question, vector, { words, meaning, beside, scores });
}

/** Fused with words, the tail of the list matters less: fewer candidates are re-scored. */
function meaningHits(
  library: Library,
  vector: Float32Array,
  { retriever }: Question,
  options: SearchOptions,
): Promise<Hits> {
  const rescore = retriever === "hybrid" ? { rescore: recallDefaults.rescore * options.k } : {};
  return library.vectors.search(vector, { ...options, ...rescore });
}

async function queryVector(
  embedder: Embedder,
  question: Question,
  notes: string[],
): Promise<Float32Array | undefined> {
  if (question.vector) return question.vector;
  const { data } = await embedder.embed([question.text], { role: "query" });
  if (data.some((value) => value !== 0)) return data;
  notes.push("the query has no token that the embedder knows; words alone were searched");
  return undefined;
}

function alone(hits: Hits, by: "words" | "meaning"): Ranked[] {
  return Array.from(hits.rows, (row, i) => ({
    row,
    score: hits.scores[i]!,
    [by]: { score: hits.scores[i]!, rank: i + 1 },
  }));
}

/** What both retrievers found, and the words' scores of the rows that meaning found, ascending. */
interface Found {
  readonly words: Hits;
  readonly meaning: Hits;
  readonly beside: Uint32Array;
  readonly scores: Float64Array;
}

async function combine(
  library: Library,
  { text, feedback }: Question,
  vector: Float32Array,
  found: Found,
): Promise<Ranked[]> {
  const wordRanks = ranksOf(found.words);
  const meaningRanks = ranksOf(found.meaning);
  const onlyMeaning = found.beside.filter((row) => !wordRanks.has(row));
  const rows = new Uint32Array(found.words.rows.length + onlyMeaning.length);
  rows.set(found.words.rows);
  rows.set(onlyMeaning, found.words.rows.length);
  rows.sort();
  const vectors = await library.vectors.take(rows);
  const candidates: Candidates = {
    rows,
    words: wordScoresOf(rows, found, wordRanks),
    meaning: vectors.score(vector),
    vectors,
  };
  const weight = feedback ? recallDefaults.meaning : recallDefaults.meaningAlone;
  const first = mix(candidates.words, candidates.meaning, weight);
  const scores = feedback ? await withFeedback(library, text, vector, candidates, first) : first;
  const order = Uint32Array.from(rows.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return Array.from(order, (i): Ranked => {
    const row = rows[i]!;
    const wordRank = wordRanks.get(row);
    const meaningRank = meaningRanks.get(row);
    return {
      row,
      score: scores[i]!,
      ...(wordRank ? { words: { score: candidates.words[i]!, rank: wordRank } } : {}),
      ...(meaningRank ? { meaning: { score: candidates.meaning[i]!, rank: meaningRank } } : {}),
    };
  });
}

function wordScoresOf(
  rows: Uint32Array,
  { words, beside, scores }: Found,
  ranks: ReadonlyMap<number, number>,
): Float64Array {
  let at = 0;
  return Float64Array.from(rows, (row) => {
    while (at < beside.length && beside[at]! < row) at++;
    const rank = ranks.get(row);
    return rank === undefined ? scores[at]! : words.scores[rank - 1]!;
  });
}

const ranksOf = ({ rows }: Hits): Map<number, number> => new Map(Array.from(rows, (row, i) => [row, i + 1]));

/** A cursor is a place in the order and how many hits came before it, bound to its query. */
export interface PageCursor {
  readonly score: number;
  readonly row: number;
  readonly seen: number;
}

export function encodeCursor(cursor: PageCursor): string {
  return btoa(`${cursor.score}:${cursor.row}:${cursor.seen}`).replaceAll("=", "");
}

/** @throws MnemeError ARGUMENT */
export function decodeCursor(text: string): PageCursor {
  try {
    const [score, row, seen] = atob(text).split(":").map(Number);
    if ([score, row, seen].every((part) => Number.isFinite(part)))
      return { score: score!, row: row!, seen: seen! };
  } catch {
    // not base64: reported below like any other nonsense
  }
  throw new MnemeError(
    "ARGUMENT",
    `search: cursor ${JSON.stringify(text)} was not made by a search; pass the \`next\` of an earlier result`,
  );
}
