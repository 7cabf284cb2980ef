/**
 * Do n-grams that a model writes find passages? BM25, dense vectors and SEAL, each alone, and words with vectors with and without SEAL;
 * parts of the scoring left out in turn; every n-gram looked up in the documents; questions a second, and the share of the time that
 * asking the index takes. --scale N for N times 40 questions, --only for one set, --model for another model.
 */
import { parseArgs } from "node:util";
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { ndcg } from "../src/eval/metrics.ts";
import {
  type NGramHit,
  type NGramRankOptions,
  rankByNGrams,
  type ScoredNGram,
  TokenIndex,
} from "../src/index/index.ts";
import { load, type Model } from "../src/model/index.ts";
import type { WrittenNGrams } from "../src/model/substrings/write-n-grams.ts";
import { embedAll } from "./library-data.ts";
import { ReferenceBm25 } from "./reference-bm25.ts";
import { printFigure, switches } from "./row.ts";
import { type Asked, NGramCheck, readSets, type SealSet } from "./seal-data.ts";

const QUESTIONS = 40;
const K = 10;
/** Candidates of each list that fusion sees. */
const DEPTH = 200;
const WEIGHTS = { meaning: 0.2, seal: 0.2 } as const;
const MASK_SHARE = 0.1;
/** Index and text beside f32 vectors of this many dimensions and text. */
const DIM = 768;
const GENERATED = 32;

type Scores = ReadonlyMap<number, number>;
type Ranker = (question: string, written: WrittenNGrams) => Scores | Promise<Scores>;

const scoresOf = (hits: readonly NGramHit[]): Scores =>
  new Map(hits.map(({ document, score }) => [document, score]));

/** The best, best first. */
function top(scores: Scores, k: number): [number, number][] {
  return [...scores].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, k);
}

/** Each score as a share of the best one, weighed. */
function fused(lists: readonly (readonly [Scores, number])[]): Scores {
  const sum = new Map<number, number>();
  for (const [scores, weight] of lists) {
    const best = top(scores, DEPTH);
    const most = best[0]?.[1] || 1;
    for (const [document, score] of best)
      sum.set(document, (sum.get(document) ?? 0) + (weight * score) / most);
  }
  return sum;
}

async function denseOf({ passages }: SealSet): Promise<(question: string) => Promise<Scores>> {
  const embedder = await bundledEmbedder({ dim: 256 });
  const texts = passages.map(({ title, text }) => `${title}\n\n${text}`);
  const vectors = await embedAll(embedder, texts);
  return async (question) => {
    const { data } = await embedder.embed([question]);
    return new Map(
      texts.map((_, d) => [
        d,
        data.reduce((sum, value, i) => sum + value * vectors[d * data.length + i]!, 0),
      ]),
    );
  };
}

const bestAlone = (nGrams: readonly ScoredNGram[], index: TokenIndex): Scores => {
  const sum = new Map<number, number>();
  for (const nGram of nGrams)
    for (const { document, score } of rankByNGrams(index, [nGram], NONE, { k: DEPTH }))
      sum.set(document, Math.max(sum.get(document) ?? 0, score));
  return sum;
};

const NONE = { tokens: new Uint32Array(0), logprobs: new Float32Array(0) };

async function rankersOf(set: SealSet, model: Model, index: TokenIndex): Promise<Record<string, Ranker>> {
  const bm25 = new ReferenceBm25(set.passages.map(({ title, text }) => `${title}\n\n${text}`));
  const dense = await denseOf(set);
  const seal =
    (options: NGramRankOptions = {}): Ranker =>
    (_, { nGrams, unigrams }) =>
      scoresOf(rankByNGrams(index, nGrams, unigrams, { k: DEPTH, ...options }));
  const words: Ranker = (question) => bm25.scored(question);
  const [meaning, sealed] = [dense as Ranker, seal()];
  const { meaning: m, seal: s } = WEIGHTS;
  return {
    BM25: words,
    dense: meaning,
    SEAL: sealed,
    "BM25 + dense": async (q, w) =>
      fused([
        [await words(q, w), 1 - m],
        [await meaning(q, w), m],
      ]),
    "BM25 + SEAL": async (q, w) =>
      fused([
        [await words(q, w), 1 - s],
        [await sealed(q, w), s],
      ]),
    "BM25 + dense + SEAL": async (q, w) =>
      fused([
        [await words(q, w), (1 - m) * (1 - s)],
        [await meaning(q, w), m * (1 - s)],
        [await sealed(q, w), s],
      ]),
    "alpha 1": seal({ alpha: 1 }),
    "beta 0": seal({ beta: 0 }),
    "no unigrams": (_, { nGrams }) => scoresOf(rankByNGrams(index, nGrams, NONE, { k: DEPTH })),
    "best n-gram alone": (_, { nGrams }) => bestAlone(nGrams, index),
    "BM25 of generated text": async (q, w) => {
      let text = "";
      for await (const piece of model.generate(`Question: ${q}\n\nAnswer:`, { maxTokens: GENERATED }))
        if (piece.type === "text") text += piece.text;
      return words(`${q} ${text}`, w);
    },
  };
}

