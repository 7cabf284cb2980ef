/** Queries of SPANN in batches. */
import type { Hits } from "../src/index/hits.ts";
import { rowOf } from "../src/linalg/matrix.ts";
import type { Store } from "../src/storage/index.ts";
import { printFigure } from "./row.ts";
import { BENCH, calibrated, K, openWithin, RAM_SHARE } from "./spann-measure.ts";
import { cpuOf } from "./spann-peers.ts";
import type { VectorData } from "./vector-data.ts";

/** Times that a batch is measured. */
const MANY_TURNS = 5;

/** Queries in batches beside the same one by one, by turns: the same hits, what they read, what they cost. */
export async function batches(store: Store, data: VectorData): Promise<void> {
  using index = await openWithin(store, "soar", data.rows.data.byteLength * RAM_SHARE);
  const { most, lists } = await calibrated(index, data);
  const options = { k: K, lists, pruning: { rule: "kth", most } } as const;
  const { rows: count } = data.queries;
  const ways: Record<"alone" | "batched", () => Promise<Hits[]>> = {
    alone: async () => {
      const hits: Hits[] = [];
      for (let q = 0; q < count; q++) hits.push(await index.search(rowOf(data.queries, q), options));
      return hits;
    },
    batched: () => index.searchMany(data.queries, options),
  };
  const spent = { alone: [Infinity, Infinity, 0], batched: [Infinity, Infinity, 0] };
  const found: Partial<Record<keyof typeof ways, Hits[]>> = {};
  for (let turn = 0; turn < MANY_TURNS; turn++)
    for (const way of ["alone", "batched"] as const) {
      const [started, cpu, read] = [performance.now(), process.cpuUsage(), index.counts.readPages];
      found[way] = await ways[way]();
      const [clock, processor] = spent[way];
      spent[way] = [
        Math.min(clock!, performance.now() - started),
        Math.min(processor!, cpuOf(cpu)),
        index.counts.readPages - read,
      ];
    }
  const same = found.alone!.filter(({ rows }, q) => rows.join() === found.batched![q]!.rows.join()).length;
  const note = `${count} queries, the best of ${MANY_TURNS} turns`;
  const beside = { system: "one by one", note };
  printFigure(BENCH, {
    metric: "batched: queries with the same hits",
    unit: "%",
    ours: (100 * same) / count,
    better: "more",
    least: 100,
  });
  for (const [at, metric] of ["queries a second", "queries a second of CPU"].entries()) {
    const rate = (way: keyof typeof ways): number => (1000 * count) / spent[way][at]!;
    printFigure(BENCH, {
      ...beside,
      metric: `batched: ${metric}`,
      unit: "",
      ours: rate("batched"),
      baseline: rate("alone"),
      better: "more",
    });
  }
  const pages = (way: keyof typeof ways): number => spent[way][2]! / count;
  printFigure(BENCH, {
    ...beside,
    metric: "batched: pages read past what is kept",
    unit: "4 KiB",
    ours: pages("batched"),
    baseline: pages("alone"),
    better: "less",
  });
}
