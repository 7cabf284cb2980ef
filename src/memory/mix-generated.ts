/** Rankings with what a language model's n-grams found: alone, or as a third list beside words and meaning. */
import type { GenerativeHit } from "./generative.ts";
import type { Ranked, Ranking } from "./recall.ts";

/** Weight of what the model found in the combination. */
export const GENERATIVE_WEIGHT = 0.2;

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

/** A convex combination, each score as a share of the best one. */
export function withGenerated(ranking: Ranking, hits: readonly GenerativeHit[]): Ranking {
  if (hits.length === 0) return ranking;
  const places = new Map<number, number>(Array.from(ranking.rows, (row, place) => [row, place]));
  const generated = new Map(hits.map(({ row }, place) => [row, place]));
  const most = { indexes: Math.max(ranking.scores[0] ?? 0, 0) || 1, model: hits[0]!.score || 1 };
  const scoreOf = (row: number): number => {
    const [place, ours] = [places.get(row), generated.get(row)];
    return (
      (place === undefined ? 0 : ((1 - GENERATIVE_WEIGHT) * ranking.scores[place]!) / most.indexes) +
      (ours === undefined ? 0 : (GENERATIVE_WEIGHT * hits[ours]!.score) / most.model)
    );
  };
  const mixed = [...new Set([...places.keys(), ...generated.keys()])]
    .map((row) => ({ row, score: scoreOf(row) }))
    .sort((a, b) => b.score - a.score || a.row - b.row);
  return {
    rows: Uint32Array.from(mixed, ({ row }) => row),
    scores: Float64Array.from(mixed, ({ score }) => score),
    ...(ranking.recall === undefined ? {} : { recall: ranking.recall }),
    at: (at) => {
      const { row, score } = mixed[at]!;
      const [place, ours] = [places.get(row), generated.get(row)];
      return {
        ...(place === undefined ? {} : ranking.at(place)),
        row,
        score,
        ...(ours === undefined ? {} : { generative: saidOf(ours, hits[ours]!) }),
      };
    },
  };
}
