/**
 * Weights of the cube's evidence, learnt from queries of which it is known what is good (conditional logit), held at the weights that leave
 * the order as it is, and kept only if they hold on queries that they were not learnt from.
 */
import { type LearntWeights, learnWeights } from "../../eval/learn-weights.ts";
import { ndcg } from "../../eval/metrics.ts";
import { Random } from "../../linalg/random.ts";
import { type CubeWeights, cubeFeatureCount, weighed, weightsOf } from "./cube-weights.ts";

/** What a search puts up for a query, in the order that it has without learning: one passage an item. */
export interface CubeLesson {
  readonly ids: readonly string[];
  /** Items x features (`cubeFeatures`). */
  readonly features: Float64Array;
  /** Item id -> grade; above 0 is good. */
  readonly relevant: ReadonlyMap<string, number>;
}

export interface LearntCube extends Omit<LearntWeights, "weights"> {
  readonly weights?: CubeWeights;
}

const FOLDS = 5;
const SEED = 2;
/** How strongly the learnt weights are held at the plain ones: the best is chosen. */
const RIDGES = [0.03, 0.003, 0.0003];
/** Weight of the score by words and meaning, from 0 to 1, in the odds of two passages. */
const ODDS = 10;
const K = 10;
/** Many weights find a gain of nothing: they are kept only where chance makes such a one so seldom. */
export const MOST_CHANCE = 0.1;

/** @param plain what the cube's share weighs without learning */
export function learnCubeWeights(
  lessons: readonly CubeLesson[],
  dimensions: readonly string[],
  plain: number,
): LearntCube {
  const prior = new Float64Array(cubeFeatureCount(dimensions));
  prior.set([ODDS, ODDS * plain]);
  const places = new Random(SEED).shuffle([...lessons.keys()]);
  const folds: number[] = [];
  for (const [place, lesson] of places.entries()) folds[lesson] = place % FOLDS;
  const { weights, ...found } = learnWeights(lessons, {
    plain: prior,
    ridges: RIDGES,
    folds,
    mostChance: MOST_CHANCE,
    choice: ({ ids, features, relevant }) => {
      const chosen = ids.flatMap((id, i) => ((relevant.get(id) ?? 0) > 0 ? [i] : []));
      return chosen.length > 0 ? { features, chosen } : undefined;
    },
    quality,
  });
  // scores stay where they were: shares, of which 1 is the most that is usual
  const shares = weights?.map((weight) => weight / (ODDS * (1 + plain)));
  return shares ? { ...found, weights: weightsOf(shares, dimensions) } : found;
}

function quality({ ids, features, relevant }: CubeLesson, weights: Float64Array): number {
  const scores = weighed(features, weights);
  const order = [...ids.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
  return ndcg(
    order.slice(0, K).map((i) => ids[i]!),
    relevant,
    K,
  );
}
