/**
 * Inserts and deletes: each a transaction of the store that leaves lists, heads and directory in accord, or as they were. What is to change is
 * worked out in short pieces among which searches go on; then it becomes the index's at once, between two searches, and is on its way to the store.
 */
import { MnemeError } from "../../../errors.ts";
import { type Matrix, rowOf } from "../../../linalg/index.ts";
import { Pacer } from "../../../pacer.ts";
import type { ReadableStore, Store } from "../../../storage/store.ts";
import { type About, putAbout, putChangedHeads, putHeads, spaceOf } from "./about.ts";
import { type Damage, noDamage } from "./damage.ts";
import { Draft, type DraftedList } from "./draft.ts";
import type { GraphHeads } from "./graph-heads.ts";
import { HeadsDraft } from "./heads-draft.ts";
import { Lire } from "./lire.ts";
import type { ListReader } from "./list-reader.ts";
import type { LiveRows } from "./live-rows.ts";
import type { Postings } from "./postings.ts";
import { Turns } from "./turns.ts";

/** Rows put in with one transaction: bounds the lists that are held meanwhile. */
const INSERTED = 32;
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
  readonly heads: GraphHeads;
  readonly reader: ListReader;
  readonly live: LiveRows;
  /** What could not be read: until it is repaired nothing is changed. */
  damage: Damage;
}

/** What is worked out: changed lists and heads, and what is to be said of the whole. */
interface Drafted {
  readonly heads: HeadsDraft;
  readonly lists: readonly DraftedList[];
  /** Rows that come with it. */
  readonly added: readonly number[];
}

type Work = (lire: Lire, draft: Draft, heads: HeadsDraft) => Promise<readonly number[]>;

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
        const some = Array.from(ids.subarray(first, first + INSERTED), (id, i) => ({
          id,
          values: rowOf(points, first + i),
        }));
        await this.change("insert", async (lire) => {
          await lire.insert(some);
          return some.map(({ id }) => id);
        });
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
      for (const id of ids) if (this.#parts.live.delete(id)) gone++;
      this.#about = { ...this.#about, rows: this.#about.rows - gone };
      if (gone > 0) this.#write(store, []);
      return gone;
    });
  }

  /** Takes deleted rows out of the lists, and gives up lists that are left with few. */
  async clean(): Promise<void> {
    this.#writable("clean");
    return this.#changes.run(async () => {
      for (let list = 0; list < this.#parts.heads.count; ) {
        await this.change("clean", async (_, draft) => {
          for (; list < this.#parts.heads.count && draft.changed.size < CLEANED; list++) {
            await this.breathe("clean");
            if (draft.hasDead(list)) draft.replace(list, await draft.rows(list));
          }
          return [];
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
    const { name, reader, live, heads } = this.#parts;
    const store = this.#writable(verb);
    await this.#written;
    const copies = reader.directory.counts.reduce((sum, count) => sum + count, 0);
    this.#about = { ...this.#about, rows: live.count, copies };
    await store.batch((batch) => {
      putHeads(batch, name, { ...heads.codes, ...reader.directory });
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
    if (!this.#pacer.isDue) return;
    await this.#pacer.pause();
    this.#checkOpen(verb);
  }

  /**
   * Changes lists and writes them, with heads and directory, in one transaction. Within a turn of changes; it may not be durable yet.
   * @param lists that are too long or too short are split and given up, or left as they are
   */
  async change(verb: string, work: Work, lists: "in order" | "as they are" = "in order"): Promise<void> {
    const { postings, reader, live } = this.#parts;
    const store = this.#writable(verb);
    const { limit } = postings.shape;
    const heads = new HeadsDraft(this.#parts.heads);
    const draft = new Draft(postings, heads, reader, live, () => this.breathe(verb));
    const limits = { limit, least: Math.floor(limit * LEAST_SHARE) };
    const lire = new Lire(draft, heads, this.#about.replication, limits);
    const added = await work(lire, draft, heads);
    if (lists === "in order") await lire.settle();
    if (draft.changed.size === 0) return;
    const drafted = { heads, lists: await draft.drafted(), added };
    await this.#written;
    await this.#searches.run(() => {
      this.#checkOpen(verb);
      this.#become(store, drafted);
    });
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

  #become(store: Store, { heads, lists, added }: Drafted): void {
    const { reader, postings, live } = this.#parts;
    let copies = 0;
    for (const { list, rows, radius, before } of lists) {
      copies += rows - before;
      reader.setList(list, rows, radius);
    }
    heads.apply();
    postings.hold(lists);
    for (const id of added) live.add(id);
    this.#about = {
      ...this.#about,
      lists: this.#parts.heads.count,
      rows: this.#about.rows + added.length,
      copies: this.#about.copies + copies,
      lastRow: Math.max(this.#about.lastRow, live.lastRow),
    };
    this.#write(store, lists, heads.changed);
  }

  /** Begins to write; `#written` settles when it is durable. */
  #write(store: Store, lists: readonly DraftedList[], heads: Iterable<number> = []): void {
    const { name, postings, reader, live } = this.#parts;
    const writing = store.batch((batch) => {
      for (const list of lists) postings.write(batch, list);
      const codes = { ...this.#parts.heads.codes, ...reader.directory };
      const changed = { heads, lists: lists.map(({ list }) => list) };
      putChangedHeads(batch, name, codes, changed, postings.shape.coder);
      this.#parts.heads.write(batch, name);
      live.write(batch);
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
