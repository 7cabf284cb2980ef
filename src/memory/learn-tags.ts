/**
 * The selector of tags, learnt from the library itself: items that have tags are taken for new ones, their own tags are the right ones, and
 * weights of the signals are found by which these come first (conditional logit). As in RIGHT, an item never is its own neighbour. What
 * is learnt is kept only if it holds on items that it was not learnt from.
 */
import type { Embedder } from "../embed/embedder.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { learnWeights } from "../eval/learn-weights.ts";
import { f1At } from "../eval/metrics.ts";
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
  const { plain, held, p, weights } = learnWeights(lessons, {
    plain: plainTagWeights,
    ridges: RIDGES,
    folds: lessons.map((_, i) => i % FOLDS),
    choice: ({ found, own }) => {
      const chosen = found.candidates.flatMap(({ tag }, i) => (own.includes(tag) ? [i] : []));
      return chosen.length > 0 ? { features: found.features, chosen } : undefined;
    },
    quality,
  });
  return {
    items: lessons.length,
    untuned: mean(plain),
    crossValidated: mean(held),
    p,
    ...(weights ? { selector: selectorOf(weights, field, space, lessons.length) } : {}),
  };
}

function selectorOf(weights: Float64Array, field: string, space: number, items: number): TagSelector {
  return {
    field,
    space,
    items,
    weights: Object.fromEntries(TAG_SIGNALS.map((signal, i) => [signal, weights[i]!])),
  };
}

/** Mean of F1 of the first tag and of the first five. */
function quality({ found, own }: Lesson, weights: Float64Array): number {
  const tags = select(found, weights).map(({ tag }) => tag);
  return (f1At(tags, own, 1) + f1At(tags, own, tagDefaults.k)) / 2;
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
