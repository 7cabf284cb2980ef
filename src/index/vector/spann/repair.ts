/**
 * Repair: lists of which something cannot be read keep what can, and get back the rows whose other copies belong there. Rows that are in no list
 * any more are lost: they are named, and deleted.
 */
import { throwIfAborted } from "../../../errors.ts";
import { RowSet } from "../../row-set.ts";
import type { Changes, IndexParts } from "./changes.ts";
import type { Draft, DraftRow } from "./draft.ts";
import type { Lire } from "./lire.ts";
import type { Sound } from "./postings.ts";
import { restore } from "./restore.ts";

export interface RepairOptions {
  readonly signal?: AbortSignal;
  /** Lists that were looked through, of all. */
  readonly onProgress?: (done: number, all: number) => void;
}

export interface Repaired {
  /** Pages of heads, directory and rows that were damaged. */
  readonly pages: readonly string[];
  /** Lists that were damaged. */
  readonly lists: readonly number[];
  /** Rows that are in no list any more, ascending. */
  readonly lost: Uint32Array;
}

/** Lists around a damaged one whose rows may belong there too. */
const NEIGHBOURS = 48;
/** Lists filled again with one transaction. */
const REFILLED = 16;
/** Lists looked through between two reports. */
const REPORTED = 1024;

/** What is left of a damaged list. */
interface Damaged extends Sound {
  readonly list: number;
}

/** Within a turn of changes. */
export async function repairLists(
  parts: IndexParts,
  changes: Changes,
  options: RepairOptions,
): Promise<Repaired> {
  const { damage } = parts;
  if (damage.pages.length > 0) await restore(parts, changes, options);
  const found = RowSet.from(parts.pending.ids());
  const damaged = await lookThrough(parts, changes, found, options);
  const lost = parts.live.without(found);
  await changes.change("repair", (_, draft) => salvage(parts, damaged, draft), "by themselves");
  await changes.remove("repair", lost);
  for (let first = 0; first < damaged.length; first += REFILLED) {
    throwIfAborted(options.signal, "repair");
    await changes.change("repair", (lire, draft) =>
      refill(parts, damaged.slice(first, first + REFILLED), lire, draft),
    );
  }
  await changes.relink("repair");
  await changes.settled();
  if (damage.pages.length > 0) await changes.rewrite("repair");
  return { pages: damage.pages, lists: damaged.map(({ list }) => list), lost };
}

async function lookThrough(
  { postings, reader, heads }: IndexParts,
  changes: Changes,
  found: RowSet,
  { signal, onProgress }: RepairOptions,
): Promise<Damaged[]> {
  const damaged: Damaged[] = [];
  for (let list = 0; list < heads.count; list++) {
    const rows = reader.directory.counts[list]!;
    if (list % REPORTED === 0) onProgress?.(list, heads.count);
    if (rows === 0) continue;
    throwIfAborted(signal, "repair");
    await changes.breathe("repair");
    const sound = postings.soundOf(list, rows);
    sound.ids?.forEach((id, place) => {
      if (sound.pages.has(Math.floor(place / postings.shape.pageRows))) found.add(id);
    });
    if (!sound.ids || sound.pages.size < postings.shape.finePages(rows)) damaged.push({ list, ...sound });
  }
  onProgress?.(heads.count, heads.count);
  return damaged;
}

/** Lists keep the rows of which number and fine code are there. */
async function salvage(
  { postings, heads, live }: IndexParts,
  damaged: readonly Damaged[],
  draft: Draft,
): Promise<void> {
  const { shape } = postings;
  for (const { list, ids, pages } of damaged) {
    await draft.breathe();
    const centre = heads.centre(list);
    const rows: DraftRow[] = [];
    for (const page of ids ? pages : []) {
      const values = shape.coder.decode(postings.readPage(list, page), centre);
      const own = ids!.subarray(page * shape.pageRows, (page + 1) * shape.pageRows);
      own.forEach((id, i) => {
        const row = values.subarray(i * shape.coder.dim, (i + 1) * shape.coder.dim);
        if (live.has(id)) rows.push({ id, values: row });
      });
    }
    draft.replace(list, [...rows, ...draft.waiting(list)]);
  }
}

/** Rows of lists around that belong in a damaged one as well. */
async function refill(
  { heads, reader }: IndexParts,
  damaged: readonly Damaged[],
  lire: Lire,
  draft: Draft,
): Promise<void> {
  for (const { list, ids } of damaged) {
    const had = ids && RowSet.from(ids);
    for (const other of heads.nearest(heads.centre(list), NEIGHBOURS).lists) {
      if (other === list || (reader.directory.counts[other] ?? 0) === 0) continue;
      for (const row of (await draft.rows(other)).slice()) {
        await draft.breathe();
        if (had ? had.has(row.id) : lire.listsFor(row.values).includes(list)) await draft.add(list, row);
      }
    }
    // also where it is empty now: it may be given up
    draft.replace(list, await draft.rows(list));
  }
}