interface Judged {
  ndcg: number;
  first: number;
  ten: number;
}

async function judge(set: SealSet, model: Model): Promise<void> {
  const started = performance.now();
  const bytes = await model.indexTexts(set.passages);
  const index = TokenIndex.open(bytes);
  console.error(
    `${set.name}: ${set.passages.length} passages, ${index.tokens} tokens, indexed in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  const check = new NGramCheck(set.passages.map((_, d) => index.tokensOf(d)));
  const rankers = await rankersOf(set, model, index);
  const sums = new Map(
    Object.keys(rankers).map((name): [string, Judged] => [name, { ndcg: 0, first: 0, ten: 0 }]),
  );
  const totals = { ms: 0, maskMs: 0, nGrams: 0, outside: 0, rankMs: 0 };
  for (const [i, asked] of set.questions.entries()) {
    const written = await model.nGrams(asked.text, bytes);
    totals.ms += written.ms;
    totals.maskMs += written.maskMs;
    totals.nGrams += written.nGrams.length;
    totals.outside += written.nGrams.filter(({ tokens }) => !check.occurs(tokens)).length;
    for (const [name, ranker] of Object.entries(rankers)) {
      const before = performance.now();
      take(sums.get(name)!, set, asked, await ranker(asked.text, written));
      if (name === "SEAL") totals.rankMs += performance.now() - before;
    }
    if ((i + 1) % 10 === 0)
      console.error(`  ${i + 1}: ${lineOf(sums, i + 1)}; ${(totals.ms / (i + 1)).toFixed(0)} ms`);
  }
  report(set, index, sums, totals);
}

function take(sum: Judged, { passages }: SealSet, { judged }: Asked, scores: Scores): void {
  const ids = top(scores, K).map(([document]) => passages[document]!.id);
  sum.ndcg += ndcg(ids, judged, K);
  sum.first += judged.has(ids[0] ?? "") ? 1 : 0;
  sum.ten += ids.some((id) => judged.has(id)) ? 1 : 0;
}

const lineOf = (sums: ReadonlyMap<string, Judged>, count: number): string =>
  [...sums].map(([name, sum]) => `${name} ${(sum.ndcg / count).toFixed(3)}`).join(", ");

function report(
  { name, questions, passages }: SealSet,
  index: TokenIndex,
  sums: ReadonlyMap<string, Judged>,
  totals: {
    readonly ms: number;
    readonly maskMs: number;
    readonly rankMs: number;
    readonly nGrams: number;
    readonly outside: number;
  },
): void {
  const count = questions.length;
  const note = `${count} questions`;
  const figure = (of: keyof Judged, metric: string, ours: string, system: string, claim: object = {}): void =>
    printFigure("seal", {
      ...{ system, metric: `${name}: ${metric}, ${ours}`, unit: "", better: "more", note },
      ...{ ours: sums.get(ours)![of] / count, baseline: sums.get(system)![of] / count },
      ...claim,
    });
  for (const [of, metric] of [
    ["ndcg", "nDCG@10"],
    ["first", "hits@1"],
    ["ten", "hits@10"],
  ] as const) {
    for (const system of ["BM25", "dense", "BM25 of generated text"]) figure(of, metric, "SEAL", system);
    figure(of, metric, "BM25 + SEAL", "BM25");
    figure(of, metric, "BM25 + dense + SEAL", "BM25 + dense", of === "ndcg" ? { atLeast: 1 } : {});
  }
  for (const system of ["alpha 1", "beta 0", "no unigrams", "best n-gram alone"])
    figure("ndcg", "nDCG@10", "SEAL", system, { atLeast: 1 });
  const common = { unit: "", better: "less" } as const;
  printFigure("seal", {
    ...common,
    metric: `${name}: n-grams outside the corpus of ${totals.nGrams}`,
    ours: totals.outside,
    atMost: 0,
  });
  printFigure("seal", {
    ...common,
    metric: `${name}: share of the time in the mask`,
    ours: totals.maskMs / totals.ms,
    atMost: MASK_SHARE,
  });
  printFigure("seal", {
    metric: `${name}: questions a second`,
    unit: "",
    better: "more",
    ours: (1000 * count) / (totals.ms + totals.rankMs),
  });
  const text = passages.reduce(
    (sum, passage) => sum + Buffer.byteLength(passage.title) + Buffer.byteLength(passage.text),
    0,
  );
  printFigure("seal", {
    ...{ system: `f32 of ${DIM} and text`, metric: `${name}: index and text`, unit: "B", better: "less" },
    ...{ ours: index.bytes.length + text, baseline: passages.length * DIM * 4 + text },
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { model: { type: "string" } }, strict: false });
  await using model = await load(typeof values.model === "string" ? values.model : undefined);
  for (const set of await readSets(switches.only, Math.round(QUESTIONS * switches.scale)))
    await judge(set, model);
}

void main();
