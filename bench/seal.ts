/**
 * Do n-grams that a model writes find passages? BM25, dense vectors and SEAL, each alone, and words with vectors with and without SEAL;
 * parts of the scoring left out in turn; every n-gram looked up in the documents; questions a second, and the share of the time that
 * asking the index takes. --scale 0.1 for 40 questions of each set, --only for one set (validate: training questions of scifact that
 * `seal-train.ts` leaves out, by which weights are chosen), "model" in --settings for another model, further --settings for other settings:
 * {"weight": of SEAL in the fusion, "nGrams": of `nGrams`, "rank": of `rankByNGrams`}.
 */
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { ndcg } from "../src/eval/metrics.ts";
import {
  type NGramHit,
  type NGramRankOptions,
  rankByNGrams,
  type ScoredNGram,
  TokenIndex,
} from "../src/index/index.ts";
import { GENERATIVE_WEIGHT } from "../src/memory/mix-generated.ts";
import { load, type Model, type NGramOptions } from "../src/model/index.ts";
import type { WrittenNGrams } from "../src/model/substrings/write-n-grams.ts";
import { embedAll } from "./library-data.ts";
import { ReferenceBm25 } from "./reference-bm25.ts";
import { printFigure, switches } from "./row.ts";
import { type Asked, NGramCheck, readSets, type SealSet } from "./seal-data.ts";

/** More than either set has. */
const QUESTIONS = 400;
/** Questions on which parts are left out. */
const ABLATED = 30;
/** Systems of all questions. */
const REPORTED = 6;
const K = 10;
/** Candidates of each list that fusion sees. */
const DEPTH = 200;
const MEANING_WEIGHT = 0.2;
const settings: {
  readonly weight: number;
  readonly nGrams: NGramOptions;
  readonly rank: NGramRankOptions;
} = { weight: GENERATIVE_WEIGHT, nGrams: {}, rank: {}, ...switches.settings };
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

/** What every question is ranked by: each list once, then combinations of them. */
async function rankerOf(
  set: SealSet,
  index: TokenIndex,
): Promise<(asked: string, written: WrittenNGrams) => Promise<Record<string, Scores>>> {
  const bm25 = new ReferenceBm25(set.passages.map(({ title, text }) => `${title}\n\n${text}`));
  const dense = await denseOf(set);
  const [m, s] = [MEANING_WEIGHT, settings.weight];
  return async (question, { nGrams }) => {
    const [words, meaning] = [bm25.scored(question), await dense(question)];
    const seal = scoresOf(rankByNGrams(index, nGrams, NONE, { k: DEPTH, ...settings.rank }));
    const fusedWith = (weight: number, isMeant: boolean): Scores =>
      fused([
        [words, (1 - weight) * (isMeant ? 1 - m : 1)],
        ...(isMeant ? [[meaning, (1 - weight) * m] as const] : []),
        ...(weight > 0 ? [[seal, weight] as const] : []),
      ]);
    return {
      BM25: words,
      dense: meaning,
      SEAL: seal,
      "BM25 + dense": fusedWith(0, true),
      "BM25 + SEAL": fusedWith(s, false),
      "BM25 + dense + SEAL": fusedWith(s, true),
    };
  };
}

/** As the paper has it, for a model that was trained for it. */
const PAPER = {
  calibrate: false,
  rarity: 0,
  settled: 0,
  words: false,
  maxTokens: 10,
  titleTokens: 15,
  unigrams: 5000,
} as const;

/** What SEAL is compared with on the first questions alone: parts left out or changed, and text that the model writes freely. */
function ablationsOf(
  model: Model,
  bytes: Uint8Array,
  index: TokenIndex,
  words: ReferenceBm25,
): Record<string, Ranker> {
  const ranked =
    (options: NGramRankOptions): Ranker =>
    (_, { nGrams }) =>
      scoresOf(rankByNGrams(index, nGrams, NONE, { k: DEPTH, ...settings.rank, ...options }));
  return {
    "SEAL, the same questions": ranked({}),
    "alpha 1": ranked({ alpha: 1 }),
    "beta 0": ranked({ beta: 0 }),
    "best n-gram alone": (_, { nGrams }) => bestAlone(nGrams, index),
    "as in the paper, uncalibrated": async (question) => {
      const { nGrams, unigrams } = await model.nGrams(question, bytes, PAPER);
      return scoresOf(rankByNGrams(index, nGrams, unigrams, { k: DEPTH }));
    },
    "BM25 of generated text": async (question) => {
      let text = "";
      for await (const piece of model.generate(`Question: ${question}\n\nAnswer:`, { maxTokens: GENERATED }))
        if (piece.type === "text") text += piece.text;
      return words.scored(`${question} ${text}`);
    },
  };
}

