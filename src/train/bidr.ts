/**
 * Bi-granular representations (Xiao et al., Progressively Optimized Bi-Granular Document Representation for Scalable Embedding Based
 * Retrieval, 2022): codes that find candidates and vectors that verify them, each trained for its own job. Three stages: dense adapters
 * against documents from everywhere; codes by contrastive quantisation; dense adapters against the neighbours that those codes will hand
 * them. Differs from the paper: small adapters over fixed vectors in place of text encoders, and the last stage begins where the first ended.
 */
import { checkRows } from "../codecs/check.ts";
import { MnemeError } from "../errors.ts";
import { gatherRows, type Matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { type Candidates, candidatesOf, exactCandidates, productsWith } from "./candidates.ts";
import { type Dual, freshDual, type PairData, trainDual } from "./dual.ts";
import { type Jax, loadJax, type TrainDevice } from "./jax.ts";
import { type Coded, type Quantised, trainQuantised } from "./quantised.ts";
import { type BatchOrder, LocalityBatches, type RankRange } from "./sampling.ts";

export interface BidrOptions {
  /** Bytes of a document's codes; must divide the vectors' width. Default: an eighth of the width. */
  readonly parts?: number;
  /** Values of an adapter's hidden layer. */
  readonly hidden?: number;
  readonly batch?: number;
  readonly rate?: number;
  /** Steps of each stage. */
  readonly steps?: { readonly global: number; readonly sparse: number; readonly local: number };
  readonly temperature?: number;
  /** Weight of what codes lose, in training them. */
  readonly reconstruction?: number;
  /** How batches of the last stage are made. */
  readonly order?: BatchOrder;
  /** Ranks of hard negatives among candidates, and of those that lead on to other queries. */
  readonly negatives?: RankRange;
  readonly links?: RankRange;
  /** Share of the queries kept aside to choose the weight of the coarse score. */
  readonly heldOut?: number;
  readonly seed?: number;
  /** What computes; default "wasm". */
  readonly device?: TrainDevice;
  readonly signal?: AbortSignal;
  readonly onStage?: (stage: BidrStage) => void;
  readonly onStep?: (stage: BidrStage, step: number, loss: number) => void;
}

export type BidrStage = "global" | "sparse" | "local" | "weight";

export const bidrDefaults = {
  hidden: 512,
  batch: 64,
  rate: 1e-3,
  steps: { global: 400, sparse: 150, local: 400 },
  temperature: 0.05,
  reconstruction: 0.01,
  order: "walk",
  negatives: [0, 200],
  links: [200, 400],
  heldOut: 0.1,
  seed: 1,
} as const;

export interface Bidr {
  /** Finds candidates: adapters of queries and documents, and the coder of the latter. */
  readonly sparse: Quantised;
  /** Verifies them. Of no use to find any: it never saw documents from elsewhere. */
  readonly local: Dual;
  /** What the last stage began from. */
  readonly global: Dual;
  /** Of the coarse score in the final one. */
  readonly weight: number;
  /** Queries without a relevant document. */
  readonly skipped: number;
}

/** Candidates of a query that verification is trained and judged on. */
const DEPTH = 400;
const WEIGHTS = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3] as const;

/** @throws MnemeError DIMENSION, NOT_FINITE with the row, RANGE, INSUFFICIENT_DATA, DEPENDENCY, CANCELLED, STATE */
export async function trainBidr(data: PairData, options: BidrOptions = {}): Promise<Bidr> {
  const plan = { ...bidrDefaults, ...options };
  check(data);
  const jax = await loadJax(options.device);
  const { train, held } = split(data, plan.heldOut, plan.seed);
  const { cols } = data.documents;
  const parts = options.parts ?? Math.max(1, Math.floor(cols / 8));
  const begin = (stage: BidrStage): BidrStage => {
    options.onStage?.(stage);
    return stage;
  };
  const common = (stage: BidrStage) => ({
    rate: plan.rate,
    temperature: plan.temperature,
    ...(options.signal ? { signal: options.signal } : {}),
    onStep: (step: number, loss: number) => options.onStep?.(stage, step, loss),
  });
  const raw = exactCandidates(data.documents, train.queries, DEPTH, options.signal);

  const first = begin("global");
  const start = freshDual({ from: cols, to: cols, hidden: plan.hidden }, plan.seed);
  const early = batchesOf(train, raw, { ...plan, order: "random" });
  const steps = plan.steps;
  const global = await trainDual(jax, train, start, () => early.next(), {
    ...common(first),
    steps: steps.global,
  });

  const second = begin("sparse");
  // what was hard before is easy now: codes are trained against what the adapters still mix up
  const near = exactCandidates(
    global.document.apply(data.documents),
    global.query.apply(train.queries),
    DEPTH,
    options.signal,
  );
  const harder = batchesOf(train, near, { ...plan, order: "random" });
  const sparse = await trainQuantised(jax, train, global, () => harder.next(), {
    ...common(second),
    // codebooks are small numbers: at the adapters' rate they lose what they were fitted to
    rate: plan.rate / 5,
    steps: steps.sparse,
    parts,
    reconstruction: plan.reconstruction,
    seed: plan.seed,
  });

  const third = begin("local");
  const found = sparseCandidates(sparse, data.documents, train.queries, options.signal);
  const local = await trainLocal(jax, train, global, found, { ...plan, ...common(third) });

  begin("weight");
  const weight = fitWeight(sparse, local, held, options.signal);
  return { sparse, local, global, weight, skipped: early.skipped };
}

