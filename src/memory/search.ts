/** search: the public verb. Checks the query, ranks rows, keeps one passage an item, and dresses the few that are shown. */
import type { Embedder } from "../embed/embedder.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { isAfter } from "../index/hits.ts";
import type { RowSet } from "../index/row-set.ts";
import { rowAt } from "../index/segment.ts";
import { checkSparse } from "../index/sparse/weights.ts";
import { hasOperators } from "../index/text/query.ts";
import { snippetOf } from "./answer/snippet.ts";
import { askCube, type CubeFound } from "./cube/ask-cube.ts";
import { checkChoice, facetRows, fileFirst } from "./cube/facet-rows.ts";
import { searchDefaults } from "./defaults.ts";
import { type Generative, SHOWN_N_GRAMS, type Written } from "./generative.ts";
import { placeOf } from "./item-record.ts";
import { tunedOf } from "./layout.ts";
import type { Library, RowPlace } from "./library.ts";
import { decodeCursor, encodeCursor, type PageCursor, queryChecksum } from "./page-cursor.ts";
import type { Ranked, Ranking } from "./ranking.ts";
import { readPassage, recordOf } from "./read-item.ts";
import { recall } from "./recall.ts";
import { planRecall } from "./recall-plan.ts";
import { matchingRows } from "./select.ts";
import type { Hit, Reason, SearchQuery, SearchResult } from "./types.ts";
import { checkVector } from "./validate.ts";

/** More hits than this are paged by cursor. */
const MAX_K = 1000;
/** Less is not worth a search. */
const LEAST_RECALL = 0.5;

const RETRIEVERS: readonly unknown[] = ["hybrid", "words", "meaning", "generative"];

const isGenerative = ({ retriever = searchDefaults.retriever, generative = false }: SearchQuery): boolean =>
  retriever === "generative" || (generative && retriever === "hybrid");

/** @param generative asked where the query wants it. @param embedderNow asked once no switch to another space can come between it and the vectors */
export async function search(
  library: Library,
  embedderNow: () => Embedder,
  text: string,
  query: SearchQuery,
  generative?: () => Generative,
): Promise<SearchResult> {
  const started = performance.now();
  const k = checkQuery(text, query);
  // before the gate: writers do not wait for a model
  const written = isGenerative(query) ? await generative?.().write(text, query.signal) : undefined;
  const notes: string[] = [];
  await library.refresh();
  return library.gate.read(async () => {
    throwIfAborted(query.signal, "search");
    if (query.vector) checkVector(query.vector, library.activeSpace.space, "search");
    const embedder = embedderNow();
    const checksum = queryChecksum(text, query);
    const cursor = query.cursor === undefined ? undefined : decodeCursor(query.cursor, checksum);
    const { page, more, recall, shown } = await rankPage(
      library,
      embedder,
      text,
      query,
      k,
      cursor,
      notes,
      written,
    );
    throwIfAborted(query.signal, "search");
    const hits = await dressed(library, text, page, shown, query, written);
    const last = page.at(-1);
    const seen = (cursor?.seen ?? 0) + page.length;
    const result: { -readonly [K in keyof SearchResult]: SearchResult[K] } = {
      hits,
      ms: performance.now() - started,
      notes,
      [Symbol.iterator]: () => hits[Symbol.iterator](),
    };
    if (more && last) result.next = encodeCursor({ score: last.score, row: last.row, seen }, checksum);
    if (recall !== undefined) result.recall = recall;
    return result;
  });
}

function checkQuery(text: string, query: SearchQuery): number {
  if (typeof text !== "string")
    throw new MnemeError("ARGUMENT", `search: the query must be a string, got ${typeof text}`);
  const k = query.k ?? searchDefaults.k;
  if (!Number.isInteger(k) || k < 1 || k > MAX_K) {
    throw new MnemeError(
      "RANGE",
      `search: k must be a whole number from 1 to ${MAX_K}, got ${k}; page with cursor for more`,
    );
  }
  if (query.retriever !== undefined && !RETRIEVERS.includes(query.retriever)) {
    throw new MnemeError(
      "ARGUMENT",
      `search: unknown retriever ${JSON.stringify(query.retriever)}; use one of ${RETRIEVERS.join(", ")}`,
    );
  }
  if (query.sparse !== undefined) checkQuerySparse(query);
  if (query.minScore !== undefined && !Number.isFinite(query.minScore))
    throw new MnemeError(
      "RANGE",
      `search: minScore must be a finite number, got ${query.minScore}; leave it out for every hit`,
    );
  const { recall = 1 } = query;
  if (!(recall >= LEAST_RECALL && recall <= 1))
    throw new MnemeError(
      "RANGE",
      `search: recall must be a number from ${LEAST_RECALL} to 1, got ${recall}; leave it out for the usual one`,
    );
  checkChoice(query.facets);
  if (query.snippet !== undefined && !(Number.isInteger(query.snippet) && query.snippet >= 0))
    throw new MnemeError(
      "RANGE",
      `search: snippet must be a whole number of characters from 0, got ${query.snippet}`,
    );
  return k;
}

