/** What a store has of the graph over the centres: its links, the directions that it walks over, and which lists have changed since. */
import { type GraphShape, graphWidth, type WasmGraph } from "../../../kernels/index.ts";
import { readPages, writePages } from "../../../storage/pages.ts";
import type { Batch, Key, ReadableStore } from "../../../storage/store.ts";
import { NAMESPACE } from "./postings.ts";

/** Directions are half of the values: what that loses is made up for by the fine codes. */
const LEAST_DIMS = 64;
const MOST_DIMS = 184;

/** How the graph is made. */
export const GRAPH = {
  degree: 24,
  forward: 12,
  alpha: 1.05,
  /** Entries of the list that an insertion walks with. */
  effort: 96,
  /** Entries of the longest list. */
  room: 1024,
  dims: (dim: number): number => {
    const width = graphWidth(dim);
    return width <= LEAST_DIMS ? width : Math.min(MOST_DIMS, Math.max(LEAST_DIMS, (width >> 4) << 3));
  },
} as const;

export interface StoredGraph {
  readonly shape: GraphShape;
  /** `degree` a list. */
  readonly links: Uint32Array;
  readonly entries: Uint32Array;
  /** Lists to be linked again. */
  readonly stale: Uint32Array;
}

/** u32 entries; then those; then lists to be linked again. */
const aboutKey = (name: string): Key => [name, "heads", "graph"];
const linksKey = (name: string): Key => [name, "heads", "links"];
const directionsKey = (name: string): Key => [name, "heads", "directions"];
const countKey = (name: string): Key => [name, "heads", "links", "count"];

/** @param isWhole links and directions too; otherwise only which lists are to be linked again */
export function writeGraph(
  batch: Batch,
  name: string,
  graph: WasmGraph,
  stale: readonly number[],
  isWhole: boolean,
): void {
  const { links, entries } = graph.view();
  if (isWhole) {
    const { mean, projection } = graph.shape;
    writePages(batch, NAMESPACE, linksKey(name), bytesOf(links));
    batch.put(NAMESPACE, countKey(name), bytesOf(Uint32Array.of(graph.rows)));
    const directions = new Uint8Array(mean.byteLength + (projection?.byteLength ?? 0));
    directions.set(bytesOf(mean));
    if (projection) directions.set(bytesOf(projection), mean.byteLength);
    writePages(batch, NAMESPACE, directionsKey(name), directions);
  }
  batch.put(NAMESPACE, aboutKey(name), bytesOf(Uint32Array.of(entries.length, ...entries, ...stale)));
}

/** @throws MnemeError CORRUPT */
export async function readGraph(
  store: ReadableStore,
  name: string,
  dim: number,
): Promise<StoredGraph | undefined> {
  const [about, count] = await store.getMany(NAMESPACE, [aboutKey(name), countKey(name)]);
  if (!about || !count) return undefined;
  const words = new Uint32Array(about.slice().buffer);
  const lists = new Uint32Array(count.slice().buffer)[0]!;
  const dims = GRAPH.dims(dim);
  const width = graphWidth(dim);
  const values = dims < width ? dims * width : 0;
  const links = await readPages(store, NAMESPACE, linksKey(name), 0, lists * GRAPH.degree * 4);
  const directions = await readPages(store, NAMESPACE, directionsKey(name), 0, dim * 4 + values * 2);
  const { degree, forward, room } = GRAPH;
  return {
    shape: {
      dim,
      dims,
      metric: "l2",
      mean: new Float32Array(directions.buffer, 0, dim),
      projection: values > 0 ? new Int16Array(directions.buffer, dim * 4, values) : undefined,
      fineBits: 0,
      degree,
      forward,
      room,
      threads: 1,
    },
    links: new Uint32Array(links.buffer),
    entries: words.slice(1, 1 + words[0]!),
    stale: words.slice(1 + words[0]!),
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
