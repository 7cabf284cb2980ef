/** Opening: what a store has of an index becomes the parts of one; where that fails, no kernel memory is kept. */
import { MnemeError } from "../../../errors.ts";
import type { ReadableStore } from "../../../storage/store.ts";
import { type About, readAbout, readHeads } from "./about.ts";
import type { IndexParts } from "./changes.ts";
import { type Left, noDamage, readLeft } from "./damage.ts";
import { GraphHeads } from "./graph-heads.ts";
import { headCoder, ScannedHeads } from "./heads.ts";
import { ListCoder } from "./list-codes.ts";
import { ListReader } from "./list-reader.ts";
import { LiveRows } from "./live-rows.ts";
import { PendingRows } from "./pending.ts";
import { readCodes } from "./posting-codes.ts";
import { PostingShape, Postings } from "./postings.ts";
import { openLog, replay } from "./replay.ts";
import { MOST_LISTS } from "./searcher.ts";

export interface PartOptions {
  readonly cacheBytes: number;
  readonly pendingRows: number | undefined;
  readonly serveDamaged: boolean | undefined;
}

/** @throws MnemeError NOT_FOUND, VERSION, CORRUPT, RANGE, BUDGET */
export async function openParts(
  store: ReadableStore,
  name: string,
  { cacheBytes, pendingRows, serveDamaged }: PartOptions,
): Promise<IndexParts> {
  const about = await readAbout(store, name);
  const lost: string[] = [];
  const { codes, stored } = await orRepair(name, () =>
    readCodes(store, name, about, serveDamaged ? lost : undefined),
  );
  const coder = new ListCoder(codes);
  const postings = new Postings(store, name, about.build, new PostingShape(coder, about.limit));
  const left = serveDamaged
    ? await readLeft(store, name, about, postings)
    : await orRepair(name, () => readAll(store, name, about));
  const known = { ...left.damage, pages: [...lost, ...left.damage.pages] };
  const { log, records, damage } = await openLog(store, name, about, known, coder.dim, serveDamaged);
  const { mean, coarse, fine, counts, radii } = left.heads;
  const reader = new ListReader(postings, counts, radii, cacheBytes, MOST_LISTS);
  let heads: GraphHeads | undefined;
  try {
    const scanned = new ScannedHeads(headCoder(coder.dim, about.seed), mean, about.radius, coarse, fine);
    heads = await GraphHeads.open(store, name, scanned);
    const pending = new PendingRows(coder.dim);
    const rows = { live: left.live, pending, log, pendingRows };
    const parts = { store, name, about, postings, codes: stored, heads, reader, ...rows, damage };
    await replay(parts, records);
    return parts;
  } catch (error) {
    for (const part of [heads, reader]) part?.[Symbol.dispose]();
    throw error;
  }
}

/** @throws MnemeError CORRUPT naming the page */
async function readAll(store: ReadableStore, name: string, about: About): Promise<Left> {
  const heads = await readHeads(store, name, about);
  return { heads, live: await LiveRows.read(store, name, about.lastRow), damage: noDamage };
}

/** Says of damage how it can be repaired. */
async function orRepair<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof MnemeError && cause.code === "CORRUPT")) throw cause;
    const message = `${cause.message}; spann "${name}" opens with \`serveDamaged\`, to be repaired`;
    throw new MnemeError("CORRUPT", message, { ...(cause.details ? { details: cause.details } : {}), cause });
  }
}