function checkQuerySparse({ sparse, retriever = searchDefaults.retriever }: SearchQuery): void {
  checkSparse(sparse, "search");
  if (retriever !== "hybrid")
    throw new MnemeError(
      "ARGUMENT",
      `search: sparse is for hybrid searches, got retriever ${JSON.stringify(retriever)}; leave one of them out`,
    );
}

interface Page {
  readonly page: readonly Ranked[];
  readonly more: boolean;
  readonly recall: number | undefined;
  /** The score that a hit tells, of the one that it is ranked by. */
  readonly shown: (score: number) => number;
  /** What the cube found, where it was asked. */
  readonly cube: CubeFound | undefined;
}

/** Goes deeper until the page is full or the rows are exhausted: passages of one item may crowd the top. */
export async function rankPage(
  library: Library,
  embedder: Embedder,
  text: string,
  query: SearchQuery,
  k: number,
  cursor: PageCursor | undefined,
  notes: string[],
  written: Written | undefined,
): Promise<Page> {
  const filter = await facetRows(library, query, matchingRows(library, query.filter, Date.now()));
  const cube = await cubeOf(library, embedder, text, query, filter);
  // what comes before the page, or below its least score, does not fill it, and what a model wrote may
  const isWhole = cursor !== undefined || query.minScore !== undefined || written !== undefined;
  const question = {
    text,
    retriever: query.retriever ?? searchDefaults.retriever,
    plan: planRecall(query, tunedOf(library.manifest)),
    alwaysFeedback: typeof query.feedback === "object",
    filter,
    cube,
    k,
    recall: query.recall,
    vector: query.vector,
    written,
    sparse: query.sparse,
    depth: 4 * ((cursor?.seen ?? 0) + k),
    enough: isWhole ? undefined : () => pageFilled(library, query.group, k + 1),
  };
  for (;;) {
    const said: string[] = [];
    const ranking = await recall(library, embedder, question, said);
    const { depth } = ranking;
    const shown = shownScore(ranking);
    const wanted = wantedOf(ranking, shown, query.minScore);
    const places = nextPlaces(library, ranking, wanted, cursor, query.group, k + 1);
    const exhausted = ranking.rows.length < depth || wanted < ranking.rows.length;
    if (places.length > k || exhausted || depth > library.live.count) {
      notes.push(...said);
      const page = places.slice(0, k).map((place) => ranking.at(place));
      return { page, more: places.length > k, recall: ranking.recall, shown, cube };
    }
    question.depth = 4 * depth;
  }
}

/** Told rows one by one, says whether they are `most`: of each item one counts, or all passages. */
function pageFilled(library: Library, group: SearchQuery["group"], most: number): (row: number) => boolean {
  const seen = new Set<number>();
  return (row) => seen.add(group === "passage" ? row : itemRow(library.placeOf(row))).size >= most;
}

/** What the cube finds, where it is asked: beside words and meaning. */
async function cubeOf(
  library: Library,
  embedder: Embedder,
  text: string,
  { retriever = searchDefaults.retriever, cube = true, signal }: SearchQuery,
  filter: RowSet | undefined,
): Promise<CubeFound | undefined> {
  if (!cube || retriever !== "hybrid" || !library.cube.index || hasOperators(text)) return undefined;
  await fileFirst(library);
  return askCube(library, embedder, text, filter, signal);
}

/** How many rows, from the best, score at least `minScore`. */
function wantedOf(
  { scores }: Ranking,
  shown: (score: number) => number,
  minScore = Number.NEGATIVE_INFINITY,
): number {
  let wanted = scores.length;
  while (wanted > 0 && shown(scores[wanted - 1]!) < minScore) wanted--;
  return wanted;
}

