/**
 * Inserts and deletes: each a transaction of the store that leaves lists, heads and directory in accord, or as they were. Rows that come wait in
 * memory, and in the log of the store, until so many have come that lists are worth writing: then the oldest go to theirs. What is to change is
 * worked out in short pieces among which searches go on; then it becomes the index's at once, between two searches, and is on its way to the store.
 */
import { MnemeError } from "../../../errors.ts";
import { type Matrix, matrix, rowOf } from "../../../linalg/index.ts";
import { Pacer } from "../../../pacer.ts";
import type { ReadableStore, Store } from "../../../storage/store.ts";
import { type About, putAbout, putChangedHeads, putHeads, spaceOf } from "./about.ts";
import { type Damage, noDamage } from "./damage.ts";
import { Draft, type DraftedList } from "./draft.ts";
import type { GraphHeads } from "./graph-heads.ts";
import { HeadsDraft } from "./heads-draft.ts";
import { Lire } from "./lire.ts";
import type { ListReader } from "./list-reader.ts";
import { listsFor } from "./lists-for.ts";
import type { LiveRows } from "./live-rows.ts";
import type { PendingRows } from "./pending.ts";
import { putCodes } from "./posting-codes.ts";
import type { Postings } from "./postings.ts";
import type { RowLog } from "./row-log.ts";
import { Turns } from "./turns.ts";

/** Rows that come with one transaction. */
const INSERTED = 1024;
/** Lists that rows are put in with one transaction: bounds what is held meanwhile. */
const FLUSHED = 96;
/** Rows that wait for their lists, at most: this share of all, within bounds. */
const PENDING_SHARE = 1 / 64;
const [LEAST_PENDING, MOST_PENDING] = [128, 16_384];
/** Lists cleaned with one transaction. */
const CLEANED = 64;
/** A list of less than this share of the limit is given up. */
const LEAST_SHARE = 1 / 8;
const MOST_ID = 0xffff_ffff;

export interface IndexParts {
  readonly store: ReadableStore;
  readonly name: string;
  readonly about: About;
  readonly postings: Postings;
  /** What the lists' coarse codes were trained to, as it is stored. */
  readonly codes: Uint8Array;
  readonly heads: GraphHeads;
  readonly reader: ListReader;
  readonly live: LiveRows;
  readonly pending: PendingRows;
  readonly log: RowLog;
  /** Rows that may wait for their lists; default `PENDING_SHARE` of all. */
  readonly pendingRows?: number | undefined;
  /** What could not be read: until it is repaired nothing is changed. */
  damage: Damage;
}

/** What is worked out: changed lists and heads, and what is to be said of the whole. */
interface Drafted {
  readonly heads: HeadsDraft;
  readonly lists: readonly DraftedList[];
  /** Lists that no rows wait for any more. */
  readonly settled: Iterable<number>;
}

/** Rows on their way to their lists. */
interface Coming {
  readonly ids: Uint32Array;
  readonly rows: Matrix;
}

type Work = (lire: Lire, draft: Draft, heads: HeadsDraft) => Promise<void>;

export class Changes implements Disposable {
  readonly #parts: IndexParts;
  /** Those of searches: the index changes between two of them. */
  readonly #searches: Turns;
  readonly #changes = new Turns();
  readonly #pacer = new Pacer();
  #about: About;
  #written: Promise<void> = Promise.resolve();
  /** Set where memory is ahead of the store for good. */
  #hasFailed = false;
  #isDisposed = false;

  constructor(parts: IndexParts, searches: Turns) {
    this.#parts = parts;
    this.#about = parts.about;
    this.#searches = searches;
  }

  get about(): About {
    return this.#about;
  }

  /** Whether a change is under way or waits. */
  get areUnderWay(): boolean {
    return this.#changes.isBusy;
  }

