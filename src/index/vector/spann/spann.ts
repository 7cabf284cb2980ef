/**
 * SPANN (Chen et al., NeurIPS 2021): centres of small even lists in RAM, the lists in a store; a query reads those near it. Lists hold coarse
 * codes that are scanned whole, 1-bit RaBitQ (SIGMOD 2024) or product codes of 4 bits (VLDB 2015), and int8 codes that are read for the rows whose
 * bound beats the k-th found so far.
 */
import { MnemeError } from "../../../errors.ts";
import { type Matrix, rowOf } from "../../../linalg/index.ts";
import { Pacer } from "../../../pacer.ts";
import type { Budget, Claim } from "../../../storage/budget.ts";
import type { ReadableStore } from "../../../storage/store.ts";
import { emptyHits, type Hits } from "../../hits.ts";
import type { SearchOptions } from "../../segment.ts";
import { type About, spaceOf } from "./about.ts";
import { Changes, type IndexParts } from "./changes.ts";
import type { Damage } from "./damage.ts";
import type { Heads } from "./heads.ts";
import type { ListReader, ReadCounts } from "./list-reader.ts";
import { ManyQueries } from "./many-queries.ts";
import type { MetricSpace, QueryPoint } from "./metric-space.ts";
import { openParts } from "./open-parts.ts";
import type { Pruning } from "./prune.ts";
import { type Repaired, type RepairOptions, repairLists } from "./repair.ts";
import { SearchThreads } from "./search-threads.ts";
import { type FullSearchOptions, Searcher } from "./searcher.ts";
import { Turns } from "./turns.ts";

export interface SpannOptions {
  /** Bytes for lists and pages that are kept; default `spannDefaults.cacheBytes`. */
  readonly cacheBytes?: number;
  /** Lists that a search reads at most. */
  readonly lists?: number;
  readonly pruning?: Pruning;
  /** Standard deviations by which an estimate may be wrong before its row is lost; fewer, and fewer pages are read. */
  readonly confidence?: number;
  /** Rows that have come and wait for their lists in RAM, at most; default a 64th of all, from 128 to 16,384. Fewer, and lists are written more often. */
  readonly pendingRows?: number;
  /** What the index holds is claimed from it. */
  readonly budget?: Budget;
  /**
   * Threads that `searchMany` has beside the caller's, each with heads and kept lists of its own; default 0. For a store on disk. After a
   * change they rest until `clean` has put all rows in their lists; where heads are so many that a graph finds them, until the index is
   * opened anew.
   */
  readonly threads?: number;
  /** Opens an index whose heads or rows are damaged, too: what is left is served, `damage` says what is not. */
  readonly serveDamaged?: boolean;
}

export interface SpannSearchOptions extends SearchOptions {
  readonly lists?: number;
  readonly pruning?: Pruning;
}

export interface CleanOptions {
  /** Lists are left alone of whose rows a smaller share was deleted; default 0: none is. */
  readonly leastDead?: number;
}

export const spannDefaults = {
  cacheBytes: 8 << 20,
  lists: 96,
  pruning: { rule: "kth", most: 1.2 },
  confidence: 1.2,
} as const satisfies Settings;

type Settings = Required<Omit<SpannOptions, "pendingRows" | "budget" | "threads" | "serveDamaged">>;

export class SpannIndex implements Disposable {
  readonly #changes: Changes;
  readonly #heads: Heads;
  readonly #reader: ListReader;
  readonly #searcher: Searcher;
  readonly #settings: Settings;
  readonly #claim: Claim | undefined;
  readonly #parts: IndexParts;
  readonly #space: MetricSpace;
  /** A search uses rooms of the index: the next one waits for it. */
  readonly #turns = new Turns();
  readonly #pacer = new Pacer();
  readonly #many: ManyQueries;
  #isDisposed = false;

