/** Cross-validation of a choice among settings: each fold of queries is scored by the setting that was best on the others. */
import { Random } from "../linalg/random.ts";

export interface CrossValidation {
  /** Setting chosen for each fold. */
  readonly chosen: readonly number[];
  /** Held-out score of each query. */
  readonly scores: readonly number[];
  /** The setting that is best on all queries. */
  readonly best: number;
}

export interface CrossValidationOptions {
  readonly folds?: number;
  readonly seed?: number;
}

export const crossValidationDefaults = { folds: 5, seed: 1 } as const;

/** @param scores by setting, then by query; of equal means the first setting is taken */
export function crossValidate(
  scores: readonly (readonly number[])[],
  { folds = crossValidationDefaults.folds, seed = crossValidationDefaults.seed }: CrossValidationOptions = {},
): CrossValidation {
  const queries = scores[0]?.length ?? 0;
  const shuffled = new Random(seed).shuffle(Array.from({ length: queries }, (_, i) => i));
  const foldOf = new Array<number>(queries);
  shuffled.forEach((query, place) => {
    foldOf[query] = place % folds;
  });
  const held = new Array<number>(queries);
  const chosen = Array.from({ length: folds }, (_, fold) => {
    const setting = bestSetting(scores, (query) => foldOf[query] !== fold);
    for (let query = 0; query < queries; query++)
      if (foldOf[query] === fold) held[query] = scores[setting]![query]!;
    return setting;
  });
  return { chosen, scores: held, best: bestSetting(scores, () => true) };
}

function bestSetting(scores: readonly (readonly number[])[], counts: (query: number) => boolean): number {
  let [best, most] = [0, Number.NEGATIVE_INFINITY];
  scores.forEach((of, setting) => {
    let sum = 0;
    for (let query = 0; query < of.length; query++) if (counts(query)) sum += of[query]!;
    if (sum > most) [best, most] = [setting, sum];
  });
  return best;
}