/** Shares of the best score become comparable between searches when the best one is how well its row matches. */
function shownScore({ scores: [best = 0], match }: Ranking): (score: number) => number {
  if (match === undefined || best <= 0) return (score) => score;
  return (score) => Math.max(0, (match * score) / best); // opposite meaning counts below nothing
}

/** Places in the ranking after the cursor, no more than `most`: of each item the first passage, or all passages. */
function nextPlaces(
  library: Library,
  { rows, scores }: Ranking,
  wanted: number,
  cursor: PageCursor | undefined,
  group: SearchQuery["group"],
  most: number,
): number[] {
  const seen = new Set<number>();
  const places: number[] = [];
  for (let place = 0; place < wanted && places.length < most; place++) {
    if (group !== "passage") {
      const item = itemRow(library.placeOf(rows[place]!));
      if (seen.has(item)) continue;
      seen.add(item);
    }
    if (!cursor || isAfter(cursor, scores[place]!, rows[place]!)) places.push(place);
  }
  return places;
}

/** The first row of the item that a row belongs to. */
function itemRow({ segment, item }: RowPlace): number {
  return segment ? rowAt(segment.stored.rows, segment.items.firstOrdinal(item)) : item.firstRow;
}

/** What is shown of a page. Most records are at hand: a promise for each would be much of what a search leaves to the collector. */
async function dressed(
  library: Library,
  text: string,
  page: readonly Ranked[],
  shown: (score: number) => number,
  query: SearchQuery,
  written: Written | undefined,
): Promise<Hit[]> {
  const length = query.snippet ?? searchDefaults.snippet;
  const hits: Hit[] = [];
  for (const ranked of page) {
    const place = library.placeOf(ranked.row);
    const reading = recordOf(place);
    const record = reading instanceof Promise ? await reading : reading;
    const passage = length > 0 ? await readPassage(place, record) : "";
    const matches = length > 0 ? library.words.highlight(passage, text) : [];
    const { snippet, highlights } = snippetOf(passage, matches, length);
    const reasons = reasonsOf(ranked, passage, matches, query);
    if (written) reasons.push(...(await generatedReason(ranked, written)));
    const { id, title, meta, provenance } = record.head;
    hits.push({
      id,
      passage: place.passage,
      score: shown(ranked.score),
      title,
      snippet,
      highlights,
      place: placeOf(record, place.passage),
      meta,
      provenance,
      reasons,
    });
  }
  return hits;
}

/** The n-grams of the passage that the model wrote. */
async function generatedReason({ generative }: Ranked, written: Written): Promise<Reason[]> {
  if (!generative) return [];
  const { rank, score, matches } = generative;
  const texts = await Promise.all(
    matches.slice(0, SHOWN_N_GRAMS).map(async ({ tokens }) => (await written.textOf(tokens)).trim()),
  );
  return [{ by: "generative", rank, score, terms: [...new Set(texts)] }];
}

function reasonsOf(
  ranked: Ranked,
  passage: string,
  matches: readonly (readonly [number, number])[],
  query: SearchQuery,
): Reason[] {
  const reasons: Reason[] = [];
  if (ranked.words) {
    const terms =
      matches.length === 0
        ? []
        : [...new Set(matches.map(([start, end]) => passage.slice(start, end).toLowerCase()))];
    reasons.push({ by: "words", score: ranked.words.score, rank: ranked.words.rank, terms });
  }
  if (ranked.sparse) reasons.push({ by: "sparse", score: ranked.sparse.score, rank: ranked.sparse.rank });
  if (ranked.meaning) reasons.push({ by: "meaning", score: ranked.meaning.score, rank: ranked.meaning.rank });
  if (ranked.cube) {
    const { rank, score, reasons: labels } = ranked.cube;
    reasons.push({ by: "cube", rank, score, terms: [...new Set(labels.map(({ label }) => label))], labels });
  }
  if (query.filter) reasons.push({ by: "facets", rank: 1, score: 1, terms: Object.keys(query.filter) });
  if (query.facets)
    reasons.push({ by: "facets", rank: 1, score: 1, terms: Object.values(query.facets).flat() });
  return reasons;
}
