/**
 * What is learnt is learnt from other questions than those it is judged by: five folds of questions, those of one document in one fold; weights of a
 * fusion come from the other four, and only if they hold within these four, as a library's do. Settings of the baselines are the best in hindsight.
 */
import { learnWeights } from "../src/eval/learn-weights.ts";
import { type Judgements, ndcg } from "../src/eval/metrics.ts";
import { plainEvidence } from "../src/index/cube/index.ts";
import { type Choice, logitScore } from "../src/linalg/conditional-logit.ts";
import { Random } from "../src/linalg/random.ts";
import { MOST_CHANCE } from "../src/memory/cube/learn-cube-weights.ts";
import type { Asked, SetRun, Which } from "./hypercube-systems.ts";

export const FOLDS = 5;
/** Ways of cutting the questions into folds, so that none is the lucky one. */
export const SPLITS = 3;
/** What weights are held at: words, meaning of the whole and of the best passage, and each cube as half of what words count. */
const WORDS = 10;
const MEANING = 1.5;
const CUBE = 5;
/** A nat a token more; nothing until it is learnt. */
const LIKELIHOOD = 0;
/** Variance of each weight about where it is held, so that what is learnt moves as much however many questions there are. Of 1/2, 1, 2 and 4 it is the one by which the held out questions of the other sets are likeliest, for each of the sets. */
const VARIANCE = 1;
const K = 10;

/** Of each question, whether the first document answers it, and one of the first three; or how often. */
export interface Judged {
  readonly first: readonly number[];
  readonly three: readonly number[];
}

/** Fold of each question. @param split from 0 */
export function foldsOf(asked: readonly Pick<Asked, "relevant">[], split: number): number[] {
  const documents = [...new Set(asked.map(({ relevant }) => Math.min(...relevant)))].sort((a, b) => a - b);
  const shuffled = new Random(split + 1).shuffle(documents);
  const foldOf = new Map(shuffled.map((document, place) => [document, place % FOLDS]));
  return asked.map(({ relevant }) => foldOf.get(Math.min(...relevant))!);
}

export function judge(
  asked: readonly Pick<Asked, "relevant">[],
  rankings: readonly (readonly number[])[],
): Judged {
  return {
    first: asked.map(({ relevant }, i) => Number(relevant.has(rankings[i]![0]!))),
    three: asked.map(({ relevant }, i) => Number(rankings[i]!.slice(0, 3).some((row) => relevant.has(row)))),
  };
}

/** How often in several of them. */
export function meanOf(judged: readonly Judged[]): Judged {
  const mean = (measure: keyof Judged): number[] =>
    judged[0]![measure].map((_, i) => judged.reduce((sum, one) => sum + one[measure][i]!, 0) / judged.length);
  return { first: mean("first"), three: mean("three") };
}

/** By the setting that puts most right documents first, chosen on the very questions: as good as a baseline can be. */
export function bestInHindsight(asked: readonly Asked[], name: keyof Asked["baselines"]): Judged {
  const settings = asked[0]!.baselines[name].map((_, setting) =>
    judge(
      asked,
      asked.map(({ baselines }) => baselines[name][setting]!),
    ),
  );
  const sums = settings.map(({ first }) => first.reduce((sum, right) => sum + right, 0));
  return settings[sums.indexOf(Math.max(...sums))]!;
}

export type Retriever = keyof Asked["features"];

/** Documents of each question's pool that words, meaning or the fused cubes put up, in the order of fused features: by plain weights, or by those learnt from other folds where they hold. */
export function fusedRankings(
  { asked, dimensions }: Pick<SetRun, "asked" | "dimensions">,
  retrievers: readonly Retriever[],
  folds?: readonly number[],
): number[][] {
  const prior = Float64Array.from(retrievers.flatMap((name) => [...priorOf(name, dimensions)]));
  const candidates = asked.map((one) => candidatesOf(one, retrievers, prior.length));
  if (!folds) return candidates.map((ofIt) => ranked(ofIt, prior));
  const weights = Array.from({ length: FOLDS }, (_, fold) =>
    learnt(
      candidates.filter((_, i) => folds[i] !== fold),
      folds.filter((other) => other !== fold),
      prior,
    ),
  );
  return candidates.map((ofIt, i) => ranked(ofIt, weights[folds[i]!]!));
}

function learnt(lessons: readonly Candidates[], folds: readonly number[], plain: Float64Array): Float64Array {
  const choices = lessons.filter(({ chosen }) => chosen.length > 0).length;
  const { weights = plain } = learnWeights(lessons, {
    plain,
    ridges: [1 / (VARIANCE * choices)],
    folds,
    mostChance: MOST_CHANCE,
    choice: (lesson) => (lesson.chosen.length > 0 ? lesson : undefined),
    quality: (lesson, weights) => ndcg(ranked(lesson, weights).slice(0, K).map(String), lesson.judged, K),
  });
  return weights;
}

function ranked({ rows, features }: Candidates, weights: Float64Array): number[] {
  const scores = rows.map((_, at) => logitScore(features, at, weights));
  const order = [...rows.keys()].sort((a, b) => scores[b]! - scores[a]! || rows[a]! - rows[b]!);
  return order.map((at) => rows[at]!);
}

function priorOf(name: Retriever, dimensions: Readonly<Record<Which, readonly string[]>>): Float64Array {
  if (name === "words") return Float64Array.of(WORDS);
  if (name === "meaning") return Float64Array.of(MEANING, MEANING);
  if (name === "likelihood") return Float64Array.of(LIKELIHOOD);
  return plainEvidence(dimensions[name], CUBE);
}

interface Candidates extends Choice {
  readonly rows: readonly number[];
  readonly judged: Judgements;
}

/** What another cube alone puts up is no candidate. */
function candidatesOf(
  { pool, putUp, relevant, features }: Asked,
  retrievers: readonly Retriever[],
  size: number,
): Candidates {
  const places = [...pool.keys()].filter((at) => retrievers.some((name) => putUp[name].has(pool[at]!)));
  const all = new Float64Array(places.length * size);
  places.forEach((at, place) => {
    let to = place * size;
    for (const name of retrievers) {
      all.set(features[name][at]!, to);
      to += features[name][at]!.length;
    }
  });
  const rows = places.map((at) => pool[at]!);
  const chosen = rows.flatMap((row, at) => (relevant.has(row) ? [at] : []));
  return { rows, features: all, chosen, judged: new Map([...relevant].map((row) => [String(row), 1])) };
}
