/**
 * Library: the reading half of a memory. Segments, tail and live rows as one consistent view of the Store; knows nothing of
 * ranking and nothing of writing. A writer applies its commits here; a reader follows the commits of another process.
 */
import { MnemeError } from "../errors.ts";
import { Columns } from "../index/filter/columns.ts";
import { RowSet } from "../index/row-set.ts";
import { ordinalOf, type RowIds, rowAt } from "../index/segment.ts";
import { SparseIndex } from "../index/sparse/sparse-index.ts";
import type { WordsIndex } from "../index/text/words-index.ts";
import type { FlatIndex } from "../index/vector/flat.ts";
import type { VectorCoders } from "../index/vector/vectors-kind.ts";
import { kernels, LazyPool } from "../kernels/index.ts";
import { Pacer } from "../pacer.ts";
import type { Budget, Claim } from "../storage/budget.ts";
import type { MaybePromise, ReadableStore } from "../storage/store.ts";
import { LibraryCube } from "./cube/library-cube.ts";
import { liveRows, readDeadRows } from "./dead-rows.ts";
import { Gate } from "./gate.ts";
import { SegmentItems } from "./items-kind.ts";
import {
  activeSpace,
  COUNTERS_KEY,
  type Counters,
  decodeIdEntry,
  decodeJson,
  decodeManifest,
  type IdEntry,
  MANIFEST_KEY,
  type Manifest,
  NS,
  type SegmentEntry,
  SKIPPED_KEY,
  type SpaceEntry,
  sameParts,
} from "./layout.ts";
import type { LibraryOptions } from "./library-options.ts";
import { libraryWords } from "./library-words.ts";
import { decodeLogRecord } from "./log-record.ts";
import type { OpenSegment, RowPlace } from "./open-segment.ts";
import { PageCache } from "./page-cache.ts";
import { indexedText } from "./passage-text.ts";
import type { SkipLog } from "./skip-log.ts";
import { SpaceVectors } from "./space-vectors.ts";
import { codersOf, vectorsPrefix } from "./spaces.ts";
import { StoredSegment } from "./stored-segment.ts";
import { Substrings } from "./substrings/substrings.ts";
import { Tail, type TailItem } from "./tail.ts";

export type { OpenSegment, RowPlace };

/** At most this share of the budget holds pages: they give way to codes and dictionaries, but not to what is not accounted for. */
const PAGE_CACHE_SHARE = 0.7;

export class Library implements AsyncDisposable {
  readonly store: ReadableStore;
  readonly budget: Budget;
  readonly gate: Gate = new Gate();
  readonly pacer: Pacer = new Pacer();
  readonly cache: PageCache;
  readonly words: WordsIndex;
  readonly sparse: SparseIndex = new SparseIndex();
  readonly columns: Columns = new Columns();
  readonly tail: Tail = new Tail();
  readonly spaceVectors: SpaceVectors;
  readonly substrings: Substrings;
  readonly cube: LibraryCube;
  vectors: FlatIndex;
  manifest: Manifest;
  counters: Counters;
  /** Rows that may be found. */
  live: RowSet = new RowSet();
  dead: RowSet = new RowSet();
  segments: OpenSegment[] = [];
  skipped: SkipLog = [];
  #generation = -1;
  readonly #claims = new Map<string, Claim>();
  /** Threads that searches of large libraries share. */
  readonly #pool: LazyPool;
  readonly #wantsSubstrings: boolean | undefined;

