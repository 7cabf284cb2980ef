/**
 * How answers improve as the store grows (Shao et al., Scaling Retrieval-Based Language Models with a Trillion-Token Datastore, 2024): one
 * deep retrieval a query over everything, thinned afterwards. Differs from the paper: whether a document is kept hangs on its id and the
 * seed, so that a thinned list is the one that a really smaller store gives, for every retriever that scores documents one by one.
 */
import { MnemeError, throwIfAborted } from "../../errors.ts";
import { documentCoin } from "./coin.ts";
import { type Growth, growthOf, type Interval, type LogFit } from "./log-fit.ts";
import { METRICS, type Metric, type MetricInput, scoresOf } from "./metrics.ts";
import { type Shingled, shingled } from "./overlap.ts";
import {
  type Datastore,
  judgedOf,
  type Plan,
  planOf,
  type ScalingOptions,
  type ScalingQuery,
} from "./plan.ts";
import { Filter, type Found, firstOf, type LeftOut } from "./selection.ts";

/** Of all queries and seeds, the share that may find fewer than k documents for want of depth. */
const MOST_UNDERFILLED = 0.01;

export interface ScalingPoint {
  readonly fraction: number;
  /** Means over the seeds. */
  readonly documents: number;
  readonly bytes: number;
  readonly metrics: Readonly<Partial<Record<Metric, { readonly mean: number; readonly interval: Interval }>>>;
  /** Queries, over all seeds, whose list was too short for k documents. */
  readonly underfilled: number;
  /** Documents that filters left out, over all queries and seeds. */
  readonly leftOut: LeftOut;
}

export interface Scaling {
  readonly points: readonly ScalingPoint[];
  /** Of each figure: a + b ln(documents). */
  readonly fits: Readonly<Partial<Record<Metric, LogFit>>>;
  readonly queries: number;
  /** Queries without judgements and answers. */
  readonly skipped: number;
  readonly k: number;
  readonly depth: number;
}

/** Figures of one query at one size. */
interface Cell {
  readonly scores: Partial<Record<Metric, number>>;
  readonly underfilled: boolean;
  readonly leftOut: LeftOut;
}

/**
 * @throws MnemeError RANGE for fractions, seeds, k or depth, an empty query; INSUFFICIENT_DATA without a query to judge, or where more than
 * one of a hundred lists is too short at a fraction; NOT_FINITE for a score; CORRUPT for a document without text; CANCELLED
 */
export async function datastoreScaling(
  store: Datastore,
  queries: readonly ScalingQuery[],
  options: ScalingOptions = {},
): Promise<Scaling> {
  const plan = planOf(store, options);
  const judged = judgedOf(queries);
  const study = new Study(store, plan);
  const cells: Cell[][][] = [];
  for (const query of judged) {
    throwIfAborted(options.signal, "scaling");
    cells.push(await study.query(query));
    options.onQuery?.(cells.length, judged.length);
  }
  const points = plan.fractions.map((fraction, f) => pointOf(plan, fraction, f, cells));
  const fits: Partial<Record<Metric, LogFit>> = {};
  for (const metric of METRICS) {
    const growth = growthOfMetric(metric, points, cells);
    if (!growth) continue;
    fits[metric] = growth.fit;
    growth.means.forEach((mean, f) => {
      points[f]!.metrics[metric] = { mean, interval: growth.intervals[f]! };
    });
  }
  const { k, depth } = plan;
  return { points, fits, queries: judged.length, skipped: queries.length - judged.length, k, depth };
}

/** What is the same for all queries. */
class Study {
  readonly #store: Datastore;
  readonly #plan: Plan;
  readonly #filter: Filter | undefined;

  constructor(store: Datastore, plan: Plan) {
    this.#store = store;
    this.#plan = plan;
    this.#filter = plan.filter === false ? undefined : new Filter(store.text!, plan.filter);
  }

