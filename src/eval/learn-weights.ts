/**
 * Weights of features, learnt from lessons of which it is known what is right (conditional logit) and held at plain weights. They are kept only
 * if they hold on lessons that they were not learnt from: many weights find a gain of nothing.
 */
import { type Choice, conditionalLogit } from "../linalg/conditional-logit.ts";
import { crossValidate } from "./cross-validate.ts";
import { pairedRandomisation } from "./significance.ts";

export interface WeightLearning<Lesson> {
  /** What the weights are held at, and what stays where they do not hold. */
  readonly plain: Float64Array;
  /** How strongly they are held there (`conditionalLogit`): the best is chosen, or the plain weights. */
  readonly ridges: readonly number[];
  /** Fold of each lesson: those of one fold are judged by weights learnt from the others. */
  readonly folds: readonly number[];
  /** Kept only if chance makes such a gain at most this often (paired randomisation); default 1: any gain is enough. */
  readonly mostChance?: number;
  /** Nothing for a lesson in which nothing is right. */
  readonly choice: (lesson: Lesson) => Choice | undefined;
  /** More is better. */
  readonly quality: (lesson: Lesson, weights: Float64Array) => number;
}

export interface LearntWeights {
  /** Quality of each lesson by the plain weights, and by weights that it taught nothing. */
  readonly plain: readonly number[];
  readonly held: readonly number[];
  /** Chance of such a difference if learning did nothing. */
  readonly p: number;
  /** Absent where none hold. */
  readonly weights?: Float64Array;
}

/** @throws MnemeError what `conditionalLogit` throws */
export function learnWeights<Lesson>(
  lessons: readonly Lesson[],
  { plain, ridges, folds, mostChance = 1, choice, quality }: WeightLearning<Lesson>,
): LearntWeights {
  const choices = lessons.map(choice);
  const weightsOf = (ridge: number, isTaught: (lesson: number) => boolean = () => true): Float64Array => {
    const taught = choices.flatMap((one, i) => (one && isTaught(i) ? [one] : []));
    return conditionalLogit(taught, plain.length, { prior: plain, ridge });
  };
  const heldOut = (ridge: number): number[] => {
    const weights = new Map(
      [...new Set(folds)].map((fold) => [fold, weightsOf(ridge, (i) => folds[i] !== fold)]),
    );
    return lessons.map((lesson, i) => quality(lesson, weights.get(folds[i]!)!));
  };
  const untaught = lessons.map((lesson) => quality(lesson, plain));
  // of equal means the first is taken: the plain weights
  const { scores, best } = crossValidate([untaught, ...ridges.map(heldOut)]);
  const p = pairedRandomisation(scores, untaught);
  const found = { plain: untaught, held: scores, p };
  const ridge = ridges[best - 1];
  const holds = ridge !== undefined && mean(scores) > mean(untaught) && p <= mostChance;
  return holds ? { ...found, weights: weightsOf(ridge) } : found;
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
