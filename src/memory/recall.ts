/**
 * recall: from a question to ranked rows. Words and meaning are asked side by side, each candidate gets both scores exactly, and a
 * convex combination ranks them (Bruch et al., An Analysis of Fusion Functions for Hybrid Retrieval, 2023), then once more with what
 * the best passages add to the question.
 */

import type { Embedder } from "../embed/embedder.ts";
import { MnemeError } from "../errors.ts";
import { emptyHits, type Hits } from "../index/hits.ts";
import type { RowSet } from "../index/row-set.ts";
import type { SearchOptions } from "../index/segment.ts";
import { hasOperators } from "../index/text/query.ts";
import type { FlatSearchOptions } from "../index/vector/flat.ts";
import { type CubeFound, cubeDefaults } from "./cube/ask-cube.ts";
import { type Candidates, mix, withFeedback } from "./feedback.ts";
import type { Library } from "./library.ts";
import type { SearchQuery } from "./types.ts";

export const recallDefaults = {
  /** Candidates asked of each index at least, when both are asked. Twice as many change no judged figure by more than 0.001. */
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
  readonly cube?: CubeFound["hits"] extends ReadonlyMap<number, infer H> ? H : never;
}

/** Rows, best first. Most are never shown: what the retrievers said of one is put together when it is asked for. */
export interface Ranking {
  readonly rows: Uint32Array;
  readonly scores: Float32Array | Float64Array;
  /** Share of the best rows by meaning that the search is likely to have met; absent where meaning was not asked. */
  readonly recall?: number;
  /** Row number `place` of the ranking. */
  at(place: number): Ranked;
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
  /** Hits that will be shown at most. */
  readonly k: number;
  /** Wanted share of the best rows by meaning. */
  readonly recall?: number | undefined;
  /** What the cube has found of it. */
  readonly cube?: CubeFound | undefined;
}

/** `depth` rows or more unless there are fewer; `notes` say what could not be used. */
export async function recall(
  library: Library,
  embedder: Embedder,
  question: Question,
  notes: string[],
): Promise<Ranking> {
  const wordsOnly =
    question.retriever === "words" || (question.retriever === "hybrid" && hasOperators(question.text));
  const fused = !wordsOnly && question.retriever === "hybrid";
  const depth = fused ? Math.max(recallDefaults.depth, question.depth) : question.depth;
  const options = { k: depth, ...(question.filter ? { filter: question.filter } : {}) };
  const vector = wordsOnly ? undefined : await queryVector(embedder, question, notes);
  const meant = flatOptions(question, options);
  using search = vector && library.vectors.begin(vector, meant);
  const expected = search ? { recall: library.vectors.expectedRecall(meant, question.k) } : {};
  if (question.retriever === "meaning")
    return { ...alone((await search?.finish()) ?? emptyHits, "meaning"), ...expected };
  const words = await library.words.search(question.text, options);
  if (!vector || !search) return alone(words, "words");
  const meaning = await search.finish();
  if (words.rows.length === 0) notes.push("no word of the query occurs in the library");
  const beside = union(meaning.rows, question.cube?.rows);
  const scores = await library.words.scoreQuery(question.text, beside);
  return { ...(await combine(library, question, vector, { words, meaning, beside, scores })), ...expected };
}

/** Fused with words, the tail of the list matters less: fewer candidates are re-scored unless a recall is wanted. */
function flatOptions({ retriever, recall }: Question, options: SearchOptions): FlatSearchOptions {
  if (recall !== undefined) return { ...options, recall };
  return retriever === "hybrid" ? { ...options, rescore: recallDefaults.rescore * options.k } : options;
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

function alone(hits: Hits, by: "words" | "meaning"): Ranking {
  return {
    ...hits,
    at(place) {
      const score = hits.scores[place]!;
      return { row: hits.rows[place]!, score, [by]: { score, rank: place + 1 } };
    },
  };
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
  { text, feedback, cube }: Question,
  vector: Float32Array,
  found: Found,
): Promise<Ranking> {
  const wordPlaces = placesOf(found.words);
  const onlyMeaning = found.beside.filter((row) => !wordPlaces.has(row));
  const rows = new Uint32Array(found.words.rows.length + onlyMeaning.length);
  rows.set(found.words.rows);
  rows.set(onlyMeaning, found.words.rows.length);
  rows.sort();
  using vectors = await library.vectors.take(rows);
  const candidates: Candidates = {
    rows,
    words: wordScoresOf(rows, found, wordPlaces),
    meaning: vectors.score(vector),
    vectors,
  };
  const weight = feedback ? recallDefaults.meaning : recallDefaults.meaningAlone;
  const first = mix(candidates.words, candidates.meaning, weight);
  const judged = feedback ? await withFeedback(library, text, vector, candidates, first) : first;
  const scores = cube ? withCube(judged, rows, cube) : judged;
  const order = orderOf(scores);
  return {
    rows: order.map((i) => rows[i]!),
    scores: Float64Array.from(order, (i) => scores[i]!),
    at(place) {
      const i = order[place]!;
      const row = rows[i]!;
      const wordPlace = wordPlaces.get(row);
      const meaningPlace = found.meaning.rows.indexOf(row);
      const filed = cube?.hits.get(row);
      return {
        row,
        score: scores[i]!,
        ...(wordPlace === undefined ? {} : { words: { score: candidates.words[i]!, rank: wordPlace + 1 } }),
        ...(meaningPlace < 0 ? {} : { meaning: { score: candidates.meaning[i]!, rank: meaningPlace + 1 } }),
        ...(filed ? { cube: filed } : {}),
      };
    },
  };
}

/** Rows of both, ascending, each once. */
function union(a: Uint32Array, b: Uint32Array | undefined): Uint32Array {
  if (!b) return a.slice().sort();
  return Uint32Array.from(new Set([...a, ...b])).sort();
}

/** A convex combination: what the cube says as a share of its best row. */
function withCube(scores: Float64Array, rows: Uint32Array, { hits, best }: CubeFound): Float64Array {
  const { weight } = cubeDefaults;
  return scores.map((score, i) => {
    const ofCube = (hits.get(rows[i]!)?.score ?? 0) / best;
    return (score + weight * ofCube) / (1 + weight);
  });
}

/** Indexes of scores, largest score first, equal ones ascending. */
function orderOf(scores: Float64Array): Uint32Array {
  const order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  // by signs: differences would leave a number each to the collector
  return order.sort((a, b) => (scores[a]! > scores[b]! ? -1 : scores[a]! < scores[b]! ? 1 : a - b));
}

function wordScoresOf(
  rows: Uint32Array,
  { words, beside, scores }: Found,
  places: ReadonlyMap<number, number>,
): Float64Array {
  const all = new Float64Array(rows.length);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    while (at < beside.length && beside[at]! < row) at++;
    const place = places.get(row);
    all[i] = place === undefined ? scores[at]! : words.scores[place]!;
  }
  return all;
}

function placesOf({ rows }: Hits): Map<number, number> {
  const places = new Map<number, number>();
  for (let place = 0; place < rows.length; place++) places.set(rows[place]!, place);
  return places;
}

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
