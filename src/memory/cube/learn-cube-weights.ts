/**
 * Weights of the cube's evidence, learnt from queries of which it is known what is good (conditional logit), held at the weights that leave
 * the order as it is, and kept only if they hold on queries that they were not learnt from.
 */
import { crossValidate } from "../../eval/cross-validate.ts";
import { ndcg } from "../../eval/metrics.ts";
import { pairedRandomisation } from "../../eval/significance.ts";
import { type Choice, conditionalLogit } from "../../linalg/conditional-logit.ts";
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

export interface LearntCube {
  /** nDCG@10 of each query by the plain weights, and by weights that it taught nothing. */
  readonly plain: readonly number[];
  readonly held: readonly number[];
  /** Chance of such a difference if learning did nothing (paired randomisation). */
  readonly p: number;
  /** Absent where none hold. */
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
const MOST_CHANCE = 0.1;

/** @param plain what the cube's share weighs without learning */
export function learnCubeWeights(
  lessons: readonly CubeLesson[],
  dimensions: readonly string[],
  plain: number,
): LearntCube {
  const prior = new Float64Array(cubeFeatureCount(dimensions));
  prior.set([ODDS, ODDS * plain]);
  const untaught = lessons.map((lesson) => quality(lesson, prior));
  // of equal means the first is taken: the plain weights
  const { scores, best } = crossValidate([
    untaught,
    ...RIDGES.map((ridge) => heldOut(lessons, prior, ridge)),
  ]);
  const ridge = RIDGES[best - 1];
  const p = pairedRandomisation(scores, untaught);
  const found = { plain: untaught, held: scores, p };
  if (ridge === undefined || mean(scores) <= mean(untaught) || p > MOST_CHANCE) return found;
  // scores stay where they were: shares, of which 1 is the most that is usual
  const weights = weightsFrom(lessons, prior, ridge).map((weight) => weight / (ODDS * (1 + plain)));
  return { ...found, weights: weightsOf(weights, dimensions) };
}

/** Quality of each lesson by weights learnt from the other folds. */
function heldOut(lessons: readonly CubeLesson[], prior: Float64Array, ridge: number): number[] {
  const shuffled = new Random(SEED).shuffle([...lessons.keys()]);
  const held = new Array<number>(lessons.length);
  for (let fold = 0; fold < FOLDS; fold++) {
    const taught = shuffled.filter((_, place) => place % FOLDS !== fold).map((i) => lessons[i]!);
    const weights = weightsFrom(taught, prior, ridge);
    for (let place = fold; place < shuffled.length; place += FOLDS) {
      const i = shuffled[place]!;
      held[i] = quality(lessons[i]!, weights);
    }
  }
  return held;
}

function weightsFrom(lessons: readonly CubeLesson[], prior: Float64Array, ridge: number): Float64Array {
  const choices = lessons.flatMap(({ ids, features, relevant }): Choice[] => {
    const chosen = ids.flatMap((id, i) => ((relevant.get(id) ?? 0) > 0 ? [i] : []));
    return chosen.length > 0 ? [{ features, chosen }] : [];
  });
  return conditionalLogit(choices, prior.length, { prior, ridge });
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

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
