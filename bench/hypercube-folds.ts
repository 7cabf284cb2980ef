/**
 * What is learnt is learnt from other questions than those it is judged by: five folds of questions, those of one document in one fold; weights of a
 * fusion come from the other four (conditional logit). Settings of the baselines are the best in hindsight.
 */
import { plainEvidence } from "../src/index/cube/index.ts";
import { type Choice, conditionalLogit, logitScore } from "../src/linalg/conditional-logit.ts";
import { Random } from "../src/linalg/random.ts";
import type { Asked, SetRun, Which } from "./hypercube-systems.ts";

export const FOLDS = 5;
const SEED = 1;
/** What weights are held at: words, meaning of the whole and of the best passage, and each cube as half of what words count. */
const WORDS = 10;
const MEANING = 1.5;
const CUBE = 5;
/** A nat a token more; nothing until it is learnt. */
const LIKELIHOOD = 0;
/** Variance of each weight about where it is held, so that what is learnt moves as much however many questions there are. Of 1/2, 1, 2 and 4 it is the one by which the held out questions of the other sets are likeliest, for each of the sets. */
const VARIANCE = 1;

/** Of each question, whether the first document answers it, and one of the first three. */
export interface Judged {
  readonly first: readonly number[];
  readonly three: readonly number[];
}

/** Fold of each question. */
export function foldsOf(asked: readonly Pick<Asked, "relevant">[]): number[] {
  const documents = [...new Set(asked.map(({ relevant }) => Math.min(...relevant)))].sort((a, b) => a - b);
  const shuffled = new Random(SEED).shuffle(documents);
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

/** Documents of each question's pool that words, meaning or the fused cubes put up, in the order of fused features, by weights learnt from the other folds; or by the prior ones. */
export function fusedRankings(
  { asked, dimensions }: Pick<SetRun, "asked" | "dimensions">,
  folds: readonly number[],
  retrievers: readonly Retriever[],
  learns: boolean,
): number[][] {
  const prior = Float64Array.from(retrievers.flatMap((name) => [...priorOf(name, dimensions)]));
  const candidates = asked.map((one) => candidatesOf(one, retrievers, prior.length));
  const weights = Array.from({ length: learns ? FOLDS : 0 }, (_, fold) => {
    const taught = candidates.filter(({ chosen }, i) => folds[i] !== fold && chosen.length > 0);
    return conditionalLogit(taught, prior.length, { prior, ridge: 1 / (VARIANCE * taught.length) });
  });
  return candidates.map((ofIt, i) => ranked(ofIt, weights[folds[i]!] ?? prior));
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
  return { rows, features: all, chosen: rows.flatMap((row, at) => (relevant.has(row) ? [at] : [])) };
}
