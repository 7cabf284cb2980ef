/** The query language of the words index: words, "phrases", prefix*, fuzzy~, +must, -not. Anything else is words. */
import { foldRun, termsOf } from "./normalize.ts";
import { segmentWords } from "./segment-words.ts";

export interface QueryWord {
  readonly term: string;
  /** exact: corrected when nothing holds it; literal: never. */
  readonly kind: "exact" | "literal" | "prefix" | "fuzzy";
}

export interface QueryClause {
  readonly words: readonly QueryWord[];
  /** Words must stand next to each other, in order. */
  readonly phrase: boolean;
  readonly role: "should" | "must" | "not";
}

/** A search asks several times for the clauses of its text. */
let last: { readonly text: string; readonly clauses: readonly QueryClause[] } | undefined;

/** Splits on white space and quotes; an operator stands directly before or after its word. */
export function parseQuery(text: string): readonly QueryClause[] {
  if (last?.text !== text) last = { text, clauses: clausesOf(text) };
  return last.clauses;
}

function clausesOf(text: string): QueryClause[] {
  const clauses: QueryClause[] = [];
  for (const match of text.matchAll(/([+-]?)(?:"([^"]*)"|([^\s"]+))/g)) {
    const [, sign, quoted, bare] = match;
    const role = sign === "+" ? "must" : sign === "-" ? "not" : "should";
    const words = quoted === undefined ? wordsOf(bare!) : exact(quoted);
    if (quoted === undefined && role === "should") words.push(...wholeHangul(bare!));
    if (words.length > 0) clauses.push({ words, phrase: quoted !== undefined && words.length > 1, role });
  }
  return clauses;
}

function wordsOf(word: string): QueryWord[] {
  const kind = word.endsWith("*") ? "prefix" : word.endsWith("~") ? "fuzzy" : "exact";
  if (kind === "exact") return exact(word);
  const body = word.slice(0, -1).toLowerCase();
  let last = body.length;
  let isUnspaced = false;
  segmentWords(body, (start, _, unspaced) => {
    last = start;
    isUnspaced = unspaced;
  });
  const words = exact(body.slice(0, last));
  const run = body.slice(last);
  // pairs of characters find what begins with them as they are
  if (isUnspaced) return [...words, ...exact(run)];
  const [spaced] = runs(run);
  if (spaced === undefined) return words;
  const term = kind === "prefix" ? foldRun(spaced) : (termsOf(spaced, false, false)[0] ?? spaced);
  return [...words, { term, kind }];
}

/** Runs of letters of a text. */
function runs(text: string): string[] {
  const found: string[] = [];
  segmentWords(text, (start, end) => found.push(text.slice(start, end)));
  return found;
}

function exact(text: string): QueryWord[] {
  const words: QueryWord[] = [];
  segmentWords(text, (start, end, unspaced, plain) => {
    const run = text.slice(start, end);
    const terms = termsOf(run, unspaced, plain);
    // one character of a script without spaces occurs inside pairs
    const lone = unspaced && terms.length === 1 && [...run].length === 1;
    // of an identifier the parts are corrected, not the whole
    const whole = !unspaced && terms.length > 1 ? "literal" : lone ? "prefix" : "exact";
    terms.forEach((term, i) => words.push({ term, kind: i === 0 || unspaced ? whole : "exact" }));
  });
  return words;
}

/** Words of Hangul as the first analyser had them: no other one has such terms, so they are looked up in vain where its are gone. */
function wholeHangul(text: string): QueryWord[] {
  return runs(text)
    .map(foldRun)
    .filter((run) => /^\p{Script=Hangul}{3,}$/u.test(run))
    .map((term) => ({ term, kind: "literal" }));
}

/** Whether a query asks for particular words: a phrase, +must, -not. Ranking by meaning cannot honour that. */
export function hasOperators(text: string): boolean {
  return parseQuery(text).some(({ phrase, role }) => phrase || role !== "should");
}