interface Judged {
  count: number;
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
  const rank = await rankerOf(set, index);
  const words = new ReferenceBm25(set.passages.map(({ title, text }) => `${title}\n\n${text}`));
  const ablations = ablationsOf(model, bytes, index, words);
  const sums = new Map<string, Judged>();
  const totals = { ms: 0, maskMs: 0, nGrams: 0, outside: 0, rankMs: 0, cpuMs: 0 };
  for (const [i, asked] of set.questions.entries()) {
    const cpu = process.cpuUsage();
    const written = await model.nGrams(asked.text, bytes, settings.nGrams);
    const before = performance.now();
    rankByNGrams(index, written.nGrams, NONE, { k: DEPTH, ...settings.rank });
    totals.rankMs += performance.now() - before;
    const { user, system } = process.cpuUsage(cpu);
    totals.cpuMs += (user + system) / 1000;
    totals.ms += written.ms;
    totals.maskMs += written.maskMs;
    totals.nGrams += written.nGrams.length;
    totals.outside += written.nGrams.filter(({ tokens }) => !check.occurs(tokens)).length;
    for (const [name, scores] of Object.entries(await rank(asked.text, written)))
      take(sums, name, set, asked, scores);
    if (i < ABLATED)
      for (const [name, ranker] of Object.entries(ablations))
        take(sums, name, set, asked, await ranker(asked.text, written));
    if ((i + 1) % 10 === 0)
      console.error(
        `  ${i + 1}: ${lineOf(sums)}; ${((totals.ms + totals.rankMs) / (i + 1)).toFixed(0)} ms, ${totals.outside} of ${totals.nGrams} n-grams outside`,
      );
  }
  report(set, index, sums, totals);
}

type Figure = Exclude<keyof Judged, "count">;

function take(
  sums: Map<string, Judged>,
  name: string,
  { passages }: SealSet,
  { judged }: Asked,
  scores: Scores,
): void {
  const sum = sums.get(name) ?? { count: 0, ndcg: 0, first: 0, ten: 0 };
  sums.set(name, sum);
  sum.count++;
  const ids = top(scores, K).map(([document]) => passages[document]!.id);
  sum.ndcg += ndcg(ids, judged, K);
  sum.first += judged.has(ids[0] ?? "") ? 1 : 0;
  sum.ten += ids.some((id) => judged.has(id)) ? 1 : 0;
}

const lineOf = (sums: ReadonlyMap<string, Judged>): string =>
  [...sums].map(([name, { ndcg, count }]) => `${name} ${(ndcg / count).toFixed(3)}`).join(", ");

function report(
  { name, questions, passages }: SealSet,
  index: TokenIndex,
  sums: ReadonlyMap<string, Judged>,
  totals: {
    readonly ms: number;
    readonly maskMs: number;
    readonly rankMs: number;
    readonly cpuMs: number;
    readonly nGrams: number;
    readonly outside: number;
  },
): void {
  const count = questions.length;
  const meanOf = (system: string, of: Figure): number => sums.get(system)![of] / sums.get(system)!.count;
  const figure = (of: Figure, metric: string, ours: string, system: string, claim: object = {}): void =>
    printFigure("seal", {
      ...{ system, metric: `${name}: ${metric}, ${ours}`, unit: "", better: "more" },
      note: `${sums.get(ours)!.count} questions`,
      ...{ ours: meanOf(ours, of), baseline: meanOf(system, of) },
      ...claim,
    });
  for (const [of, metric] of [
    ["ndcg", "nDCG@10"],
    ["first", "hits@1"],
    ["ten", "hits@10"],
  ] as const) {
    for (const system of ["BM25", "dense"]) figure(of, metric, "SEAL", system);
    figure(of, metric, "BM25 + SEAL", "BM25");
    figure(of, metric, "BM25 + dense + SEAL", "BM25 + dense", of === "ndcg" ? { atLeast: 1 } : {});
  }
  const [same, ...others] = [...sums.keys()].slice(REPORTED);
  for (const system of others) figure("ndcg", "nDCG@10", same!, system, { atLeast: 1 });
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
    note: `${(totals.cpuMs / count).toFixed(0)} ms of processor time a question`,
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
  const { model: named } = switches.settings;
  await using model = await load(typeof named === "string" ? named : undefined);
  for (const set of await readSets(switches.only, Math.round(QUESTIONS * switches.scale)))
    await judge(set, model);
}

void main();