  /** @returns by fraction and seed */
  async query(query: ScalingQuery): Promise<Cell[][]> {
    const { depth, seeds, fractions, signal } = this.#plan;
    const list = await this.#store.retrieve(query.text, depth, signal);
    checkList(list, query);
    const evaluation = shingled([query.text, ...(query.answers ?? [])].join("\n"));
    const answers = new Map<string, Promise<string>>();
    const coins = seeds.map((seed) => list.map(({ id }) => documentCoin(id, seed)));
    const cells: Cell[][] = [];
    for (const fraction of fractions) {
      const row: Cell[] = [];
      for (const coin of coins) {
        const kept = survivors(list, coin, fraction);
        row.push(await this.#cell(query, kept, list.length, evaluation, answers));
      }
      cells.push(row);
    }
    return cells;
  }

  async #cell(
    query: ScalingQuery,
    candidates: Iterable<Found>,
    listed: number,
    evaluation: Shingled,
    answers: Map<string, Promise<string>>,
  ): Promise<Cell> {
    const { k, evidence, depth, isWhole, answer } = this.#plan;
    const { kept, leftOut } = this.#filter
      ? await this.#filter.select(candidates, k, evaluation)
      : firstOf(candidates, k);
    const input: MetricInput = { query, kept, k, text: this.#store.text, evidence };
    const scores = await scoresOf(input, answer && ((documents) => once(answers, documents)));
    return { scores, leftOut, underfilled: kept.length < k && listed >= depth && !isWhole };

    /** Stores of about the same size often give the same documents: they are answered from once. */
    function once(known: Map<string, Promise<string>>, documents: readonly Found[]): Promise<string> {
      const key = documents.map(({ id }) => id).join("\0");
      const given = known.get(key) ?? answer!(query.text, documents);
      known.set(key, given);
      return given;
    }
  }
}

/** Candidates whose coin is below the fraction; most are never asked for. */
function* survivors(list: readonly Found[], coins: readonly number[], fraction: number): Generator<Found> {
  for (let i = 0; i < list.length; i++) if (coins[i]! < fraction) yield list[i]!;
}

function checkList(list: readonly Found[], { id }: ScalingQuery): void {
  list.forEach(({ id: document, score }, i) => {
    if (typeof score !== "number" || !Number.isFinite(score))
      throw new MnemeError(
        "NOT_FINITE",
        `scaling: query ${JSON.stringify(id)}: the score of ${JSON.stringify(document)} is ${String(score)}; expected a finite number`,
      );
    if (i > 0 && score > list[i - 1]!.score)
      throw new MnemeError(
        "RANGE",
        `scaling: query ${JSON.stringify(id)}: place ${i + 1} scores ${score}, above place ${i} with ${list[i - 1]!.score}; the best come first`,
      );
  });
}

type Draft = Omit<ScalingPoint, "metrics"> & {
  readonly metrics: Partial<Record<Metric, { mean: number; interval: Interval }>>;
};

function pointOf(plan: Plan, fraction: number, f: number, cells: readonly Cell[][][]): Draft {
  const all = cells.flatMap((query) => query[f]!);
  const underfilled = all.filter((cell) => cell.underfilled).length;
  if (underfilled > MOST_UNDERFILLED * all.length)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `scaling: at ${fraction} of the store ${underfilled} of ${all.length} lists have fewer than ${plan.k} documents; retrieve more than ${plan.depth}, or leave that fraction out`,
      { details: { fraction, underfilled } },
    );
  const leftOut = { contaminated: 0, duplicate: 0, short: 0 };
  for (const cell of all)
    for (const why of Object.keys(leftOut) as (keyof LeftOut)[]) leftOut[why] += cell.leftOut[why];
  return { fraction, ...plan.sizes[f]!, metrics: {}, underfilled, leftOut };
}

/** Undefined for a figure that no query has. */
function growthOfMetric(
  metric: Metric,
  points: readonly Draft[],
  cells: readonly Cell[][][],
): Growth | undefined {
  const some = cells.filter((query) => query[0]![0]!.scores[metric] !== undefined);
  if (some.length === 0) return undefined;
  const values = points.map((_, f) =>
    some[0]![f]!.map((__, s) => Float64Array.from(some, (query) => query[f]![s]!.scores[metric]!)),
  );
  return growthOf(
    points.map(({ documents }) => documents),
    values,
  );
}
