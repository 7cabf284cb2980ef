/** Rankings: rows in their final order, and what each retriever said of them. */
import type { Hits } from "../index/hits.ts";
import { slab } from "../slab.ts";
import { type Candidates, type Found, fusedScores } from "./candidates.ts";
import type { CubeFound } from "./cube/ask-cube.ts";
import { withCube } from "./cube/cube-weights.ts";
import { orderOf } from "./fuse.ts";
import type { GenerativeHit } from "./generative.ts";
import type { RecallPlan } from "./recall-plan.ts";

interface Said {
  readonly score: number;
  readonly rank: number;
}

/** One ranked row and what each retriever said of it. */
export interface Ranked {
  readonly row: number;
  readonly score: number;
  /** By words and meaning, before the cube has its say. */
  readonly fused?: number;
  readonly words?: Said | undefined;
  readonly sparse?: Said | undefined;
  readonly meaning?: Said | undefined;
  readonly cube?: (CubeFound["hits"] extends ReadonlyMap<number, infer H> ? H : never) | undefined;
  readonly generative?: Pick<GenerativeHit, "score" | "matches"> & { readonly rank: number };
}

/**
 * Rows, best first: `depth` or more, unless there are fewer or the best will do. Most are never shown: what the retrievers said of one is put
 * together when it is asked for. No object of a search is spread from another: V8 leaves something of most in the old heap (of those that hold a
 * function 120 bytes each), which only a look through the whole heap takes away.
 */
export interface Ranking {
  readonly rows: Uint32Array;
  readonly scores: Float32Array | Float64Array;
  readonly depth: number;
  /** Share of the best rows by meaning that the search is likely to have met; absent where meaning was not asked. */
  readonly recall?: number | undefined;
  /** How well the best row matches the question by itself, 0 to 1, where the scores are only shares of it. */
  readonly match?: number | undefined;
  /** Row number `place` of the ranking. */
  at(place: number): Ranked;
}

/** The hits of one retriever. */
export function alone({ rows, scores }: Hits, depth: number, by: "words" | "meaning"): Ranking {
  return {
    rows,
    scores,
    depth,
    at(place) {
      const score = scores[place]!;
      return { row: rows[place]!, score, [by]: { score, rank: place + 1 } };
    },
  };
}

/** The same, with what else is known of it: what is not given stays. */
export const noted = (
  { rows, scores, depth, recall, match, at }: Ranking,
  known: Pick<Ranking, "recall" | "match">,
): Ranking => ({
  rows,
  scores,
  depth,
  recall: known.recall ?? recall,
  match: known.match ?? match,
  at,
});

/**
 * The final order, and what each list said of a row.
 * @param cosines with the question as it was asked: a sharpened one is near to what it was sharpened by, whatever that says of the question
 */
export function rankingOf(
  candidates: Candidates,
  found: Found,
  plan: RecallPlan,
  cosines: Float32Array = candidates.meaning,
): Ranking {
  const { rows, words, sparse } = candidates;
  const judged = fusedScores(candidates, plan, plan.after);
  const scores = found.cube ? withCube(judged, rows, found.cube, plan.cube) : judged;
  const order = orderOf(scores);
  const ranked = slab.u32(order.length);
  const best = slab.f64(order.length);
  order.forEach((i, place) => {
    ranked[place] = rows[i]!;
    best[place] = scores[i]!;
  });
  const said = (hits: Hits | undefined, row: number, score: number | undefined): Said | undefined => {
    const place = hits ? hits.rows.indexOf(row) : -1;
    return place < 0 ? undefined : { score: score ?? 0, rank: place + 1 };
  };
  return {
    rows: ranked,
    scores: best,
    depth: found.depth,
    at(place) {
      const i = order[place]!;
      const row = rows[i]!;
      return {
        row,
        score: scores[i]!,
        fused: judged[i]!,
        words: said(found.words, row, words?.[i]),
        sparse: said(found.sparse, row, sparse?.[i]),
        meaning: said(found.meaning, row, cosines[i]),
        cube: found.cube?.hits.get(row),
      };
    },
  };
}
