/** Inserts and deletes: each a transaction of the store that leaves lists, heads and directory in accord, or as they were. */
import { MnemeError } from "../../../errors.ts";
import { kernels } from "../../../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../../../linalg/index.ts";
import type { ReadableStore, Store } from "../../../storage/store.ts";
import type { RowSet } from "../../row-set.ts";
import { type About, putAbout, putChangedHeads, putDead } from "./about.ts";
import { Draft } from "./draft.ts";
import type { ScannedHeads } from "./heads.ts";
import { Lire } from "./lire.ts";
import type { ListReader } from "./list-reader.ts";
import type { Postings } from "./postings.ts";

/** Rows put in with one transaction: bounds the lists that are held meanwhile. */
const INSERTED = 128;
/** Lists looked through with one transaction. */
const CLEANED = 128;
/** A list of less than this share of the limit is given up. */
const LEAST_SHARE = 1 / 8;

export interface IndexParts {
  readonly store: ReadableStore;
  readonly name: string;
  readonly about: About;
  readonly postings: Postings;
  readonly heads: ScannedHeads;
  readonly reader: ListReader;
  /** Rows that were deleted and may still lie in lists. */
  readonly dead: RowSet;
}

export class Changes {
  readonly #parts: IndexParts;
  #about: About;
  #dead: RowSet;
  /** Set while memory is ahead of the store. */
  #isAhead = false;

  constructor(parts: IndexParts) {
    this.#parts = parts;
    this.#about = parts.about;
    this.#dead = parts.dead;
  }

  get about(): About {
    return this.#about;
  }

  get dead(): RowSet {
    return this.#dead;
  }

  /** @param ids ascending, above all that were ever there. @throws MnemeError see SpannIndex.insert */
  async insert(rows: Matrix, ids: Uint32Array): Promise<void> {
    const points = this.#checked(rows, ids);
    for (let first = 0; first < ids.length; first += INSERTED) {
      const some = Array.from(ids.subarray(first, first + INSERTED), (id, i) => ({
        id,
        values: rowOf(points, first + i),
      }));
      await this.#change(async (lire) => {
        await lire.insert(some);
        return { rows: this.#about.rows + some.length, lastRow: some.at(-1)!.id };
      });
    }
  }

  /** @returns how many rows there were among them */
  async delete(ids: Iterable<number>): Promise<number> {
    const store = this.#writable("delete");
    const dead = this.#dead.clone();
    let gone = 0;
    for (const id of ids) {
      if (id > this.#about.lastRow || dead.has(id)) continue;
      dead.add(id);
      gone++;
    }
    const about = { ...this.#about, rows: this.#about.rows - gone };
    await store.batch((batch) => {
      putDead(batch, this.#parts.name, dead.toBytes());
      putAbout(batch, this.#parts.name, about);
    });
    this.#dead = dead;
    this.#about = about;
    return gone;
  }

  /** Takes deleted rows out of the lists, and gives up lists that are left with few. */
  async clean(): Promise<void> {
    for (let first = 0; first < this.#parts.heads.count; first += CLEANED) {
      await this.#change(async (_, draft) => {
        const last = Math.min(first + CLEANED, this.#parts.heads.count);
        for (let list = first; list < last; list++) {
          const held = this.#parts.reader.directory.counts[list] ?? 0;
          const rows = await draft.rows(list);
          if (rows.length < held) draft.replace(list, rows);
        }
        return {};
      });
    }
  }

  /** Changes lists and writes them, with heads and directory, in one transaction. */
  async #change(work: (lire: Lire, draft: Draft) => Promise<Partial<About>>): Promise<void> {
    const { name, postings, heads, reader } = this.#parts;
    const store = this.#writable("insert");
    const { limit } = postings.shape;
    const draft = new Draft(postings, heads, reader, this.#dead);
    const limits = { limit, least: Math.floor(limit * LEAST_SHARE) };
    const lire = new Lire(draft, heads, this.#about.replication, limits);
    this.#isAhead = true;
    const changed = await work(lire, draft);
    await lire.settle();
    if (draft.changed.size > 0) {
      let about = this.#about;
      await store.batch((batch) => {
        const before = reader.directory.counts.reduce((sum, count) => sum + count, 0);
        const lists = draft.write(batch);
        const held = lists.reduce(
          (sum, { list, rows }) => sum + rows - (reader.directory.counts[list] ?? 0),
          0,
        );
        for (const { list, rows, radius } of lists) reader.setList(list, rows, radius);
        about = { ...this.#about, ...changed, lists: heads.count, copies: before + held };
        const codes = { ...heads.codes, ...reader.directory };
        putChangedHeads(batch, name, codes, draft.changed, postings.shape.coder);
        putAbout(batch, name, about);
      });
      this.#about = about;
    }
    this.#isAhead = false;
  }

  /** @throws MnemeError STATE where memory does not agree with the store */
  checkSound(verb: string): void {
    if (this.#isAhead)
      throw new MnemeError(
        "STATE",
        `${verb}: an earlier change of "${this.#parts.name}" failed; open the index again`,
      );
  }

  #writable(verb: string): Store {
    const { store } = this.#parts;
    this.checkSound(verb);
    if (!store.writable)
      throw new MnemeError(
        "READ_ONLY",
        `${verb}: ${store.location} was opened for reading; open it for writing`,
      );
    return store as Store;
  }

  #checked(rows: Matrix, ids: Uint32Array): Matrix {
    const { dim, metric, lastRow } = this.#about;
    if (rows.cols !== dim || ids.length !== rows.rows)
      throw new MnemeError(
        "DIMENSION",
        `insert: ${rows.rows} rows of ${rows.cols} values with ${ids.length} ids; expected ${dim} values and an id each`,
      );
    const bad = kernels().findNotFinite(rows.data);
    if (bad >= 0) throw new MnemeError("NOT_FINITE", `insert: row ${Math.floor(bad / dim)} is not finite`);
    for (let i = 0; i < ids.length; i++)
      if (ids[i]! <= (i === 0 ? lastRow : ids[i - 1]!))
        throw new MnemeError(
          "ARGUMENT",
          `insert: id ${ids[i]} after ${i === 0 ? lastRow : ids[i - 1]}; ids ascend and are never used again`,
        );
    return metric === "cosine" ? unit(rows) : rows;
  }
}

function unit(rows: Matrix): Matrix {
  const copy = matrix(rows.rows, rows.cols, rows.data.slice());
  kernels().normalizeF32(copy.data, rows.cols);
  for (let r = 0; r < rows.rows; r++)
    if (rowOf(copy, r).every((value) => value === 0))
      throw new MnemeError("ZERO_VECTOR", `insert: row ${r} is zero, which has no cosine; leave it out`);
  return copy;
}