/** Candidates of queries by the codes of all documents. @param queries as they came */
export function sparseCandidates(
  { query, document, coder }: Coded,
  documents: Matrix,
  queries: Matrix,
  signal?: AbortSignal,
): Candidates[] {
  const codes = coder.encode(document.apply(documents));
  return candidatesOf(coder, codes, documents.rows, query.apply(queries), DEPTH, signal);
}

export interface LocalOptions {
  readonly rate: number;
  readonly temperature: number;
  readonly steps: { readonly local: number };
  readonly batch: number;
  readonly order: BatchOrder;
  readonly negatives: RankRange;
  readonly links: RankRange;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: number, loss: number) => void;
}

/** The last stage alone: dense adapters on batches of neighbours. */
export function trainLocal(
  jax: Jax,
  data: PairData,
  start: Dual,
  candidates: readonly Candidates[],
  options: LocalOptions,
): Promise<Dual> {
  const batches = batchesOf(data, candidates, options);
  const { rate, temperature, signal, onStep, steps } = options;
  return trainDual(jax, data, start, () => batches.next(), {
    // what was learned from everywhere is refined, not unlearned
    rate: rate / 2,
    temperature,
    steps: steps.local,
    ...(signal ? { signal } : {}),
    ...(onStep ? { onStep } : {}),
  });
}

function batchesOf(
  { positives }: PairData,
  candidates: readonly Candidates[],
  {
    batch,
    order,
    negatives,
    links,
    seed,
  }: Pick<LocalOptions, "batch" | "order" | "negatives" | "links" | "seed">,
): LocalityBatches {
  return new LocalityBatches({
    positives,
    candidates: candidates.map(({ rows }) => rows),
    batch,
    order,
    negatives,
    links,
    seed,
  });
}

/** The weight of the coarse score that ranks relevant documents highest among the candidates. */
export function fitWeight(sparse: Coded, dense: Dual, held: PairData, signal?: AbortSignal): number {
  if (held.queries.rows === 0) return WEIGHTS[4];
  const candidates = sparseCandidates(sparse, held.documents, held.queries, signal);
  const fine = productsWith(
    dense.query.apply(held.queries),
    dense.document.apply(held.documents),
    candidates,
  );
  const ranks = (weight: number): number => {
    let sum = 0;
    candidates.forEach(({ rows, scores }, query) => {
      sum += reciprocal(rows, scores, fine[query]!, weight, held.positives[query]!);
    });
    return sum;
  };
  const judged = WEIGHTS.map((weight) => [weight, ranks(weight)] as const);
  return judged.reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

/** 1 / rank of the best relevant candidate, 0 beyond ten. */
function reciprocal(
  rows: Uint32Array,
  coarse: Float32Array,
  fine: Float32Array,
  weight: number,
  relevant: readonly number[],
): number {
  const final = fine.map((score, i) => score + weight * coarse[i]!);
  let best = Number.NEGATIVE_INFINITY;
  rows.forEach((row, i) => {
    if (relevant.includes(row)) best = Math.max(best, final[i]!);
  });
  if (best === Number.NEGATIVE_INFINITY) return 0;
  const above = final.reduce((count, score) => (score > best ? count + 1 : count), 0);
  return above < 10 ? 1 / (above + 1) : 0;
}

function split(data: PairData, share: number, seed: number): { train: PairData; held: PairData } {
  if (!(share >= 0 && share < 1))
    throw new MnemeError("RANGE", `bidr: heldOut is ${share}; expected a share from 0, below 1`);
  const { rows } = data.queries;
  const aside = new Set(new Random(seed).sample(rows, Math.floor(rows * share)));
  const all = Array.from({ length: rows }, (_, query) => query);
  return {
    train: some(
      data,
      all.filter((query) => !aside.has(query)),
    ),
    held: some(data, [...aside]),
  };
}

function some({ queries, documents, positives }: PairData, which: readonly number[]): PairData {
  return {
    queries: gatherRows(queries, which),
    documents,
    positives: which.map((query) => positives[query]!),
  };
}

function check({ queries, documents, positives }: PairData): void {
  if (queries.cols !== documents.cols || positives.length !== queries.rows)
    throw new MnemeError(
      "DIMENSION",
      `bidr: queries ${queries.rows} x ${queries.cols}, documents ${documents.rows} x ${documents.cols}, ${positives.length} lists of relevant documents; expected one width, and a list a query`,
    );
  checkRows("bidr: queries", queries.cols, queries);
  checkRows("bidr: documents", documents.cols, documents);
  positives.forEach((own, query) => {
    const wrong = own.find((row) => !(Number.isInteger(row) && row >= 0 && row < documents.rows));
    if (wrong !== undefined)
      throw new MnemeError("RANGE", `bidr: query ${query} names document ${wrong} of ${documents.rows}`);
  });
}
