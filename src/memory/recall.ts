/**
 * recall: from a question to ranked rows. Words and meaning are asked side by side, each candidate gets both scores exactly, and a
 * combination ranks them, then once more with what the best passages add to the question. Which of this is done, and where words and
 * meaning meet, the plan says.
 */

import type { Embedder } from "../embed/embedder.ts";
import { emptyHits, type Hits } from "../index/hits.ts";
import type { RowSet } from "../index/row-set.ts";
import type { SearchOptions } from "../index/segment.ts";
import type { SparseVector } from "../index/sparse/weights.ts";
import { MAX_QUERY_WORDS } from "../index/text/long-query.ts";
import { hasOperators } from "../index/text/query.ts";
import type { FlatSearchOptions } from "../index/vector/flat.ts";
import { type Candidates, type Found, foundRows, fusedScores, queryScores } from "./candidates.ts";
import type { CubeFound } from "./cube/ask-cube.ts";
import {
  passageTerms,
  type Relevant,
  rareTerms,
  relevantOf,
  sharpenScores,
  sharpenTerms,
  sharpenVector,
  weakness,
} from "./feedback.ts";
import type { Written } from "./generative.ts";
import type { Library } from "./library.ts";
import { withMatch, withWordsMatch } from "./match.ts";
import { generatedAlone, withGenerated } from "./mix-generated.ts";
import { alone, noted, type Ranking, rankingOf } from "./ranking.ts";
import type { FeedbackOptions, RecallPlan } from "./recall-plan.ts";
import type { SearchQuery } from "./types.ts";

export const recallDefaults = {
  /** Candidates asked of each index at least, when both are asked. Twice as many change no judged figure by more than 0.001. */
  depth: 50,
  /** Vectors re-scored per candidate asked of meaning. */
  rescore: 3,
} as const;

/** How much deeper the next round goes where one did not fill the page. */
const DEEPER = 3;

export interface Question {
  readonly text: string;
  readonly retriever: NonNullable<SearchQuery["retriever"]>;
  readonly plan: RecallPlan;
  /** Whether a search by one retriever alone has feedback too. */
  readonly alwaysFeedback: boolean;
  readonly vector?: Float32Array | undefined;
  /** What a language model wrote about the question, where it was asked. */
  readonly written?: Written | undefined;
  readonly sparse?: SparseVector | undefined;
  readonly filter: RowSet | undefined;
  /** Rows wanted. */
  readonly depth: number;
  /** Hits that will be shown at most. */
  readonly k: number;
  /** Wanted share of the best rows by meaning. */
  readonly recall?: number | undefined;
  /** What the cube has found of it. */
  readonly cube?: CubeFound | undefined;
  /** Makes what is told rows, one by one, and says whether those fill the page. */
  readonly enough?: (() => (row: number) => boolean) | undefined;
}

/** A question with what its rounds need. */
interface Asked {
  readonly question: Question;
  readonly vector: Float32Array;
  /** Rows asked of each index at first. */
  readonly depth: number;
  readonly notes: string[];
}

/** As deep as asked or deeper; `notes` say what could not be used. */
export async function recall(
  library: Library,
  embedder: Embedder,
  question: Question,
  notes: string[],
): Promise<Ranking> {
  const { written, filter, depth, retriever } = question;
  if (!written) return byIndexes(library, embedder, question, notes);
  const generated = written.rank(filter, Math.max(recallDefaults.depth, depth));
  if (generated.length === 0) notes.push("no n-gram that the model wrote says anything of a passage");
  if (retriever === "generative") return generatedAlone(generated, depth);
  return withGenerated(await byIndexes(library, embedder, question, notes), generated);
}

/** What words and meaning find. */
async function byIndexes(
  library: Library,
  embedder: Embedder,
  question: Question,
  notes: string[],
): Promise<Ranking> {
  const { retriever, plan, alwaysFeedback } = question;
  const wordsOnly = retriever === "words" || (retriever === "hybrid" && hasOperators(question.text));
  const isFused = !wordsOnly && (retriever === "hybrid" || (alwaysFeedback && plan.feedback !== undefined));
  const depth = isFused ? Math.max(recallDefaults.depth, question.depth) : question.depth;
  const { filter, enough } = question;
  const wish = { k: depth, filter, enough };
  const vector = wordsOnly ? undefined : await queryVector(embedder, question, notes);
  // all a search reads may be at hand: a loop of them would never let anything else of the process have its turn
  if (!(isFused && vector) && library.pacer.isDue) await library.pacer.pause();
  if (!vector) {
    if (retriever === "meaning") return alone(emptyHits, depth, "meaning");
    const ranking = alone(await wordsAlone(library, question, wish), depth, "words");
    noteLeftOut(library, question, notes);
    return retriever === "hybrid" && !wordsOnly ? withWordsMatch(library, question, ranking) : ranking;
  }
  if (isFused) return fused(library, { question, vector, depth, notes });
  const meant = flatOptions(question, wish);
  const ranking = alone(await library.vectors.search(vector, meant), depth, "meaning");
  return noted(ranking, { recall: library.vectors.expectedRecall(meant, question.k) });
}

