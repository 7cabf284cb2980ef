/** Rankings with what a language model's n-grams found: alone, or as a third list beside words and meaning. */
import { fuse, orderOf } from "./fuse.ts";
import type { GenerativeHit } from "./generative.ts";
import type { Ranked, Ranking } from "./ranking.ts";

/** Weight of what the model found in the combination: the best of 200 training questions of scifact (`bench seal --only validate`). */
export const GENERATIVE_WEIGHT = 0.15;

const saidOf = (place: number, { score, matches }: GenerativeHit): NonNullable<Ranked["generative"]> => ({
  rank: place + 1,
  score,
  matches,
});

export function generatedAlone(hits: readonly GenerativeHit[], depth: number): Ranking {
  return {
    depth,
    rows: Uint32Array.from(hits, ({ row }) => row),
    scores: Float64Array.from(hits, ({ score }) => score),
    at: (place) => {
      const hit = hits[place]!;
      return { row: hit.row, score: hit.score, generative: saidOf(place, hit) };
    },
  };
}

/** A convex combination, each score as a share of the best one. */
export function withGenerated(ranking: Ranking, hits: readonly GenerativeHit[]): Ranking {
  if (hits.length === 0) return ranking;
  const places = new Map<number, number>(Array.from(ranking.rows, (row, place) => [row, place]));
  const generated = new Map(hits.map(({ row }, place) => [row, place]));
  const rows = Uint32Array.from(new Set([...places.keys(), ...generated.keys()])).sort();
  const scoresOf = (found: ReadonlyMap<number, number>, scoreAt: (place: number) => number): Float64Array =>
    Float64Array.from(rows, (row) => (found.has(row) ? scoreAt(found.get(row)!) : 0));
  const lists = [
    { scores: scoresOf(places, (place) => ranking.scores[place]!), weight: 1 - GENERATIVE_WEIGHT },
    { scores: scoresOf(generated, (place) => hits[place]!.score), weight: GENERATIVE_WEIGHT },
  ];
  const scores = fuse(lists, "share");
  const order = orderOf(scores);
  return {
    rows: order.map((i) => rows[i]!),
    scores: Float64Array.from(order, (i) => scores[i]!),
    depth: ranking.depth,
    recall: ranking.recall,
    match: ranking.match,
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
