/**
 * Writer: the one place that changes a library. Commits of new items are issued at once and ordered by the Store; a commit that
 * replaces or forgets items waits for those before it, because the bitmap of dead rows must say what is durable, no more.
 */
import type { Embedder } from "../../embed/embedder.ts";
import { isMnemeError, MnemeError } from "../../errors.ts";
import type { Batch, Store } from "../../storage/store.ts";
import { DEAD_PAGE_ROWS } from "../dead-rows.ts";
import { Gate } from "../gate.ts";
import {
  COUNTERS_KEY,
  decodeIdEntry,
  encodeIdEntry,
  encodeJson,
  type IdEntry,
  MANIFEST_KEY,
  type Manifest,
  NS,
  type SpaceEntry,
} from "../layout.ts";
import type { Library } from "../library.ts";
import { IdOrder } from "./id-order.ts";
import { Trash } from "./trash.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface WriterOptions {
  readonly embedder: Embedder;
  readonly workers: number;
  readonly undoWindowMs: number;
  readonly onWarning: (message: string) => void;
}

/** What one commit writes. */
export interface Change {
  /** New entry of an id; null forgets it. Rows of the entry before are buried. */
  readonly entries: ReadonlyMap<string, IdEntry | null>;
  /** The entries before and the encoded ones, where `make` has taken its time to look them up and encode them. */
  readonly replaced?: readonly IdEntry[];
  readonly encoded?: ReadonlyMap<string, Uint8Array>;
  readonly fill?: (batch: Batch) => void;
  /** Applies the change to the library in memory, once it is durable. */
  readonly applied?: () => void | Promise<void>;
}

/** Where vectors are made for: a commit in another space than its vectors' would never be found. */
export interface VectorSource {
  readonly embedder: Embedder;
  readonly space: SpaceEntry;
}

export class Writer implements AsyncDisposable {
  readonly library: Library;
  readonly store: Store;
  readonly options: WriterOptions;
  /** Makes vectors of the active space; a reembed replaces it. */
  embedder: Embedder;
  readonly pool: WorkerPool;
  readonly trash: Trash;
  /** Of adds, of batches of files, and of what is forgotten by id: they take their time before they commit. */
  readonly idOrder: IdOrder = new IdOrder();
  /** Aborted when the library closes: stops what can as well be done by the next opening. */
  readonly closing: AbortController = new AbortController();
  /** Background work of each sort is queued once. */
  flushQueued = false;
  mergeQueued = false;
  /** Segments whose index could not be built: not tried again before the next opening or compaction. */
  readonly notIndexed = new Set<number>();
  readonly notSharded = new Set<number>();
  /** Segments that could not be filed in the cube: the same. */
  readonly notFiled = new Set<number>();
  #nextSegment = 0;
  readonly #order = new Gate();
  /** Id entries of batches not yet durable; null: forgotten. */
  readonly #pending = new Map<string, { readonly entry: IdEntry | null; readonly owner: object }>();
  #background: Promise<void> = Promise.resolve();
  #backgroundError: unknown;
  #isOverBudget = false;
  #closed = false;

  constructor(library: Library, store: Store, options: WriterOptions) {
    this.library = library;
    this.store = store;
    this.options = options;
    this.embedder = options.embedder;
    this.pool = new WorkerPool(options.workers);
    this.trash = Trash.load(store);
  }

  /** The space of this moment, and who makes its vectors. */
  get source(): VectorSource {
    return { embedder: this.embedder, space: this.library.activeSpace };
  }

  /** Whether vectors of `source` still belong into the library; a reembed may have finished since. */
  isCurrent({ embedder, space }: VectorSource): boolean {
    return this.embedder === embedder && this.library.manifest.active === space.id;
  }

  /** The id's entry as the next commit will find it. */
  entryOf(id: string): IdEntry | undefined {
    const pending = this.#pending.get(id);
    if (pending) return pending.entry ?? undefined;
    const bytes = this.store.get(NS.ids, [id]);
    return bytes && decodeIdEntry(bytes);
  }

  /** Takes the next `count` row ids; segments start at multiples of 32 so that their bitmaps are whole words. */
  takeRows(count: number, aligned = false): number {
    const { nextRow } = this.library.counters;
    const first = aligned ? Math.ceil(nextRow / 32) * 32 : nextRow;
    if (first + count > 0xffff_ffff) {
      throw new MnemeError(
        "RANGE",
        "add: the library has used all 4,294,967,295 row ids; index into a new library",
      );
    }
    this.library.counters = { nextRow: first + count };
    return first;
  }

  /** An id for a segment that is about to be staged. */
  takeSegmentId(): number {
    this.#nextSegment = Math.max(this.#nextSegment, this.library.manifest.nextSegment);
    return this.#nextSegment++;
  }

  /** Like `commit` while no other is under way, for changes of the manifest; `make` may take its time. */
  commitAlone(make: () => Change | null | Promise<Change | null>): Promise<void> {
    return this.alone(async () => {
      const change = await make();
      if (change) await this.#write(change);
    });
  }

