/**
 * The recall plan: first round -> fuse? -> feedback -> second round -> fuse?, as data. Where words and meaning meet around feedback is
 * the question of Li et al., To Interpolate or Not to Interpolate: PRF, Dense and Sparse Retrievers (SIGIR 2022).
 */
import { MnemeError } from "../errors.ts";
import type { CubeWeights } from "./cube/cube-weights.ts";
import { FUSION_FORMS, type FusionForm } from "./fuse.ts";

/**
 * Where the scores of words and meaning are interpolated: "before" feedback, to choose its passages; "after" it, for the final order;
 * in both places; or nowhere: meaning alone chooses and ranks.
 */
export type Interpolate = "none" | "before" | "after" | "both";

/** How passages move the question's vector. */
export type VectorFeedback = "weighted" | "rocchio" | "average" | "none";

export interface FeedbackOptions {
  /** Passages taken for relevant, 1 to 100; default 3. */
  readonly passages?: number;
  /**
   * "weighted" (default): Rocchio's sum with each passage weighed by its score; "rocchio": 0.4 of the question and 0.6 of the passages' mean;
   * "average": of the question and the passages; "none": the vector stays.
   */
  readonly vectors?: VectorFeedback;
  /** "rm3" (default): the passages' strongest terms join the question's; "none": the words stay. */
  readonly words?: "rm3" | "none";
  /** Whether the indexes are searched again with the sharpened question; default false: the candidates are scored again. */
  readonly again?: boolean;
  /** Least lead, 0 to 1, of the best passage over the first one not taken, as a share of its score; below it there is no feedback. Default 0. */
  readonly guard?: number;
}

/** Weights are of meaning, 0 to 1, in a combination where words weigh the rest. */
export interface FusionOptions {
  /** "share" (default), "min-max", "linear" or "rrf". */
  readonly form?: FusionForm;
  /** In the combination that chooses the passages of feedback; default 0.3. */
  readonly first?: number;
  /** In the final combination; default 0.15 after feedback, 0.2 without. */
  readonly last?: number;
  /** Share of learnt sparse scores in what words weigh, where the query has a sparse vector; default 0.5, 1: words are not asked. */
  readonly sparse?: number;
  /** Weight of the cube's share of its best row beside words and meaning, which together count 1: 0 to 10; default 0.5. */
  readonly cube?: number;
}

/** What of a query says how to recall. */
export interface RecallOptions {
  /** Where words and meaning of a hybrid search are interpolated around feedback; default "both". */
  readonly interpolate?: Interpolate;
  /**
   * Whether the best passages of a hybrid search sharpen the question for the final order; default true, unless a tuning found that it does
   * harm. Without: a fifth faster. Options say how, and give it to searches by words or by meaning alone as well.
   */
  readonly feedback?: boolean | FeedbackOptions;
  /** How words and meaning are combined. */
  readonly fusion?: FusionOptions;
}

export const feedbackDefaults = {
  passages: 3,
  vectors: "weighted",
  words: "rm3",
  again: false,
  guard: 0,
} as const satisfies Required<FeedbackOptions>;

export const interpolateDefault: Interpolate = "both";

/** Weights of meaning by form. Of "share": flat between 0.2 and 0.4 on three judged collections. Raw BM25 counts a tenth, as in the paper. */
const WEIGHTS: Record<FusionForm, TunedWeights> = {
  share: { first: 0.3, last: 0.15, alone: 0.2 },
  "min-max": { first: 0.3, last: 0.3, alone: 0.3 },
  linear: { first: 1 / 1.1, last: 1 / 1.1, alone: 1 / 1.1 },
  rrf: { first: 0.5, last: 0.5, alone: 0.5 },
};

const SPARSE_SHARE = 0.5;

/** Of the cube; chosen on four question sets. */
export const CUBE_WEIGHT = 0.5;
const MOST_CUBE = 10;

/** Weights of meaning: where feedback begins, after it, and without any. */
export interface TunedWeights {
  readonly first: number;
  readonly last: number;
  readonly alone: number;
}

/** What tuning on a query log found best; takes the place of defaults. */
export interface TunedRecall extends TunedWeights {
  /** Of feedback; 0 where searches are better without it: only those go by it that ask for it. */
  readonly passages: number;
  /** Weight of the cube's share, or of all it tells; absent: the default. */
  readonly cube?: number | CubeWeights;
  /** Space of the vectors that it was found for; another one goes by the defaults. */
  readonly space: number;
  /** Queries that it was found by. */
  readonly queries: number;
}