  private constructor(parts: IndexParts, options: Settings, { budget, threads = 0 }: SpannOptions) {
    const { heads, reader, store, name } = parts;
    this.#changes = new Changes(parts, this.#turns);
    this.#parts = parts;
    this.#space = spaceOf(parts.about);
    this.#heads = heads;
    this.#reader = reader;
    this.#searcher = new Searcher(parts, reader, options.confidence);
    this.#settings = options;
    this.#claim = budget?.claim(`spann ${name}`);
    const helpers =
      threads > 0 ? new SearchThreads({ location: store.location, name, options }, threads) : undefined;
    this.#many = new ManyQueries(parts, this.#changes, this.#turns, helpers, {
      full: (given) => this.#full(given),
      checkOpen: () => this.#checkOpen(),
      confidence: options.confidence,
      laneBytes: () => this.#searcher.bytes,
      canHold: (more) => this.#canHold(more),
      held: () => this.#hold(),
    });
  }

  /** @throws MnemeError NOT_FOUND, VERSION, CORRUPT, RANGE, BUDGET */
  static async open(store: ReadableStore, name: string, options: SpannOptions = {}): Promise<SpannIndex> {
    const { cacheBytes, lists, pruning, confidence } = { ...spannDefaults, ...options };
    const settings = { cacheBytes, lists, pruning, confidence };
    const { pendingRows } = options;
    if (pendingRows !== undefined && !(Number.isInteger(pendingRows) && pendingRows >= 0))
      throw new MnemeError("RANGE", `spann: pendingRows must be a whole number from 0, got ${pendingRows}`);
    checkLists("spann", lists);
    checkThreads(store, options.threads);
    const parts = await openParts(store, name, {
      cacheBytes,
      pendingRows,
      serveDamaged: options.serveDamaged,
    });
    const index = made(parts, () => new SpannIndex(parts, settings, options));
    try {
      index.#claim?.resize(index.#bytes);
      return index;
    } catch (error) {
      const { cacheBytes: kept, leastCacheBytes } = parts.reader;
      const least = index.#bytes - kept + leastCacheBytes;
      index[Symbol.dispose]();
      throw refused(error, least);
    }
  }

  get about(): About {
    return this.#changes.about;
  }

  /** What could not be read when the index was opened with `serveDamaged`, until it is repaired. */
  get damage(): Damage {
    return this.#parts.damage;
  }

  /** What searches have read so far. */
  get counts(): ReadCounts {
    return this.#reader.counts;
  }

  /**
   * @param query `dim` values. Scores are those of the int8 codes: cosine, inner product, or minus the squared distance.
   * @throws MnemeError DIMENSION, NOT_FINITE, ZERO_VECTOR (cosine), RANGE, CANCELLED, STATE (a change failed); CORRUPT or VERSION where a list cannot be trusted:
   * never fewer hits in silence
   */
  async search(query: Float32Array, options: SpannSearchOptions): Promise<Hits> {
    this.#check(query, options);
    const point = this.#space.point(query);
    // searches one after the other would not let a change have the thread
    if (this.#changes.areUnderWay && this.#pacer.isDue) await this.#pacer.pause();
    return this.#turns.run(() => this.#search(point, options));
  }

  /**
   * The same for each of many queries, in less time than one by one: what several of them read is read once, and threads take a share of them
   * each. Meanwhile the scratch of some searches side by side is held, of as many as the budget and what is kept of lists allow.
   * @param queries n x `dim`, borrowed. @returns hits of each. @throws as `search`, for the first query that does; no hits then
   */
  async searchMany(queries: Matrix, options: SpannSearchOptions): Promise<Hits[]> {
    const points = Array.from({ length: queries.rows }, (_, q) => {
      const query = rowOf(queries, q);
      this.#check(query, options);
      return this.#space.point(query);
    });
    if (points.length === 0 || options.k === 0) return points.map(() => emptyHits);
    return this.#many.search(queries, points, options);
  }

  /**
   * Adds rows, each found and durable when this resolves; an error in the middle leaves those of whole transactions before it. They wait in RAM
   * and in a log until so many have come that they go to their lists together.
   * @param ids ascending, above all that were ever there
   * @throws MnemeError DIMENSION, NOT_FINITE, ZERO_VECTOR, ARGUMENT (ids out of order), READ_ONLY, STATE (an earlier change failed)
   */
  async insert(rows: Matrix, ids: Uint32Array): Promise<void> {
    await this.#changed(this.#changes.insert(rows, ids));
  }

  /** Rows are found no more; their room comes back by `clean`. @returns how many there were. @throws MnemeError READ_ONLY, STATE */
  async delete(ids: Iterable<number>): Promise<number> {
    return this.#changed(this.#changes.delete(ids));
  }

  /** Takes what was deleted out of the lists, and with `leastDead` 0 puts all rows that wait in theirs. @throws MnemeError READ_ONLY, STATE, RANGE */
  async clean({ leastDead = 0 }: CleanOptions = {}): Promise<void> {
    await this.#changed(this.#changes.clean(leastDead));
  }

  /**
   * Looks through all lists, after heads and rows that could not be read have been restored from them. Of what cannot be read the rest is served from then on; rows whose other copies are there come back to their lists.
   * @returns the lists that were damaged, and the rows that are in none any more: those are deleted
   * @throws MnemeError READ_ONLY, STATE, CANCELLED
   */
  async repair(options: RepairOptions = {}): Promise<Repaired> {
    return this.#changed(this.#changes.inTurn(() => repairLists(this.#parts, this.#changes, options)));
  }

  memory(): readonly { name: string; bytes: number }[] {
    return [
      { name: "spann: heads", bytes: this.#heads.bytes },
      { name: "spann: codes", bytes: this.#parts.postings.shape.coder.coarse.bytes },
      { name: "spann: directory", bytes: this.#reader.directoryBytes + this.#parts.live.bytes },
      { name: "spann: rows that wait for lists", bytes: this.#parts.pending.bytes + this.#parts.log.bytes },
      { name: "spann: lists and pages kept", bytes: this.#reader.cacheBytes },
      { name: "spann: scratch", bytes: this.#searcher.bytes + this.#many.laneBytes },
      { name: "spann: threads", bytes: this.#many.threadBytes },
    ];
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    const { heads, reader } = this.#parts;
    for (const part of [this.#many, this.#changes, heads, reader, this.#searcher, this.#claim])
      part?.[Symbol.dispose]();
  }

  /** Claims what is held after a change, also after one that failed. */
  async #changed<T>(change: Promise<T>): Promise<T> {
    try {
      return await change;
    } finally {
      this.#hold();
    }
  }

  #hold(): void {
    if (!this.#isDisposed) this.#claim?.hold(this.#bytes);
  }

  get #bytes(): number {
    return this.memory().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async #search(query: QueryPoint, options: SpannSearchOptions): Promise<Hits> {
    this.#checkOpen();
    return options.k === 0 ? emptyHits : this.#searcher.search(query, this.#full(options));
  }

  #full({ lists, pruning, ...options }: SpannSearchOptions): FullSearchOptions {
    const { lists: usual, pruning: rule } = this.#settings;
    return { ...options, lists: lists ?? usual, pruning: pruning ?? rule };
  }

  #canHold(more: number): boolean {
    try {
      this.#claim?.resize(this.#bytes + more);
      return true;
    } catch (error) {
      if (error instanceof MnemeError && error.code === "BUDGET") return false;
      throw error;
    }
  }

  #checkOpen(): void {
    if (this.#isDisposed) throw new MnemeError("DISPOSED", "search: the index was closed; open it again");
    this.#changes.checkSound("search");
  }

  #check(query: Float32Array, { k, lists }: SpannSearchOptions): void {
    const { dim } = this.about;
    if (query.length !== dim)
      throw new MnemeError("DIMENSION", `search: the query has ${query.length} values, the index ${dim}`);
    if (!Number.isInteger(k) || k < 0)
      throw new MnemeError("RANGE", `search: k must be a whole number from 0, got ${k}`);
    checkLists("search", lists);
  }
}

/** @throws MnemeError RANGE */
function checkLists(verb: string, lists: number | undefined): void {
  if (lists !== undefined && !(lists >= 1))
    throw new MnemeError("RANGE", `${verb}: lists must be a number from 1, got ${lists}`);
}

/** What is made of an index's parts, which go with it where that fails. */
function made<T>({ heads, reader }: IndexParts, make: () => T): T {
  try {
    return make();
  } catch (error) {
    for (const part of [heads, reader]) part[Symbol.dispose]();
    throw error;
  }
}

/** @throws MnemeError RANGE, ARGUMENT */
function checkThreads(store: ReadableStore, threads = 0): void {
  if (!(Number.isInteger(threads) && threads >= 0))
    throw new MnemeError("RANGE", `spann: threads must be a whole number from 0, got ${threads}`);
  if (threads > 0 && store.stats().tier !== "disk")
    throw new MnemeError(
      "ARGUMENT",
      `spann: ${store.location} is not on disk, threads cannot open it; leave \`threads\` out`,
    );
}

/** A budget's refusal, with the least that would do. */
function refused(error: unknown, least: number): unknown {
  if (!(error instanceof MnemeError) || error.code !== "BUDGET") return error;
  return new MnemeError(
    "BUDGET",
    `${error.message}; with cacheBytes of 1 it holds ${least} bytes, the least`,
    {
      details: { ...error.details, least },
      cause: error,
    },
  );
}
