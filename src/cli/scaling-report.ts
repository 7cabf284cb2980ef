/** What a study of sizes prints and draws. */
import { curves, SCALING_METRICS, type Scaling, type ScalingMetric } from "../eval/index.ts";
import { formatBytes } from "../memory/units.ts";
import { table } from "./output.ts";

export interface Series extends Scaling {
  /** What was searched: the library, or a codec. */
  readonly name: string;
}

const titleOf = (metric: ScalingMetric, k: number): string =>
  ({ ndcg: `nDCG@${k}`, recall: `recall@${k}`, found: "answer found", exact: "exact match" })[metric];

const measured = ({ fits }: Scaling): ScalingMetric[] =>
  SCALING_METRICS.filter((metric) => fits[metric] !== undefined);

/** A table of points and a line for each fit. */
export function scalingText(series: readonly Series[]): string {
  const { k } = series[0]!;
  const metrics = measured(series[0]!);
  const rows = series.flatMap(({ name, points }) =>
    points.map(({ fraction, documents, bytes, metrics: figures }) => [
      name,
      String(fraction),
      String(Math.round(documents)),
      formatBytes(bytes),
      ...metrics.map((metric) => {
        const { mean, interval } = figures[metric]!;
        return `${mean.toFixed(4)} (${interval.map((bound) => bound.toFixed(3)).join("-")})`;
      }),
    ]),
  );
  const head = ["store", "share", "documents", "bytes", ...metrics.map((metric) => titleOf(metric, k))];
  const fits = series.flatMap(({ name, fits: lines }) =>
    metrics.map((metric) => {
      const { a, b, r2, bInterval, perDoubling } = lines[metric]!;
      const bounds = bInterval.map((bound) => bound.toFixed(4)).join(" to ");
      return `${name}: ${titleOf(metric, k)} = ${a.toFixed(4)} + ${b.toFixed(4)} ln(documents), b from ${bounds}, R2 ${r2.toFixed(3)}; twice the store adds ${perDoubling.toFixed(4)}`;
    }),
  );
  const left = series.map(({ name, points }) => {
    const { contaminated, duplicate, short } = points.at(-1)!.leftOut;
    return `${name}: left out of the whole store's lists: ${contaminated} that hold the question, ${duplicate} copies, ${short} scraps`;
  });
  return [table([head, ...rows]), "", ...fits, ...left].join("\n");
}

/** Curves of all figures by documents; of several stores by bytes. */
export function scalingSvg(series: readonly Series[]): string {
  const several = series.length > 1;
  const metrics = measured(series[0]!);
  const shown = several ? metrics.slice(0, 1) : metrics;
  const all = series.flatMap(({ name, points, k }) =>
    shown.map((metric) => ({
      label: several ? name : titleOf(metric, k),
      points: points.map(({ documents, bytes, metrics: figures }) => ({
        x: several ? bytes : documents,
        y: figures[metric]!.mean,
      })),
    })),
  );
  const yName = shown.map((metric) => titleOf(metric, series[0]!.k)).join(", ");
  return curves("Answers by the size of the store", several ? "bytes" : "documents", yName, 0, all);
}
