/** Candidates: rows that any retriever found, each with the scores of all of them, to be fused and to give feedback. */
import type { Hits } from "../index/hits.ts";
import type { TakenVectors } from "../index/vector/taken-vectors.ts";
import { slab } from "../slab.ts";
import type { CubeFound } from "./cube/ask-cube.ts";
import { fuse, type ScoredList } from "./fuse.ts";
import type { Library } from "./library.ts";
import type { RecallPlan } from "./recall-plan.ts";

/** Rows ascending. The vectors are to be disposed of. */
export interface Candidates {
  readonly rows: Uint32Array;
  /** Absent where words have no say. */
  readonly words?: Float64Array | undefined;
  /** Of learnt sparse vectors, where the query has one. */
  readonly sparse?: Float64Array | undefined;
  readonly meaning: Float32Array;
  readonly vectors: TakenVectors;
}

/** What each retriever found, best first. */
export interface Found {
  readonly words?: Hits | undefined;
  readonly sparse?: Hits | undefined;
  readonly meaning: Hits;
  /** How many were asked of each. */
  readonly depth: number;
  /** What the cube found, where it was asked. */
  readonly cube?: CubeFound | undefined;
}

/** All found rows, ascending, each once. */
export function foundRows(found: Found): Uint32Array {
  const { words, sparse, meaning, cube } = found;
  const lists = [words, sparse, meaning, cube].flatMap((list) => (list ? [list.rows] : []));
  const all = slab.u32(lists.reduce((sum, rows) => sum + rows.length, 0));
  let at = 0;
  for (const rows of lists) {
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
  words: Hits,
): Promise<Float64Array> {
  const places = placesOf(words);
  const beside = rowsBeside(rows, places);
  const others = await library.words.scoreQuery(text, beside);
  const all = slab.f64(rows.length);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const place = places.get(rows[i]!);
    all[i] = place === undefined ? others[at++]! : words.scores[place]!;
  }
  return all;
}

/** @param weight of meaning in the combination; undefined: meaning alone */
export function fusedScores(
  { words, sparse, meaning }: Pick<Candidates, "words" | "sparse" | "meaning">,
  plan: Pick<RecallPlan, "form" | "sparse">,
  weight: number | undefined,
): Float64Array {
  if (weight === undefined || !(words ?? sparse)) return fuse([{ scores: meaning, weight: 1 }], "linear");
  const share = sparse ? (words ? plan.sparse : 1) : 0;
  const lists: ScoredList[] = [];
  if (words) lists.push({ scores: words, weight: (1 - weight) * (1 - share), zeroIsAbsent: true });
  if (sparse) lists.push({ scores: sparse, weight: (1 - weight) * share, zeroIsAbsent: true });
  return fuse([...lists, { scores: meaning, weight }], plan.form);
}

/** Where each row of a list stands in it. */
export function placesOf({ rows }: Hits): Map<number, number> {
  const places = new Map<number, number>();
  for (let place = 0; place < rows.length; place++) places.set(rows[place]!, place);
  return places;
}

/** Rows that have no place, in their order. */
function rowsBeside(rows: Uint32Array, places: ReadonlyMap<number, number>): Uint32Array {
  const beside = slab.u32(rows.length);
  let count = 0;
  for (const row of rows) if (!places.has(row)) beside[count++] = row;
  return beside.subarray(0, count);
}
