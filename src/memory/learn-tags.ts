/**
 * The selector of tags, learnt from the library itself: items that have tags are taken for new ones, their own tags are the right ones, and
 * weights of the signals are found by which these come first (conditional logit). As in RIGHT, an item never is its own neighbour. What
 * is learnt is kept only if it holds on items that it was not learnt from.
 */
import type { Embedder } from "../embed/embedder.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { crossValidate } from "../eval/cross-validate.ts";
import { f1At } from "../eval/metrics.ts";
import { pairedRandomisation } from "../eval/significance.ts";
import { type Choice, conditionalLogit } from "../linalg/conditional-logit.ts";
import { Random } from "../linalg/random.ts";
import type { Library } from "./library.ts";
import { listPlaces } from "./list.ts";
import { getItem } from "./read-item.ts";
import { plainTagWeights, TAG_SIGNALS, type TagCandidates, tagCandidates, tagsIn } from "./tag-candidates.ts";
import { select, tagDefaults } from "./tags.ts";
import type { TagLearning, TagLearningOptions, TagSelector } from "./types.ts";

export const tagLearningDefaults = { items: 1000, seed: 1 } as const;

/** Fewer are refused. */
const LEAST_ITEMS = 50;
const FOLDS = 5;
/** How strongly the learnt weights are held at the plain ones: the best is chosen. */
const RIDGES = [3, 0.3, 0.03, 0.003];

/** An item as if it were new. */
interface Lesson {
  readonly found: TagCandidates;
  readonly own: readonly string[];
}

/** @throws MnemeError RANGE, INSUFFICIENT_DATA (fewer than 50 items with tags), CANCELLED */
export async function learnTagSelector(
  library: Library,
  embedderNow: () => Embedder,
  options: TagLearningOptions,
): Promise<TagLearning> {
  const { field = tagDefaults.field, items: most = tagLearningDefaults.items } = options;
  const { seed = tagLearningDefaults.seed, signal, onProgress } = options;
  if (!Number.isInteger(most) || most < LEAST_ITEMS)
    throw new MnemeError("RANGE", `tags: items must be a whole number from ${LEAST_ITEMS}, got ${most}`);
  const tagged: string[] = [];
  for await (const { head } of listPlaces(library, {}))
    if (tagsIn(head.meta[field]).length > 0) tagged.push(head.id);
  if (tagged.length < LEAST_ITEMS)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `tags: ${tagged.length} items have ${JSON.stringify(field)}, at least ${LEAST_ITEMS} are needed to learn from; add more`,
    );
  const ids = new Random(seed).shuffle(tagged).slice(0, most);
  const lessons: Lesson[] = [];
  for (const [done, id] of ids.entries()) {
    throwIfAborted(signal, "tags");
    const lesson = await lessonOf(library, embedderNow, field, id);
    if (lesson) lessons.push(lesson);
    onProgress?.({ phase: "optimize", done: done + 1, total: ids.length, bytes: 0, totalBytes: 0 });
  }
  return learn(lessons, field, library.manifest.active);
}

async function lessonOf(
  library: Library,
  embedderNow: () => Embedder,
  field: string,
  id: string,
): Promise<Lesson | undefined> {
  const item = await getItem(library, id);
  if (!item || item.text.trim() === "") return undefined;
  const found = await tagCandidates(library, embedderNow, item.text, {
    ...tagDefaults,
    field,
    exclude: [id],
  });
  return { found, own: tagsIn(item.meta[field]) };
}

function learn(lessons: readonly Lesson[], field: string, space: number): TagLearning {
  const untuned = lessons.map((lesson) => quality(lesson, plainTagWeights));
  // of equal means the first is taken: the plain weights
  const validation = crossValidate([untuned, ...RIDGES.map((ridge) => heldOut(lessons, ridge))]);
  const crossValidated = mean(validation.scores);
  const ridge = RIDGES[validation.best - 1];
  const isKept = ridge !== undefined && crossValidated > mean(untuned);
  return {
    items: lessons.length,
    untuned: mean(untuned),
    crossValidated,
    p: pairedRandomisation(validation.scores, untuned),
    ...(isKept ? { selector: selectorOf(weightsFrom(lessons, ridge), field, space, lessons.length) } : {}),
  };
}

/** Quality of each lesson by weights learnt from the other folds. */
function heldOut(lessons: readonly Lesson[], ridge: number): number[] {
  const held = new Array<number>(lessons.length);
  for (let fold = 0; fold < FOLDS; fold++) {
    const taught = lessons.filter((_, i) => i % FOLDS !== fold);
    const weights = weightsFrom(taught, ridge);
    for (let i = fold; i < lessons.length; i += FOLDS) held[i] = quality(lessons[i]!, weights);
  }
  return held;
}

function selectorOf(weights: Float64Array, field: string, space: number, items: number): TagSelector {
  return {
    field,
    space,
    items,
    weights: Object.fromEntries(TAG_SIGNALS.map((signal, i) => [signal, weights[i]!])),
  };
}

function weightsFrom(lessons: readonly Lesson[], ridge: number): Float64Array {
  const choices = lessons.flatMap(({ found, own }): Choice[] => {
    const chosen = found.candidates.flatMap(({ tag }, i) => (own.includes(tag) ? [i] : []));
    return chosen.length > 0 ? [{ features: found.features, chosen }] : [];
  });
  return conditionalLogit(choices, TAG_SIGNALS.length, { prior: plainTagWeights, ridge });
}

/** Mean of F1 of the first tag and of the first five. */
function quality({ found, own }: Lesson, weights: Float64Array): number {
  const tags = select(found, weights).map(({ tag }) => tag);
  return (f1At(tags, own, 1) + f1At(tags, own, tagDefaults.k)) / 2;
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
