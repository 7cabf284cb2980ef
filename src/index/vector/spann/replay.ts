/** Opening an index whose log holds rows: those that are alive and lack a copy in one of their lists wait for it again. */

import { rowOf } from "../../../linalg/index.ts";
import { Pacer } from "../../../pacer.ts";
import type { ReadableStore } from "../../../storage/store.ts";
import type { About } from "./about.ts";
import type { IndexParts } from "./changes.ts";
import type { Damage } from "./damage.ts";
import { listsFor } from "./lists-for.ts";
import { idsAt, isDamage } from "./postings.ts";
import { type LoggedRows, RowLog, readLog } from "./row-log.ts";

/** @param serveDamaged records that cannot be read are passed over and named. @throws MnemeError CORRUPT, VERSION */
export async function openLog(
  store: ReadableStore,
  name: string,
  about: About,
  damage: Damage,
  width: number,
  serveDamaged = false,
): Promise<{ log: RowLog; records: readonly LoggedRows[]; damage: Damage }> {
  const pages = [...damage.pages];
  const onDamage = (record: number): unknown => pages.push(`log record ${record}`);
  const records = await readLog(store, name, about, width, serveDamaged ? onDamage : undefined);
  const lastRows: number[] = [];
  for (const { ids } of records) lastRows.push(ids.at(-1) ?? lastRows.at(-1) ?? -1);
  return { log: new RowLog(name, about.build, about.log, lastRows), records, damage: { ...damage, pages } };
}

type Parts = Pick<IndexParts, "about" | "heads" | "live" | "pending" | "postings" | "reader" | "damage">;

/** A copy that is in a list already, or was moved to another, is told by what the lists hold: a crash may come between any two changes. */
export async function replay(parts: Parts, records: readonly LoggedRows[]): Promise<void> {
  const { about, heads, live, pending, damage } = parts;
  const pacer = new Pacer();
  const held = new Map<number, Uint32Array>();
  for (const { ids, values } of records)
    for (let r = 0; r < ids.length; r++) {
      const id = ids[r]!;
      // as rows of lists: of which it is not known whether they were deleted, they are there
      if (damage.rows.some(([from, to]) => id >= from && id < to)) live.add(id);
      if (!live.has(id)) continue;
      const row = rowOf(values, r);
      const lists: number[] = [];
      for (const list of listsFor(heads, about.replication, row))
        if (!(await rowsHeld(parts, list, held)).includes(id)) lists.push(list);
      if (lists.length > 0) pending.add(id, row, lists);
      if (pacer.isDue) await pacer.pause();
    }
}

/** Rows of a list as it is stored; none where it is damaged: whoever reads it is told. */
async function rowsHeld(
  { postings, reader }: Parts,
  list: number,
  known: Map<number, Uint32Array>,
): Promise<Uint32Array> {
  const found = known.get(list);
  if (found) return found;
  const count = reader.rowsOf(list);
  const rows = new Uint32Array(count);
  known.set(list, rows);
  if (count === 0) return rows;
  try {
    await postings.readLists([list], [count], (value) => {
      const words = new DataView(value.buffer, value.byteOffset, value.byteLength);
      for (let i = 0; i < count; i++) rows[i] = words.getUint32(idsAt + i * 4, true);
    });
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  return rows;
}