  /**
   * One atomic, durable commit. `make` runs when it is this commit's turn and takes the rows it needs; it may look ids up.
   * Return null from it to write nothing.
   */
  async commit(ids: readonly string[], make: () => Change | null): Promise<void> {
    let exclusive = ids.some((id) => this.entryOf(id) !== undefined);
    for (;;) {
      const enter = exclusive ? this.#order.write.bind(this.#order) : this.#order.read.bind(this.#order);
      const done = await enter(async () => {
        this.#checkOpen();
        // an id may have come while this commit waited its turn
        if (!exclusive && ids.some((id) => this.entryOf(id) !== undefined)) return false;
        const change = make();
        if (change) await this.#write(change);
        return true;
      });
      if (done) return;
      exclusive = true;
    }
  }

  /** Alone: no commit before it is under way, none starts until it is done. @throws MnemeError DISPOSED: closed before its turn came */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#order.write(async () => {
      this.#checkOpen();
      return work();
    });
  }

  putManifest(batch: Batch, manifest: Manifest): void {
    batch.put(NS.library, MANIFEST_KEY, encodeJson(manifest));
    batch.put(NS.library, COUNTERS_KEY, encodeJson(this.library.counters));
  }

  /** Writes the dead-row pages that `entries` touch as they will be with those rows dead (or alive again). */
  putDead(batch: Batch, entries: readonly IdEntry[], dead: boolean): void {
    const rows = this.library.dead.clone();
    const pages = new Set<number>();
    for (const { firstRow, rows: count } of entries) {
      for (let row = firstRow; row < firstRow + count; row++) {
        if (dead) rows.add(row);
        else rows.delete(row);
        pages.add(Math.floor(row / DEAD_PAGE_ROWS));
      }
    }
    const perPage = DEAD_PAGE_ROWS / 32;
    for (const page of pages) {
      const words = new Uint32Array(perPage);
      words.set(rows.words.subarray(page * perPage, (page + 1) * perPage));
      batch.put(NS.dead, [page], new Uint8Array(words.buffer));
    }
  }

  /** Brings buried items back with the entries they had. Call it inside `alone`. */
  async restoreEntries(
    items: readonly (readonly [string, IdEntry])[],
    fill: (batch: Batch) => void,
  ): Promise<void> {
    const entries = items.map(([, entry]) => entry);
    await this.store.batch((batch) => {
      for (const [id, entry] of items) batch.put(NS.ids, [id], encodeIdEntry(entry));
      this.putDead(batch, entries, false);
      fill(batch);
    });
    for (const { firstRow, rows } of entries) this.library.revive(firstRow, rows);
  }

  /** Queues maintenance behind what is queued; errors surface as warnings and in `idle`. */
  inBackground(work: () => Promise<void>): Promise<void> {
    const next = this.#background.then(() => {
      this.#checkOpen();
      return work();
    });
    this.#background = next.catch((error: unknown) => {
      // who cancelled it knows; what closing ends is begun again by the next opening
      if (isMnemeError(error) && (error.code === "CANCELLED" || this.#closed)) return;
      this.#backgroundError = error;
      this.options.onWarning(
        `background work failed: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    return next;
  }

  /** Resolves when background work is done. @throws what it threw, once. */
  async idle(): Promise<void> {
    await this.#drained();
    const error = this.#backgroundError;
    this.#backgroundError = undefined;
    if (error) throw error;
  }

  /** Finishes what is under way in the background and the commits that have begun; what comes to its turn later is refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort();
    await this.#drained();
    // the Store must not close below a commit: it would be durable and yet fail, and a compaction waits for searches that wait for it
    await this.#order.write(async () => {
      this.#closed = true;
    });
    await this.#drained();
    await this.pool[Symbol.asyncDispose]();
  }

  /** Until nothing is queued behind the writes. */
  async #drained(): Promise<void> {
    let seen: Promise<void>;
    do {
      seen = this.#background;
      await seen;
    } while (seen !== this.#background);
  }

  #checkOpen(): void {
    if (this.#closed)
      throw new MnemeError("DISPOSED", "memory: closed before this was written; open the library again");
  }

  async #write({ entries, replaced, encoded, fill, applied }: Change): Promise<void> {
    const buried =
      replaced ?? [...entries.keys()].map((id) => this.entryOf(id)).filter((entry) => entry !== undefined);
    const owner = {};
    for (const [id, entry] of entries) this.#pending.set(id, { entry, owner });
    try {
      await this.store.batch((batch) => {
        for (const [id, entry] of entries) {
          if (entry) batch.put(NS.ids, [id], encoded?.get(id) ?? encodeIdEntry(entry));
          else batch.delete(NS.ids, [id]);
        }
        if (buried.length > 0) this.putDead(batch, buried, true);
        batch.put(NS.library, COUNTERS_KEY, encodeJson(this.library.counters));
        fill?.(batch);
      });
    } finally {
      for (const id of entries.keys()) if (this.#pending.get(id)?.owner === owner) this.#pending.delete(id);
    }
    for (const entry of buried) this.library.bury(entry.firstRow, entry.rows);
    await applied?.();
    this.#watchBudget();
  }

  /** What is durable stays, whatever it takes: said once each time it comes to more than the budget. */
  #watchBudget(): void {
    const { usedBytes, limitBytes } = this.library.budget;
    const isOver = usedBytes > limitBytes;
    if (isOver && !this.#isOverBudget)
      this.options.onWarning(
        `the library holds ${usedBytes} bytes of RAM, its budget is ${limitBytes}; nothing was lost, but it will not open again ` +
          "with this budget: forget items and compact, or open it with a larger one",
      );
    this.#isOverBudget = isOver;
  }
}
