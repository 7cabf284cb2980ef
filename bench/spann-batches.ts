/** Queries of SPANN in batches. */
import type { Hits } from "../src/index/hits.ts";
import { rowOf } from "../src/linalg/matrix.ts";
import type { Store } from "../src/storage/index.ts";
import { printFigure } from "./row.ts";
import { BENCH, calibrated, held, K, openWithin, RAM_SHARE } from "./spann-measure.ts";
import { cpuOf } from "./spann-peers.ts";
import type { VectorData } from "./vector-data.ts";

/** Times that a batch is measured. */
const MANY_TURNS = 7;

interface Spent {
  /** Of the best turn, milliseconds. */
  ms: number;
  cpuMs: number;
  /** Of this thread, in the last turn. */
  pages: number;
  hits: readonly Hits[];
}

/**
 * Queries in batches, on one thread and on two, beside the same one by one, by turns: the same hits, what they read, what they cost. Processor
 * time is that of all threads.
 */
export async function batches(store: Store, data: VectorData): Promise<void> {
  const bytes = data.rows.data.byteLength;
  using index = await openWithin(store, "soar", bytes * RAM_SHARE);
  using shared = await openWithin(store, "soar", bytes * RAM_SHARE, 1);
  const { most, lists } = await calibrated(index, data);
  const options = { k: K, lists, pruning: { rule: "kth", most } } as const;
  const { rows: count } = data.queries;
  const ways: Record<"one by one" | "batched" | "batched, two threads", () => Promise<Hits[]>> = {
    "one by one": async () => {
      const hits: Hits[] = [];
      for (let q = 0; q < count; q++) hits.push(await index.search(rowOf(data.queries, q), options));
      return hits;
    },
    batched: () => index.searchMany(data.queries, options),
    "batched, two threads": () => shared.searchMany(data.queries, options),
  };
  const names = Object.keys(ways) as (keyof typeof ways)[];
  const spent = new Map<string, Spent>();
  for (let turn = 0; turn < MANY_TURNS; turn++)
    for (const name of names) {
      const [started, cpu, read] = [performance.now(), process.cpuUsage(), index.counts.readPages];
      const hits = await ways[name]();
      const before = spent.get(name);
      spent.set(name, {
        ms: Math.min(before?.ms ?? Infinity, performance.now() - started),
        cpuMs: Math.min(before?.cpuMs ?? Infinity, cpuOf(cpu)),
        pages: index.counts.readPages - read,
        hits,
      });
    }
  const alone = spent.get("one by one")!;
  const beside = {
    system: "one by one",
    note: `${count} queries, the best of ${MANY_TURNS} turns`,
    unit: "",
    better: "more",
  } as const;
  for (const name of names.slice(1)) {
    const { hits, ms, cpuMs } = spent.get(name)!;
    const same = hits.filter(({ rows }, q) => rows.join() === alone.hits[q]!.rows.join()).length;
    const ours = (100 * same) / count;
    printFigure(BENCH, {
      metric: `${name}: queries with the same hits`,
      unit: "%",
      ours,
      better: "more",
      least: 100,
    });
    for (const [metric, own, other] of [
      ["queries a second", ms, alone.ms],
      ["queries a second of CPU", cpuMs, alone.cpuMs],
    ] as const)
      printFigure(BENCH, {
        ...beside,
        metric: `${name}: ${metric}`,
        ours: (1000 * count) / own,
        baseline: (1000 * count) / other,
      });
  }
  printFigure(BENCH, {
    ...beside,
    metric: "batched: pages read past what is kept",
    unit: "4 KiB",
    ours: spent.get("batched")!.pages / count,
    baseline: alone.pages / count,
    better: "less",
  });
  printFigure(BENCH, {
    metric: "batched, two threads: RAM held",
    unit: "%",
    ours: (100 * held(shared)) / bytes,
    better: "less",
  });
}