/** Fused with words, the tail of the list matters less: fewer candidates are re-scored unless a recall is wanted. */
function flatOptions({ retriever, recall }: Question, wish: SearchOptions): FlatSearchOptions {
  const { k, filter, enough } = wish;
  if (recall !== undefined) return { k, filter, enough, recall };
  return retriever === "hybrid" ? { k, filter, enough, rescore: recallDefaults.rescore * k } : wish;
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

/** Directly after the words were searched. */
function noteLeftOut({ words }: Library, { text }: Question, notes: string[]): void {
  const count = words.leftOut(text);
  if (count > 0)
    notes.push(
      `${count} words of the query were not searched: of more than ${MAX_QUERY_WORDS} the most informative are`,
    );
}

/** By words alone; with feedback where that was asked for, which is a second search. */
async function wordsAlone(library: Library, question: Question, wish: SearchOptions): Promise<Hits> {
  const { text, plan, alwaysFeedback } = question;
  const hits = await library.words.search(text, wish);
  const { feedback } = plan;
  if (!alwaysFeedback || feedback?.words !== "rm3" || hits.rows.length === 0 || hasOperators(text))
    return hits;
  const added = await passageTerms(library, relevantOf(hits.rows, hits.scores, feedback.passages));
  const terms = sharpenTerms(await library.words.queryTerms(text), added);
  return library.words.searchTerms(terms, wish);
}

/** The whole plan: first round, fusion, feedback, second round, fusion. */
async function fused(library: Library, asked: Asked): Promise<Ranking> {
  const { question, notes } = asked;
  const { found, rows } = await firstRound(library, asked);
  if (found.words) noteLeftOut(library, question, notes);
  if (found.words?.rows.length === 0) notes.push("no word of the query occurs in the library");
  using vectors = await library.vectors.take(rows);
  const first = await firstCandidates(library, asked, found, { rows, vectors });
  const ranking = await sharpened(library, asked, first, found);
  const expected = library.vectors.expectedRecall(
    flatOptions(question, wishOf(question, found.depth)),
    question.k,
  );
  return noted(withMatch(library, question, first, ranking), { recall: expected });
}

/** With what the best passages add to the question, where that is wanted. */
async function sharpened(library: Library, asked: Asked, first: Candidates, found: Found): Promise<Ranking> {
  const { plan } = asked.question;
  const { feedback } = plan;
  if (!feedback) return rankingOf(first, found, plan);
  const basis = fusedScores(first, plan, plan.before);
  const weak = weakness(basis, feedback);
  if (weak !== undefined) {
    asked.notes.push(`no feedback: ${weak}`);
    return rankingOf(first, found, plan);
  }
  const relevant = relevantOf(first.rows, basis, feedback.passages);
  const meant = sharpenVector(asked.vector, first.vectors, relevant, feedback.vectors);
  const second = { first, found, relevant, meant, feedback };
  return await (feedback.again ? searchAgain : scoreAgain)(library, asked, second);
}

/** Whether rows do not fill the page although deeper lists would hold more. A second search finds others: then they may. */
function isTooLittle(
  { live }: Library,
  rows: Uint32Array,
  depth: number,
  { enough, plan }: Question,
): boolean {
  if (!enough || rows.length < depth || plan.feedback?.again) return false;
  const willDo = enough();
  return !rows.some((row) => willDo(row)) && depth <= live.count;
}

interface FirstRound {
  readonly found: Found;
  /** All that it found, ascending. */
  readonly rows: Uint32Array;
}

/**
 * Other threads scan for meaning while the words are looked up, and rank by words while what the scan found is looked at. Goes deeper, by
 * the same scan, until there are rows enough for the page: passages of one item may crowd the top.
 */
async function firstRound(library: Library, { question, vector, depth: least }: Asked): Promise<FirstRound> {
  const { plan, text, sparse, retriever, cube } = question;
  const isMixed = retriever === "hybrid" && (plan.before ?? plan.after) !== undefined;
  const usesSparse = isMixed && sparse !== undefined && plan.sparse > 0;
  const usesWords = isMixed && !(usesSparse && plan.sparse === 1);
  using search = library.vectors.begin(vector, flatOptions(question, wishOf(question, least)));
  // others and the collector have their turn while other threads scan
  if (library.pacer.isDue) await library.pacer.pause();
  for (let depth = least; ; depth *= DEEPER) {
    const wish = wishOf(question, depth);
    using words = usesWords ? await library.words.begin(text, wish) : undefined;
    const meaning = await search.finish(flatOptions(question, wish));
    const found = {
      words: await words?.finish(),
      sparse: usesSparse ? await library.sparse.search(sparse, wish) : undefined,
      meaning,
      depth,
      cube,
    };
    const rows = foundRows(found);
    if (!isTooLittle(library, rows, depth, question)) return { found, rows };
  }
}

/** What indexes are asked of which both have a say. */
const wishOf = ({ filter }: Question, k: number): SearchOptions => ({ k, filter });

async function firstCandidates(
  library: Library,
  { question: { text, sparse }, vector }: Asked,
  found: Found,
  { rows, vectors }: Pick<Candidates, "rows" | "vectors">,
): Promise<Candidates> {
  const { words } = found;
  return {
    rows,
    words: words && (await queryScores(library, text, rows, words)),
    sparse: found.sparse && (await library.sparse.score(sparse!, rows)),
    meaning: vectors.score(vector),
    vectors,
  };
}

/** What the second round starts from. */
interface Second {
  readonly first: Candidates;
  readonly found: Found;
  readonly relevant: readonly Relevant[];
  /** The sharpened vector. */
  readonly meant: Float32Array;
  readonly feedback: Required<FeedbackOptions>;
}

/** Whether words or sparse vectors have a say in the final order that feedback could sharpen. */
function sharpensTerms({ first, feedback }: Second, { after }: RecallPlan): boolean {
  return (first.words ?? first.sparse) !== undefined && after !== undefined && feedback.words === "rm3";
}

/** Tokens of a sparse query that are terms of the words index too are what passages can add to: others stay as they are. */
const termsOf = (sparse: SparseVector): Map<string, number> => new Map(Object.entries(sparse));

/** The candidates get the scores of the sharpened question: what the first round did not find stays unfound. */
async function scoreAgain(library: Library, asked: Asked, second: Second): Promise<Ranking> {
  const { text, plan, sparse: given } = asked.question;
  const { first, found, relevant, meant } = second;
  let { words, sparse } = first;
  if (sharpensTerms(second, plan)) {
    const added = await passageTerms(library, relevant);
    if (words) {
      const scores = await library.words.scoreTerms(added, first.rows);
      words = sharpenScores(await library.words.queryTerms(text), words, scores);
    }
    if (sparse) {
      const own = termsOf(given!);
      const sharpened = sharpenTerms(own, rareTerms(library, own, added));
      sparse = await library.sparse.score(Object.fromEntries(sharpened), first.rows);
    }
  }
  const { rows, vectors } = first;
  const sharpened = { rows, vectors, words, sparse, meaning: vectors.score(meant) };
  return rankingOf(sharpened, found, plan, first.meaning);
}

/** The indexes are asked again. */
async function searchAgain(library: Library, asked: Asked, second: Second): Promise<Ranking> {
  const { question } = asked;
  const { plan, text } = question;
  const { found, relevant, meant } = second;
  const { depth } = found;
  const wish = wishOf(question, depth);
  const meaning = await library.vectors.search(meant, flatOptions(question, wish));
  const usesWords = found.words !== undefined && plan.after !== undefined;
  let terms = await library.words.queryTerms(text);
  const usesSparse = found.sparse !== undefined && plan.after !== undefined;
  let words = usesWords ? found.words : undefined;
  let sparse = usesSparse ? found.sparse : undefined;
  let tokens = question.sparse;
  if (sharpensTerms(second, plan)) {
    const added = await passageTerms(library, relevant);
    if (usesWords) {
      terms = sharpenTerms(terms, added);
      words = await library.words.searchTerms(terms, wish);
    }
    if (usesSparse) {
      const own = termsOf(tokens!);
      tokens = Object.fromEntries(sharpenTerms(own, rareTerms(library, own, added)));
      sparse = await library.sparse.search(tokens, wish);
    }
  }
  const again = {
    words,
    sparse,
    meaning,
    depth,
    cube: found.cube,
  };
  const rows = foundRows(again);
  using vectors = await library.vectors.take(rows);
  const scores = {
    words: words && (await library.words.scoreTerms(terms, rows)),
    sparse: again.sparse && (await library.sparse.score(tokens!, rows)),
    meaning: vectors.score(meant),
  };
  return rankingOf({ rows, vectors, ...scores }, again, plan, vectors.score(asked.vector));
}