/** The defaults as a tuning would state them. */
export const untunedRecall: Omit<TunedRecall, "space" | "queries"> = {
  ...WEIGHTS.share,
  passages: feedbackDefaults.passages,
};

/** A plan with every choice made. */
export interface RecallPlan {
  readonly form: FusionForm;
  /** Weight of meaning in the first combination; undefined: meaning alone chooses. */
  readonly before: number | undefined;
  /** Weight of meaning in the last combination; undefined: meaning alone ranks. */
  readonly after: number | undefined;
  /** Share of learnt sparse scores in what words weigh. */
  readonly sparse: number;
  /** Weight of the cube's share, or of all it tells. */
  readonly cube: number | CubeWeights;
  readonly feedback: Required<FeedbackOptions> | undefined;
}

const INTERPOLATE: readonly Interpolate[] = ["none", "before", "after", "both"];
const VECTORS: readonly VectorFeedback[] = ["weighted", "rocchio", "average", "none"];
const MOST_PASSAGES = 100;

/** @throws MnemeError ARGUMENT, RANGE */
export function planRecall(options: RecallOptions, tuned: TunedRecall | undefined): RecallPlan {
  const { interpolate = interpolateDefault, feedback = tuned?.passages !== 0, fusion = {} } = options;
  oneOf("interpolate", interpolate, INTERPOLATE);
  const { form = "share", first, last, sparse, cube } = fusion;
  oneOf("fusion.form", form, FUSION_FORMS);
  for (const [name, weight] of Object.entries({ first, last, sparse }))
    if (weight !== undefined) within(`fusion.${name}`, weight, 0, 1);
  if (cube !== undefined) within("fusion.cube", cube, 0, MOST_CUBE);
  const weights = (form === "share" && tuned) || WEIGHTS[form];
  const own = feedbackOf(feedback, tuned);
  const [before, after] = [first ?? weights.first, last ?? (own ? weights.last : weights.alone)];
  return {
    form,
    before: interpolate === "before" || interpolate === "both" ? before : undefined,
    after: interpolate === "after" || interpolate === "both" ? after : undefined,
    sparse: sparse ?? SPARSE_SHARE,
    cube: cube ?? cubeOf(tuned, form),
    feedback: own,
  };
}

/** Weights of the evidence are beside scores of one form. */
function cubeOf(tuned: TunedRecall | undefined, form: FusionForm): number | CubeWeights {
  const { cube = CUBE_WEIGHT } = tuned ?? {};
  return typeof cube === "number" || form === "share" ? cube : CUBE_WEIGHT;
}

function feedbackOf(
  feedback: boolean | FeedbackOptions,
  tuned: TunedRecall | undefined,
): Required<FeedbackOptions> | undefined {
  if (feedback === false) return undefined;
  if (feedback !== true && (feedback === null || typeof feedback !== "object"))
    throw new MnemeError("ARGUMENT", `search: feedback must be true, false or options, got ${feedback}`);
  const {
    passages = tuned?.passages || feedbackDefaults.passages,
    vectors = feedbackDefaults.vectors,
    words = feedbackDefaults.words,
    again = feedbackDefaults.again,
    guard = feedbackDefaults.guard,
  } = feedback === true ? {} : feedback;
  const own = { passages, vectors, words, again, guard };
  const isCount = Number.isInteger(own.passages) && own.passages >= 1 && own.passages <= MOST_PASSAGES;
  if (!isCount)
    throw new MnemeError(
      "RANGE",
      `search: feedback.passages must be a whole number from 1 to ${MOST_PASSAGES}, got ${own.passages}`,
    );
  within("feedback.guard", own.guard, 0, 1);
  oneOf("feedback.vectors", own.vectors, VECTORS);
  oneOf("feedback.words", own.words, ["rm3", "none"]);
  return own;
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): void {
  if (allowed.includes(value)) return;
  const names = allowed.map((one) => `"${one}"`).join(", ");
  throw new MnemeError("ARGUMENT", `search: ${name} must be one of ${names}, got ${JSON.stringify(value)}`);
}

function within(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new MnemeError("RANGE", `search: ${name} must be a number from ${least} to ${most}, got ${value}`);
}
