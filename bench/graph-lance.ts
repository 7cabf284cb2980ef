/** LanceDB in the graph benchmark: a table on disk, asked through its own threads, a query at a time. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { K } from "./graph-data.ts";
import type { Recipe } from "./graph-systems.ts";
import { importPeer, type PeerModule } from "./peers.ts";

/** A query takes a millisecond and more. */
const ASKED = 200;
/** Rows that a table is given at once. */
const BATCH = 50_000;
/** Efforts of cells: how many are looked into, and rows scored again by the vectors for each that is wanted. The codes are coarse: without
 * many of those, more cells find no more. */
const REFINE_BY_PROBES: ReadonlyMap<number, number> = new Map([
  [4, 4],
  [8, 8],
  [16, 10],
  [24, 16],
  [32, 32],
  [64, 64],
  [128, 96],
  [256, 128],
]);

export function lance(name: "LanceDB IVF_PQ" | "LanceDB IVF_HNSW_SQ"): Recipe {
  const isGraph = name === "LanceDB IVF_HNSW_SQ";
  return {
    async build({ metric, base }, file) {
      const peer = await importPeer("@lancedb/lancedb");
      const arrow = await importPeer("apache-arrow");
      const db = await peer.connect(file);
      const { rows, cols, data } = base();
      const batch = (first: number): PeerModule => {
        const count = Math.min(BATCH, rows - first);
        const item = new arrow.Field("item", new arrow.Float32(), true);
        const child = arrow.makeData({
          type: new arrow.Float32(),
          data: data.slice(first * cols, (first + count) * cols),
        });
        const type = new arrow.FixedSizeList(cols, item);
        const list = arrow.makeData({ type, child, length: count, nullCount: 0 });
        const ids = arrow.makeVector(Uint32Array.from({ length: count }, (_, i) => first + i));
        return new arrow.Table({ id: ids, vector: new arrow.Vector([list]) });
      };
      const table = await db.createTable("rows", batch(0));
      for (let first = BATCH; first < rows; first += BATCH) await table.add(batch(first));
      const { Index } = peer;
      const config = isGraph
        ? Index.hnswSq({
            distanceType: metric,
            numPartitions: Math.max(1, Math.round(rows / 500_000)),
            m: 20,
            efConstruction: 128,
          })
        : Index.ivfPq({
            distanceType: metric,
            numPartitions: Math.round(Math.sqrt(rows)),
            numSubVectors: cols / 8,
          });
      await table.createIndex("vector", { config });
      await table.optimize();
      return undefined;
    },
    async open({ metric, queries }, file) {
      const peer = await importPeer("@lancedb/lancedb");
      const table = await (await peer.connect(file)).openTable("rows");
      const asked = Array.from({ length: Math.min(ASKED, queries.rows) }, (_, q) =>
        Array.from(queries.data.subarray(q * queries.cols, (q + 1) * queries.cols)),
      );
      return {
        bytes: bytesIn(file),
        efforts: isGraph ? [20, 40, 80, 160, 320, 640, 1280] : [...REFINE_BY_PROBES.keys()],
        asked: asked.length,
        threads: false,
        async search(effort) {
          const found: number[] = [];
          for (const query of asked) {
            const search = table.query().nearestTo(query).distanceType(metric);
            const tuned = isGraph
              ? search.ef(effort).nprobes(4).refineFactor(2)
              : search.nprobes(effort).refineFactor(REFINE_BY_PROBES.get(effort)!);
            const rows = (await tuned.select(["id"]).limit(K).toArray()) as { id: number }[];
            found.push(...Array.from({ length: K }, (_, i) => rows[i]?.id ?? -1));
          }
          return found;
        },
      };
    },
  };
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
