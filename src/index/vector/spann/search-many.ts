/**
 * Many queries in one go: those near to each other side by side, so that a list that several of them need is read and checked once. Each finds
 * what it would find alone.
 */
import type { Hits } from "../../hits.ts";
import { BatchReader } from "./batch-reader.ts";
import type { Heads, NearestHeads } from "./heads.ts";
import type { ListReader } from "./list-reader.ts";
import type { QueryPoint } from "./metric-space.ts";
import { type FullSearchOptions, firstHeads, type Reach, type Searched, Searcher } from "./searcher.ts";

/** Queries that are put in order together. */
export const BLOCK_QUERIES = 1024;
/** Searches side by side at most, and pages that must be kept for each: they must not take the room of what the next ones share. */
const MOST_LANES = 16;
const LANE_PAGES = 16;

/** How many searches are worth having side by side. */
export const usefulLanes = (queries: number, reader: ListReader): number =>
  Math.max(1, Math.min(queries, MOST_LANES, Math.floor(reader.mostPages / LANE_PAGES)));

/** A query in its place among others. */
export interface PlacedQuery {
  readonly query: QueryPoint;
  /** Its number among those given. */
  readonly at: number;
  readonly nearest: NearestHeads;
}

/** Queries near to each other one after the other: numbers of lists follow the tree of their centres. */
export function inOrder(heads: Heads, queries: readonly QueryPoint[], reach: Reach): PlacedQuery[] {
  const placed = queries.map((query, at) => ({ query, at, nearest: firstHeads(heads, query, reach) }));
  return placed.sort((a, b) => (a.nearest.lists[0] ?? 0) - (b.nearest.lists[0] ?? 0));
}

/** Searchers that go side by side. */
export class SearchLanes implements Disposable {
  readonly #reader: BatchReader;
  readonly #searchers: readonly Searcher[];

  constructor(searched: Searched, reader: ListReader, confidence: number, lanes: number) {
    this.#reader = new BatchReader(reader);
    this.#searchers = Array.from({ length: lanes }, () => new Searcher(searched, this.#reader, confidence));
  }

  get count(): number {
    return this.#searchers.length;
  }

  get bytes(): number {
    return this.#searchers.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * @param queries as many as there are lanes, at most. @param isStale whether heads have changed since they were put in order
   * @returns hits of each. @throws MnemeError as SpannIndex.search, for the first query that does
   */
  search(queries: readonly PlacedQuery[], options: FullSearchOptions, isStale: boolean): Promise<Hits[]> {
    const searches = queries.map(
      ({ query, nearest }, lane) =>
        () =>
          this.#searchers[lane]!.search(query, options, isStale ? undefined : nearest),
    );
    return this.#reader.run(searches);
  }

  [Symbol.dispose](): void {
    for (const searcher of this.#searchers) searcher[Symbol.dispose]();
  }
}
