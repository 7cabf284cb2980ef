/** Many queries at once: shares of them for this thread and for others that have an index of their own; this one's in blocks, side by side. */
import { type Matrix, rowsOf } from "../../../linalg/index.ts";
import { Pacer } from "../../../pacer.ts";
import { emptyHits, type Hits } from "../../hits.ts";
import type { Changes, IndexParts } from "./changes.ts";
import type { QueryPoint } from "./metric-space.ts";
import { BLOCK_QUERIES, inOrder, SearchLanes, usefulLanes } from "./search-many.ts";
import type { SearchThreads } from "./search-threads.ts";
import type { FullSearchOptions } from "./searcher.ts";
import type { SpannSearchOptions } from "./spann.ts";
import type { Turns } from "./turns.ts";

/** Queries that are worth a thread. */
const THREAD_QUERIES = 64;

/** What the index says of itself. */
export interface IndexFace {
  full(options: SpannSearchOptions): FullSearchOptions;
  /** @throws MnemeError DISPOSED, STATE */
  checkOpen(): void;
  readonly confidence: number;
  /** Of one search. */
  laneBytes(): number;
  /** Claims so many bytes more than are held, if the budget has them. */
  canHold(more: number): boolean;
  /** Claims what is held. */
  held(): void;
}

export class ManyQueries implements Disposable {
  readonly #parts: IndexParts;
  readonly #changes: Changes;
  readonly #turns: Turns;
  readonly #threads: SearchThreads | undefined;
  readonly #index: IndexFace;
  readonly #pacer = new Pacer();
  /** Of shares that are under way. */
  readonly #lanes = new Set<SearchLanes>();

  /** @param threads owned from now on */
  constructor(
    parts: IndexParts,
    changes: Changes,
    turns: Turns,
    threads: SearchThreads | undefined,
    index: IndexFace,
  ) {
    this.#parts = parts;
    this.#changes = changes;
    this.#turns = turns;
    this.#threads = threads;
    this.#index = index;
  }

  get laneBytes(): number {
    let bytes = 0;
    for (const lanes of this.#lanes) bytes += lanes.bytes;
    return bytes;
  }

  get threadBytes(): number {
    return this.#threads?.bytes ?? 0;
  }

  /** @param points of the queries, one at least. @returns hits of each. @throws as SpannIndex.search */
  async search(queries: Matrix, points: readonly QueryPoint[], options: SpannSearchOptions): Promise<Hits[]> {
    const threads = this.#open(points.length);
    const share = Math.ceil(points.length / (threads + 1));
    const generation = threads > 0 ? this.#parts.store.generation() : 0;
    const others = Array.from({ length: threads }, async (_, thread) => {
      const [from, to] = [(thread + 1) * share, Math.min(points.length, (thread + 2) * share)];
      const hits = await this.#threads!.search(thread, rowsOf(queries, from, to), options, generation);
      return hits ?? this.#share(points.slice(from, to), options);
    });
    const found = await Promise.allSettled([this.#share(points.slice(0, share), options), ...others]);
    this.#index.held();
    return found.flatMap((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    });
  }

  [Symbol.dispose](): void {
    this.#threads?.[Symbol.dispose]();
  }

  /** How many threads take a share: none where there is little to do, they would not find just what this one does, or the budget does not allow. */
  #open(queries: number): number {
    const threads = this.#threads;
    if (!threads || queries < THREAD_QUERIES * (threads.count + 1) || !this.#isAsOpened) return 0;
    const { heads, reader, live, pending, log } = this.#parts;
    const expected =
      heads.bytes + reader.directoryBytes + reader.cacheBytes + live.bytes + pending.bytes + log.bytes;
    if (threads.bytes === 0 && !this.#index.canHold(threads.count * expected)) return 0;
    threads.open(expected);
    return threads.count;
  }

  /**
   * Whether an index that is opened now is this one to the last bit. Of one that was changed the graph of the heads is linked otherwise, and
   * rows that wait for one of their lists may be met in another first, where codes stand for them.
   */
  get #isAsOpened(): boolean {
    const { about, damage, pending, heads } = this.#parts;
    if (this.#changes.areUnderWay || damage.pages.length > 0) return false;
    return this.#changes.about === about || (pending.count === 0 && !heads.isGraph);
  }

  /** What this thread searches. */
  async #share(points: readonly QueryPoint[], options: SpannSearchOptions): Promise<Hits[]> {
    const hits: Hits[] = points.map(() => emptyHits);
    const lanes = this.#openLanes(points.length);
    try {
      for (let at = 0; at < points.length; at += BLOCK_QUERIES) {
        const found = await this.#block(lanes, points.slice(at, at + BLOCK_QUERIES), options);
        for (const [place, one] of found) hits[at + place] = one;
      }
    } finally {
      this.#lanes.delete(lanes);
      lanes[Symbol.dispose]();
    }
    return hits;
  }

  /** A turn for each group of queries: changes and other searches go on between them. @returns places and hits */
  async #block(
    lanes: SearchLanes,
    points: readonly QueryPoint[],
    options: SpannSearchOptions,
  ): Promise<[number, Hits][]> {
    const full = this.#index.full(options);
    const [placed, known] = await this.#turns.run(() => {
      this.#index.checkOpen();
      return [inOrder(this.#parts.heads, points, full), this.#changes.about] as const;
    });
    const found: [number, Hits][] = [];
    for (let from = 0; from < placed.length; from += lanes.count) {
      if (this.#changes.areUnderWay && this.#pacer.isDue) await this.#pacer.pause();
      const group = placed.slice(from, from + lanes.count);
      const hits = await this.#turns.run(() => {
        this.#index.checkOpen();
        return lanes.search(group, full, this.#changes.about !== known);
      });
      group.forEach(({ at }, lane) => {
        found.push([at, hits[lane]!]);
      });
    }
    return found;
  }

  /** As many side by side as the budget allows. */
  #openLanes(queries: number): SearchLanes {
    const { confidence, laneBytes, canHold } = this.#index;
    let count = usefulLanes(queries, this.#parts.reader);
    while (count > 1 && !canHold(count * laneBytes())) count >>= 1;
    const lanes = new SearchLanes(this.#parts, this.#parts.reader, confidence, count);
    this.#lanes.add(lanes);
    return lanes;
  }
}
