/** Candidates: rows that any retriever found, each with the scores of all of them, to be fused and to give feedback. */
import type { Hits } from "../index/hits.ts";
import type { TakenVectors } from "../index/vector/taken-vectors.ts";
import { fuse } from "./fuse.ts";
import type { Library } from "./library.ts";
import type { RecallPlan } from "./recall-plan.ts";

/** Rows ascending. The vectors are to be disposed of. */
export interface Candidates {
  readonly rows: Uint32Array;
  /** Absent where words have no say. */
  readonly words?: Float64Array | undefined;
  readonly meaning: Float32Array;
  readonly vectors: TakenVectors;
}

/** What each retriever found, best first. */
export interface Found {
  readonly words?: Hits | undefined;
  readonly meaning: Hits;
}

/** All found rows, ascending, each once. */
export function foundRows(found: Found): Uint32Array {
  const lists = [found.words, found.meaning].filter((hits): hits is Hits => hits !== undefined);
  const all = new Uint32Array(lists.reduce((sum, { rows }) => sum + rows.length, 0));
  let at = 0;
  for (const { rows } of lists) {
    all.set(rows, at);
    at += rows.length;
  }
  all.sort();
  let count = 0;
  for (let i = 0; i < all.length; i++) if (i === 0 || all[i] !== all[i - 1]) all[count++] = all[i]!;
  return all.subarray(0, count);
}

/** Scores by words of candidates for a query that was just searched: only rows that words did not find are scored. */
export async function queryScores(
  library: Library,
  text: string,
  rows: Uint32Array,
  { words, meaning }: Required<Found>,
): Promise<Float64Array> {
  const beside = meaning!.rows.slice().sort();
  const others = await library.words.scoreQuery(text, beside);
  const places = placesOf(words!);
  const all = new Float64Array(rows.length);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    while (at < beside.length && beside[at]! < row) at++;
    const place = places.get(row);
    all[i] = place === undefined ? others[at]! : words!.scores[place]!;
  }
  return all;
}

/** @param weight of meaning in the combination; undefined: meaning alone */
export function fusedScores(
  { words, meaning }: Pick<Candidates, "words" | "meaning">,
  form: RecallPlan["form"],
  weight: number | undefined,
): Float64Array {
  if (weight === undefined || !words) return fuse([{ scores: meaning, weight: 1 }], "linear");
  const ofWords = { scores: words, weight: 1 - weight, zeroIsAbsent: true };
  return fuse([ofWords, { scores: meaning, weight }], form);
}

/** Where each row of a list stands in it. */
export function placesOf({ rows }: Hits): Map<number, number> {
  const places = new Map<number, number>();
  for (let place = 0; place < rows.length; place++) places.set(rows[place]!, place);
  return places;
}