  /** @param ids ascending, above all that were ever there. @throws MnemeError see SpannIndex.insert */
  async insert(rows: Matrix, ids: Uint32Array): Promise<void> {
    this.#writable("insert");
    return this.#changes.run(async () => {
      const points = this.#checked(rows, ids);
      for (let first = 0; first < ids.length; first += INSERTED) {
        const some = ids.subarray(first, first + INSERTED);
        const values = points.data.subarray(first * points.cols, (first + some.length) * points.cols);
        await this.#insert({ ids: some, rows: matrix(some.length, points.cols, values) });
        await this.#flush("insert", this.#mostPending);
      }
      await this.#written;
    });
  }

  /** @returns how many rows there were among them. @throws MnemeError RANGE for what cannot be an id */
  async delete(ids: Iterable<number>): Promise<number> {
    this.#writable("delete");
    const all = [...ids];
    const bad = all.find((id) => !(Number.isInteger(id) && id >= 0 && id <= MOST_ID));
    if (bad !== undefined)
      throw new MnemeError("RANGE", `delete: id ${bad}; ids are whole numbers from 0 to ${MOST_ID}`);
    return this.#changes.run(async () => {
      const gone = await this.remove("delete", all);
      await this.#written;
      return gone;
    });
  }

  /** Rows are found no more. Within a turn of changes; it may not be durable yet. @returns how many there were */
  remove(verb: string, ids: Iterable<number>): Promise<number> {
    const store = this.#writable(verb);
    return this.#searches.run(() => {
      this.#checkOpen(verb);
      let gone = 0;
      for (const id of ids) {
        if (!this.#parts.live.delete(id)) continue;
        this.#parts.pending.delete(id);
        gone++;
      }
      this.#about = { ...this.#about, rows: this.#about.rows - gone };
      if (gone > 0) this.#write(store, []);
      return gone;
    });
  }

  /**
   * Takes deleted rows out of the lists, and gives up lists that are left with few.
   * @param least share of a list's rows that must have been deleted. @throws MnemeError RANGE
   */
  async clean(least: number): Promise<void> {
    if (!(least >= 0 && least <= 1))
      throw new MnemeError("RANGE", `clean: leastDead must lie between 0 and 1, got ${least}`);
    this.#writable("clean");
    return this.#changes.run(async () => {
      if (least === 0) await this.#flush("clean", 0);
      for (let list = 0; list < this.#parts.heads.count; ) {
        await this.change("clean", async (_, draft) => {
          for (; list < this.#parts.heads.count && draft.changed.size < CLEANED; list++) {
            await draft.breathe();
            await draft.shorten(list, least);
          }
        });
      }
      await this.relink("clean");
      await this.#written;
    });
  }

  /** A graph over the heads where there is none, though they are many. Within a turn of changes. */
  async relink(verb: string): Promise<void> {
    const { heads } = this.#parts;
    if (!heads.lacksGraph) return;
    await this.#written;
    await heads.relink({ seed: this.#about.seed });
    await this.#searches.run(() => {
      this.#checkOpen(verb);
      this.#write(this.#writable(verb), []);
    });
  }

  /** Writes heads, directory and rows whole, as they are now; what was damaged is no more. Within a turn of changes. */
  async rewrite(verb: string): Promise<void> {
    const { name, reader, live, heads, log } = this.#parts;
    const store = this.#writable(verb);
    await this.#written;
    const copies = reader.directory.counts.reduce((sum, count) => sum + count, 0);
    this.#about = { ...this.#about, rows: live.count, copies, log: log.range };
    await store.batch((batch) => {
      putHeads(batch, name, { ...heads.codes, ...reader.directory });
      putCodes(batch, name, this.#parts.codes);
      heads.write(batch, name);
      live.write(batch);
      putAbout(batch, name, this.#about);
    });
    this.#parts.damage = noDamage;
  }

  /** Works in a turn of changes. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#changes.run(work);
  }

  /** Settles when all that was changed is durable. */
  settled(): Promise<void> {
    return this.#written;
  }

  /** Lets others have the thread when it is time. @throws MnemeError DISPOSED, STATE */
  async breathe(verb: string): Promise<void> {
    if (this.#pacer.isDue) await this.#pause(verb);
  }

  /**
   * Changes lists and writes them, with heads and directory, in one transaction. Within a turn of changes; it may not be durable yet.
   * @param lists that are too long or too short are split and given up; or no list is touched but those that are changed: too long ones are halved
   */
  async change(verb: string, work: Work, lists: "in order" | "by themselves" = "in order"): Promise<void> {
    const { postings, reader, live, pending } = this.#parts;
    const store = this.#writable(verb);
    const { limit } = postings.shape;
    const heads = new HeadsDraft(this.#parts.heads);
    const draft = new Draft(postings, heads, reader, live, pending, () => this.breathe(verb));
    const limits = { limit, least: Math.floor(limit * LEAST_SHARE) };
    const lire = new Lire(draft, heads, this.#about.replication, limits);
    await work(lire, draft, heads);
    await lire.settle(lists === "in order");
    if (draft.changed.size === 0) return;
    const drafted = { heads, lists: await draft.drafted(), settled: draft.changed };
    await this.#written;
    await this.#pause(verb);
    await this.#searches.run(() => {
      this.#checkOpen(verb);
      this.#become(store, drafted);
    });
    await this.#parts.heads.link(() => this.breathe(verb));
  }

  /** @throws MnemeError STATE where memory does not agree with the store */
  checkSound(verb: string): void {
    if (this.#hasFailed)
      throw new MnemeError(
        "STATE",
        `${verb}: an earlier change of "${this.#parts.name}" failed; open the index again`,
      );
  }

  /** A change that is under way ends with an error. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
  }

  /** Rows are there from now on, waiting for their lists. */
  async #insert(coming: Coming): Promise<void> {
    const { heads, pending, live } = this.#parts;
    const { ids, rows } = coming;
    const store = this.#writable("insert");
    const lists: number[][] = [];
    for (let r = 0; r < ids.length; r++) {
      lists.push(listsFor(heads, this.#about.replication, rowOf(rows, r)));
      await this.breathe("insert");
    }
    await this.#written;
    await this.#pause("insert");
    await this.#searches.run(() => {
      this.#checkOpen("insert");
      ids.forEach((id, r) => {
        pending.add(id, rowOf(rows, r), lists[r]!);
        live.add(id);
      });
      this.#about = {
        ...this.#about,
        rows: this.#about.rows + ids.length,
        lastRow: Math.max(this.#about.lastRow, live.lastRow),
      };
      this.#write(store, [], [], coming);
    });
  }

  get #mostPending(): number {
    const usual = Math.max(LEAST_PENDING, this.#about.rows * PENDING_SHARE);
    return this.#parts.pendingRows ?? Math.min(MOST_PENDING, usual);
  }

  /** Puts rows that wait in their lists, the oldest first, until no more than `most` wait. */
  async #flush(verb: string, most: number): Promise<void> {
    const { pending } = this.#parts;
    while (pending.count > most) {
      await this.change(verb, async (lire) => {
        const lists = new Set<number>();
        for (const id of pending.ids()) {
          for (const list of pending.listsOf(id)) lists.add(list);
          if (lists.size >= FLUSHED) break;
        }
        await lire.take(lists);
      });
    }
  }

  #become(store: Store, { heads, lists, settled }: Drafted): void {
    const { reader, postings, pending } = this.#parts;
    let copies = 0;
    for (const { list, rows, radius, before } of lists) {
      copies += rows - before;
      reader.setList(list, rows, radius);
    }
    heads.apply();
    postings.hold(lists);
    for (const list of settled) pending.settle(list);
    this.#about = {
      ...this.#about,
      lists: this.#parts.heads.count,
      copies: this.#about.copies + copies,
    };
    this.#write(store, lists, heads.changed);
  }

  /** Begins to write; `#written` settles when it is durable. */
  #write(store: Store, lists: readonly DraftedList[], heads: Iterable<number> = [], coming?: Coming): void {
    const { name, postings, reader, live, pending, log } = this.#parts;
    if (!coming) log.trim(pending.oldest);
    const writing = store.batch((batch) => {
      for (const list of lists) postings.write(batch, list);
      const codes = { ...this.#parts.heads.codes, ...reader.directory };
      const changed = { heads, lists: lists.map(({ list }) => list) };
      putChangedHeads(batch, name, codes, changed, this.#parts.heads.coder);
      this.#parts.heads.write(batch, name);
      live.write(batch);
      if (coming) log.append(batch, coming.ids, coming.rows);
      log.write(batch);
      this.#about = { ...this.#about, log: log.range };
      putAbout(batch, name, this.#about);
    });
    this.#written = writing.then(
      () => postings.release(),
      (error) => {
        this.#hasFailed = true;
        throw error;
      },
    );
    // whoever waits for it is told
    this.#written.catch(() => {});
  }

  /** What changes the index at once takes a few milliseconds: it begins when others have had their turn. */
  async #pause(verb: string): Promise<void> {
    await this.#pacer.pause();
    this.#checkOpen(verb);
  }

  #checkOpen(verb: string): void {
    if (this.#isDisposed)
      throw new MnemeError("DISPOSED", `${verb}: "${this.#parts.name}" was closed meanwhile`);
    this.checkSound(verb);
  }

  #writable(verb: string): Store {
    const { store } = this.#parts;
    this.#checkOpen(verb);
    const { pages } = this.#parts.damage;
    if (pages.length > 0 && verb !== "repair")
      throw new MnemeError(
        "CORRUPT",
        `${verb}: ${pages.join(", ")} of "${this.#parts.name}" cannot be read; repair the index first`,
      );
    if (!store.writable)
      throw new MnemeError(
        "READ_ONLY",
        `${verb}: ${store.location} was opened for reading; open it for writing`,
      );
    return store as Store;
  }

  #checked(rows: Matrix, ids: Uint32Array): Matrix {
    const { dim, lastRow } = this.#about;
    if (rows.cols !== dim || ids.length !== rows.rows)
      throw new MnemeError(
        "DIMENSION",
        `insert: ${rows.rows} rows of ${rows.cols} values with ${ids.length} ids; expected ${dim} values and an id each`,
      );
    for (let i = 0; i < ids.length; i++)
      if (ids[i]! <= (i === 0 ? lastRow : ids[i - 1]!))
        throw new MnemeError(
          "ARGUMENT",
          `insert: id ${ids[i]} after ${i === 0 ? lastRow : ids[i - 1]}; ids ascend and are never used again`,
        );
    return spaceOf(this.#about).points(rows, "insert");
  }
}
