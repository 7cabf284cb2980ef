/** Lists of other coarse codes beside 1-bit RaBitQ's. */
import { buildSpann } from "../src/index/vector/spann/build.ts";
import type { LazyPool } from "../src/kernels/index.ts";
import type { Store } from "../src/storage/index.ts";
import { printFigure, quantile } from "./row.ts";
import {
  BENCH,
  calibrated,
  DIM,
  type Measured,
  measure,
  openWithin,
  pagesOf,
  RAM_SHARE,
} from "./spann-measure.ts";
import { cpuOf } from "./spann-peers.ts";
import type { VectorData } from "./vector-data.ts";

/** Coarse codes of lists beside each other, each calibrated to the recall and with the same RAM: equal bytes, and fewer. */
export async function codesOf(store: Store, data: VectorData, pool: LazyPool): Promise<void> {
  const few = Math.floor(DIM / 4);
  let first: Measured | undefined;
  for (const codes of ["rabitq1", "pq4", `pq4x${few}-random`, `pq4x${few}-opq`]) {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    const about = await buildSpann(store, "codes", data.rows, { codes, pool });
    const built = { ms: performance.now() - started, cpuMs: cpuOf(cpu) };
    using index = await openWithin(store, "codes", data.rows.data.byteLength * RAM_SHARE);
    const { most, lists } = await calibrated(index, data);
    const options = { lists, pruning: { rule: "kth", most } } as const;
    const measured = await measure(index, data, options);
    const { recall, counts, cpuMs, ms } = measured;
    const kth = `${codes}: kth rule at ${most.toFixed(2)}, ${lists} lists at most, ${about.limit} rows a list`;
    const figure = (metric: string, unit: string, of: (one: Measured) => number, note = ""): void =>
      printFigure(BENCH, {
        metric: `${codes}, ${metric}`,
        unit,
        ours: of(measured),
        ...(first ? { system: "rabitq1", baseline: of(first) } : {}),
        better: "less",
        note,
      });
    printFigure(BENCH, { metric: `${codes}, recall@10`, unit: "", ours: recall, better: "more", note: kth });
    figure(
      "pages asked for",
      "4 KiB",
      (one) => pagesOf(one.counts),
      `${counts.listPages.toFixed(1)} of lists`,
    );
    figure("rows scored again", "", (one) => one.counts.rescored, `of ${counts.rows.toFixed(0)} scanned`);
    figure("median", "ms", (one) => quantile(one.ms, 0.5), `p99 ${quantile(ms, 0.99).toFixed(2)}`);
    figure(
      "CPU a query, median",
      "ms",
      (one) => quantile(one.cpuMs, 0.5),
      `p99 ${quantile(cpuMs, 0.99).toFixed(2)}`,
    );
    printFigure(BENCH, {
      metric: `${codes}, build CPU`,
      unit: "s",
      ours: built.cpuMs / 1000,
      better: "less",
    });
    first ??= measured;
  }
}