  private constructor(
    store: ReadableStore,
    budget: Budget,
    manifest: Manifest,
    coders: VectorCoders,
    { threads, vectors, besideBytes, substrings, filing }: LibraryOptions,
  ) {
    this.cube = new LibraryCube(filing);
    this.store = store;
    this.budget = budget;
    this.manifest = manifest;
    this.counters = { nextRow: 0 };
    this.cache = new PageCache(budget, Math.floor(budget.limitBytes * PAGE_CACHE_SHARE));
    this.#pool = new LazyPool(kernels(), threads);
    const textOf = (row: number) => this.passageText(row);
    const { words, lists } = libraryWords(budget, textOf, () => this.#pool.pool);
    this.words = words;
    this.#claims.set(lists.name, lists);
    const isRemote = store.stats().tier === "remote";
    this.spaceVectors = new SpaceVectors({ budget, besideBytes, wish: vectors, pool: this.#pool, isRemote });
    this.vectors = this.spaceVectors.indexOf(coders);
    this.substrings = new Substrings(budget.limitBytes);
    this.#wantsSubstrings = substrings;
  }

  /**
   * Takes over the store. @throws MnemeError FORMAT when it holds no library, VERSION, CORRUPT, BUDGET: it is left open then
   */
  static async open(
    store: ReadableStore,
    budget: Budget,
    options: LibraryOptions = { vectors: "auto", besideBytes: 0 },
  ): Promise<Library> {
    const [bytes] = await store.getMany(NS.library, [MANIFEST_KEY]);
    if (!bytes)
      throw new MnemeError(
        "FORMAT",
        `open: ${store.location} holds no Mneme library; choose another path or index into it`,
      );
    const manifest = decodeManifest(bytes, store.location);
    const library = new Library(store, budget, manifest, codersOf(activeSpace(manifest)), options);
    await library.#load(manifest).catch(async (error: unknown) => {
      await library.#release();
      throw error;
    });
    return library;
  }

  get activeSpace(): SpaceEntry {
    return activeSpace(this.manifest);
  }

  get wantsSubstrings(): boolean {
    return this.#wantsSubstrings ?? this.manifest.substrings ?? false;
  }

  get #indexes() {
    return [this.words, this.sparse, this.vectors, this.columns];
  }

