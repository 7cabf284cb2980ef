/** Rankings with what a language model's n-grams found: alone, or as a third list beside words and meaning. */
import { fuse, orderOf } from "./fuse.ts";
import type { GenerativeHit } from "./generative.ts";
import type { Ranked, Ranking } from "./recall.ts";

/**
 * Weight of what the model found where the others hold its best passage for the best too: the best of 200 training questions of scifact
 * (`bench seal --only validate`).
 */
export const GENERATIVE_WEIGHT = 0.15;

/**
 * Weight of what the model found about one question: a model whose best passage neither words nor meaning put up has written about
 * something else, so it counts by the square of what they say of that passage.
 * @param share of their best score that they give it, 0 to 1
 */
export const generativeWeight = (share: number, most: number = GENERATIVE_WEIGHT): number =>
  most * share ** 2;

const saidOf = (place: number, { score, matches }: GenerativeHit): NonNullable<Ranked["generative"]> => ({
  rank: place + 1,
  score,
  matches,
});

export function generatedAlone(hits: readonly GenerativeHit[]): Ranking {
  return {
    rows: Uint32Array.from(hits, ({ row }) => row),
    scores: Float64Array.from(hits, ({ score }) => score),
    at: (place) => {
      const hit = hits[place]!;
      return { row: hit.row, score: hit.score, generative: saidOf(place, hit) };
    },
  };
}

/** What the others say of the model's best passage, as a share of their best. */
function agreement(ranking: Ranking, [best]: readonly GenerativeHit[]): number {
  const place = best ? ranking.rows.indexOf(best.row) : -1;
  const [most = 0] = ranking.scores;
  return place < 0 || most <= 0 ? 0 : Math.max(0, ranking.scores[place]! / most);
}

/** A convex combination, each score as a share of the best one. */
export function withGenerated(ranking: Ranking, hits: readonly GenerativeHit[]): Ranking {
  if (hits.length === 0) return ranking;
  const places = new Map<number, number>(Array.from(ranking.rows, (row, place) => [row, place]));
  const generated = new Map(hits.map(({ row }, place) => [row, place]));
  const rows = Uint32Array.from(new Set([...places.keys(), ...generated.keys()])).sort();
  const scoresOf = (found: ReadonlyMap<number, number>, scoreAt: (place: number) => number): Float64Array =>
    Float64Array.from(rows, (row) => (found.has(row) ? scoreAt(found.get(row)!) : 0));
  const weight = generativeWeight(agreement(ranking, hits));
  const lists = [
    { scores: scoresOf(places, (place) => ranking.scores[place]!), weight: 1 - weight },
    { scores: scoresOf(generated, (place) => hits[place]!.score), weight },
  ];
  const scores = fuse(lists, "share");
  const order = orderOf(scores);
  return {
    rows: order.map((i) => rows[i]!),
    scores: Float64Array.from(order, (i) => scores[i]!),
    ...(ranking.recall === undefined ? {} : { recall: ranking.recall }),
    at: (at) => {
      const i = order[at]!;
      const row = rows[i]!;
      const [place, ours] = [places.get(row), generated.get(row)];
      return {
        ...(place === undefined ? {} : ranking.at(place)),
        row,
        score: scores[i]!,
        ...(ours === undefined ? {} : { generative: saidOf(ours, hits[ours]!) }),
      };
    },
  };
}