  /** Follows commits of other processes; free when there are none. Call it before reading in a read-only library. */
  async refresh(): Promise<void> {
    if (this.store.writable || this.store.generation() === this.#generation) return;
    await this.gate.write(async () => {
      if (this.store.generation() === this.#generation) return;
      const [bytes] = await this.store.getMany(NS.library, [MANIFEST_KEY]);
      await this.#load(decodeManifest(bytes!, this.store.location));
    });
  }

  /** Makes the open segments those of `manifest`. Reads what is new while searches go on, then switches in a moment, with `then`. */
  async adopt(manifest: Manifest, then: () => void = () => {}): Promise<void> {
    const known = new Set(this.segments.map(({ stored }) => stored.entry.id));
    const fresh = new Map<number, StoredSegment>();
    for (const entry of manifest.segments) {
      if (known.has(entry.id)) continue;
      const stored = await StoredSegment.open(this.store, this.cache, entry);
      await stored.readAhead(this.spaceVectors.readFirst(manifest, entry));
      fresh.set(entry.id, stored);
    }
    await this.gate.write(async () => {
      await this.#switch(manifest, fresh);
      for (const stored of fresh.values()) stored.release();
      then();
      this.account();
    });
  }

  async #switch(manifest: Manifest, fresh: ReadonlyMap<number, StoredSegment>): Promise<void> {
    this.spaceVectors.plan(manifest);
    if (manifest.active !== this.manifest.active) await this.#switchSpace(manifest);
    const wanted = new Set(manifest.segments.map((entry) => entry.id));
    for (const { stored } of this.segments) if (!wanted.has(stored.entry.id)) this.#detach(stored.entry.id);
    const open = new Map(this.segments.map((segment) => [segment.stored.entry.id, segment]));
    const next: OpenSegment[] = [];
    for (const entry of manifest.segments) {
      const known = open.get(entry.id);
      const segment = known ?? (await this.#attach(fresh.get(entry.id), entry, manifest));
      next.push(known ? await this.#renewed(known, entry, manifest) : segment);
    }
    this.segments = next.sort((a, b) => a.stored.entry.first - b.stored.entry.first);
    this.manifest = manifest;
    await this.substrings.attach(this.wantsSubstrings ? this.segments : []);
    await this.cube.follow(manifest, next);
  }

  /** An open segment whose vectors got other parts, or shall be searched by other ones than they are. */
  async #renewed(segment: OpenSegment, entry: SegmentEntry, manifest: Manifest): Promise<OpenSegment> {
    const isSame = sameParts(segment.stored.entry.parts, entry.parts);
    if (!isSame) this.spaceVectors.refused.delete(entry.id);
    if (isSame && !this.spaceVectors.isToChange(entry)) return segment;
    const stored = isSame ? segment.stored : await StoredSegment.open(this.store, this.cache, entry);
    if (this.spaceVectors.isToChange(entry))
      await this.vectors.attach(stored.source(vectorsPrefix(manifest.active)));
    return { ...segment, stored };
  }

  /**
   * Searches segments by scans where their indexes take more RAM than is left beside `bytes` that are about to be claimed.
   * @returns whether anything was given up
   */
  async makeRoom(bytes: number): Promise<boolean> {
    const before = this.budget.usedBytes;
    await this.gate.write(async () => {
      await this.spaceVectors.leaving(bytes, () => this.#switch(this.manifest, new Map()));
      this.account();
    });
    return this.budget.usedBytes < before;
  }

  /** Adds a committed item to the tail of every index. */
  appendTail(item: TailItem): void {
    this.tail.push(item);
    const dim = this.activeSpace.space.dim;
    for (let passage = 0; passage < item.rows; passage++) {
      const row = item.firstRow + passage;
      this.words.append(row, item.passages[passage]!);
      if (item.sparse) this.sparse.append(row, item.sparse);
      this.vectors.append(row, item.vectors.subarray(passage * dim, (passage + 1) * dim));
      if (!this.dead.has(row)) this.live.add(row);
    }
    this.columns.append(item.firstRow, item.rows, item.columns);
  }

  trimTail(lastRow: number): void {
    this.tail.trim(lastRow);
    for (const index of this.#indexes) index.trimTail(lastRow);
  }

  /** Hides rows [first, first + count). */
  bury(first: number, count: number): void {
    for (let row = first; row < first + count; row++) {
      this.dead.add(row);
      this.live.delete(row);
    }
  }

  /** Makes the rows of a segment that was just adopted findable. */
  enliven(rows: RowIds): void {
    if (rows.base !== null && this.dead.isEmpty) this.live.addRange(rows.base, rows.base + rows.count);
    else
      for (let i = 0; i < rows.count; i++) if (!this.dead.has(rowAt(rows, i))) this.live.add(rowAt(rows, i));
  }

  revive(first: number, count: number): void {
    for (let row = first; row < first + count; row++) {
      this.dead.delete(row);
      this.live.add(row);
    }
  }

  async idEntries(ids: readonly string[]): Promise<(IdEntry | undefined)[]> {
    const found = await this.store.getMany(
      NS.ids,
      ids.map((id) => [id]),
    );
    return found.map((bytes) => bytes && decodeIdEntry(bytes));
  }

  /** @throws MnemeError INTERNAL for a row that no segment and no tail item holds. */
  placeOf(row: number): RowPlace {
    const segment = this.#segmentOf(row);
    if (segment) {
      const { items, ordinal } = segment;
      const item = items.items.itemOf(ordinal);
      return { segment: items, item, passage: ordinal - items.items.firstOrdinal(item) };
    }
    const item = this.tail.itemOf(row);
    if (!item)
      throw new MnemeError(
        "INTERNAL",
        `library: row ${row} is neither in a segment nor in the tail; run \`mneme doctor\``,
      );
    return { segment: null, item, passage: row - item.firstRow };
  }

  /** What the words index was given for a row. Phrases are verified on it. */
  passageText(row: number): MaybePromise<string> {
    return indexedText(this.placeOf(row));
  }

  /**
   * States to the budget what the structures hold. What is durable is never refused afterwards, only when the library is opened: writers
   * reserve before they commit.
   * @throws MnemeError BUDGET when `opening`
   */
  account(opening = false): void {
    const held = this.memory();
    for (const [name, claim] of this.#claims) if (!held.some((one) => one.name === name)) claim.hold(0);
    for (const { name, bytes } of held) {
      let claim = this.#claims.get(name);
      if (!claim) {
        claim = this.budget.claim(name);
        this.#claims.set(name, claim);
      }
      if (opening) claim.resize(bytes);
      else claim.hold(bytes);
    }
  }

  /** RAM by structure; the page cache accounts for itself. */
  memory(): { name: string; bytes: number }[] {
    const items = this.segments.reduce((sum, { items }) => sum + items.bytes, 0);
    const rowIds = this.segments.reduce((sum, { stored }) => sum + (stored.rows.ids?.byteLength ?? 0), 0);
    return [
      ...this.#indexes.flatMap((index) => index.memory()),
      ...this.substrings.memory(),
      ...this.cube.memory(),
      { name: "items: tables", bytes: items + rowIds },
      { name: "items: tail", bytes: this.tail.bytes },
      { name: "rows: live and dead", bytes: this.live.bytes + this.dead.bytes },
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
    await this.store.close();
  }

  /** All but the store. */
  async #release(): Promise<void> {
    for (const index of this.#indexes) index[Symbol.dispose]();
    await this.#pool[Symbol.asyncDispose]();
    for (const claim of this.#claims.values()) claim[Symbol.dispose]();
    this.cache[Symbol.dispose]();
  }

  /** Everything from the store: manifest, deletions, tail. */
  async #load(manifest: Manifest): Promise<void> {
    const generation = this.store.generation();
    const [counters, skipped] = await this.store.getMany(NS.library, [COUNTERS_KEY, SKIPPED_KEY]);
    this.skipped = skipped ? decodeJson<SkipLog>(skipped) : [];
    this.counters = counters ? decodeJson<Counters>(counters) : { nextRow: 0 };
    this.trimTail(Number.MAX_SAFE_INTEGER);
    this.cube.clearTail();
    await this.#switch(manifest, new Map());
    this.spaceVectors.checkRoom(manifest);
    const { nextRow } = this.counters;
    this.dead = await readDeadRows(this.store, nextRow);
    this.live = liveRows(this.segments, this.dead, nextRow);
    for await (const { key, value } of this.store.range(NS.log))
      this.appendTail(decodeLogRecord(Number(key[0]), value, this.activeSpace));
    this.account(true);
    this.#generation = generation;
  }

  async #attach(
    ready: StoredSegment | undefined,
    entry: SegmentEntry,
    manifest: Manifest,
  ): Promise<OpenSegment> {
    const stored = ready ?? (await StoredSegment.open(this.store, this.cache, entry));
    const items = await SegmentItems.open(stored.source("items/"), this.cache);
    await this.words.attach(stored.source("words/"));
    await this.sparse.attach(stored.source("sparse/"));
    await this.columns.attach(stored.source("columns/"));
    await this.vectors.attach(stored.source(vectorsPrefix(manifest.active)));
    return { stored, items };
  }

  #detach(id: number): void {
    this.spaceVectors.forget(id);
    for (const index of this.#indexes) index.detach(id);
  }

  /** The tail's vectors are of the old space, so a switch happens only on an empty tail. */
  async #switchSpace(manifest: Manifest): Promise<void> {
    const vectors = this.spaceVectors.indexOf(codersOf(activeSpace(manifest)));
    const kept = new Set(manifest.segments.map((entry) => entry.id));
    for (const { stored } of this.segments) {
      if (!kept.has(stored.entry.id)) continue;
      const entry = manifest.segments.find(({ id }) => id === stored.entry.id)!;
      const renewed = await StoredSegment.open(this.store, this.cache, entry);
      await vectors.attach(renewed.source(vectorsPrefix(manifest.active)));
    }
    this.vectors[Symbol.dispose]();
    this.vectors = vectors;
  }

  #segmentOf(row: number): { items: OpenSegment; ordinal: number } | undefined {
    for (const items of this.segments) {
      const { rows, entry } = items.stored;
      if (row < entry.first || row > entry.last) continue;
      const ordinal = ordinalOf(rows, row);
      if (ordinal >= 0) return { items, ordinal };
    }
    return undefined;
  }
}
