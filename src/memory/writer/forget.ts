/** forget and undo: items disappear at once, by id or by filter; for a while they can come back. */
import { createHash } from "node:crypto";
import { MnemeError } from "../../errors.ts";
import type { Where } from "../../index/filter/where.ts";
import { type IdEntry, NS } from "../layout.ts";
import { selectIds } from "../select.ts";
import type { ForgetResult, ForgetSelector } from "../types.ts";
import { parseMoment } from "../units.ts";
import { checkId } from "../validate.ts";
import { mergeIfMany } from "./maintain.ts";
import { Trash, type TrashEntry } from "./trash.ts";
import type { Writer } from "./writer.ts";

export async function forget(writer: Writer, selector: ForgetSelector): Promise<ForgetResult> {
  const { ids } = selector;
  if (!ids || selector.dryRun) return forgetNow(writer, selector);
  for (const id of ids) checkId(id, "forget");
  return writer.idOrder.run(ids, () => forgetNow(writer, selector));
}

async function forgetNow(writer: Writer, selector: ForgetSelector): Promise<ForgetResult> {
  const now = Date.now();
  const ids = await chosenIds(writer, selector, now);
  let found = entriesOf(writer, ids);
  if (selector.dryRun || found.length === 0) return resultOf(writer, found);
  const until = now + writer.options.undoWindowMs;
  const token = createHash("sha256")
    .update(`${now}:${writer.library.counters.nextRow}:${ids.join("\0")}`)
    .digest("hex")
    .slice(0, 24);
  const kept = writer.options.undoWindowMs > 0;
  await writer.commit(ids, () => {
    found = entriesOf(writer, ids); // items may have been replaced while this commit waited its turn
    const entry: TrashEntry = { token, until, items: found };
    return {
      entries: forgotten(found),
      fill: (batch) => {
        if (kept) batch.put(NS.trash, [token], Trash.bytes(entry));
        dropLogs(writer, kept ? [] : found, batch);
      },
      applied: () => {
        if (kept) writer.trash.add(entry);
      },
    };
  });
  await expireTrash(writer, now);
  mergeIfMany(writer);
  const result = resultOf(writer, found);
  return kept ? { ...result, undo: token, undoUntil: until } : result;
}

type Found = readonly (readonly [id: string, entry: IdEntry])[];

/** Those of the ids that there are. */
function entriesOf(writer: Writer, ids: readonly string[]): Found {
  return ids.flatMap((id) => {
    const entry = writer.entryOf(id);
    return entry ? [[id, entry] as const] : [];
  });
}

function resultOf(writer: Writer, found: Found): ForgetResult {
  const sum = (of: (entry: IdEntry) => number): number =>
    found.reduce((total, [, entry]) => total + of(entry), 0);
  return {
    items: found.length,
    passages: sum(({ rows }) => rows),
    bytesFreed: Math.round(sum(({ bytes }) => bytes) * diskPerTextByte(writer)),
    ids: found.map(([id]) => id),
  };
}

const forgotten = (found: Found): ReadonlyMap<string, null> => new Map(found.map(([id]) => [id, null]));

/** Forgets items whose source is gone: no undo, they come back with their file. */
export async function forgetIds(writer: Writer, ids: readonly string[]): Promise<void> {
  if (entriesOf(writer, ids).length === 0) return;
  await writer.commit(ids, () => {
    const found = entriesOf(writer, ids);
    return { entries: forgotten(found), fill: (batch) => dropLogs(writer, found, batch) };
  });
  mergeIfMany(writer);
}

/** @throws MnemeError NOT_FOUND when the window has closed, EXISTS when an id was added again. */
export async function undo(writer: Writer, token: string): Promise<{ items: number }> {
  return writer.alone(async () => {
    const entry = writer.trash.get(token);
    if (!entry || entry.until <= Date.now())
      throw new MnemeError(
        "NOT_FOUND",
        `undo: nothing to bring back under ${JSON.stringify(token)}; its window has closed or a compaction made it final`,
      );
    const taken = entry.items.find(([id]) => writer.entryOf(id) !== undefined);
    if (taken)
      throw new MnemeError(
        "EXISTS",
        `undo: ${JSON.stringify(taken[0])} was added again since; forget it first`,
      );
    await writer.restoreEntries(entry.items, (batch) => batch.delete(NS.trash, [token]));
    writer.trash.remove([token]);
    return { items: entry.items.length };
  });
}

/** Closes windows whose time is up (or all of them); their rows go with the next merge. */
export async function expireTrash(writer: Writer, now: number, all = false): Promise<void> {
  const tokens = all ? writer.trash.entries.map((entry) => entry.token) : writer.trash.expired(now);
  if (tokens.length === 0) return;
  await writer.store.batch((batch) => {
    for (const token of tokens) batch.delete(NS.trash, [token]);
  });
  writer.trash.remove(tokens);
}

/** Forgets items whose time is over, for good. */
export async function sweepExpired(writer: Writer): Promise<void> {
  const now = Date.now();
  await writer.alone(() => expireTrash(writer, now));
  if (!writer.library.columns.has("$expires")) return;
  await forgetIds(writer, await selectIds(writer.library, { fields: { $expires: { lte: now } } }));
}

async function chosenIds(writer: Writer, selector: ForgetSelector, now: number): Promise<string[]> {
  if (selector.ids) {
    for (const id of selector.ids) checkId(id, "forget");
    return [...new Set(selector.ids)];
  }
  const conditions: Where[] = [];
  if (selector.where) conditions.push(selector.where);
  if (selector.olderThan !== undefined) {
    conditions.push({
      fields: { $updated: { lt: parseMoment(selector.olderThan, "forget: olderThan", now) } },
    });
  }
  if (conditions.length === 0 && !selector.all) {
    throw new MnemeError("ARGUMENT", "forget: say what: ids, where, olderThan, or all: true for everything");
  }
  return selectIds(writer.library, conditions.length === 0 ? undefined : { and: conditions });
}

/** Log records of items that nobody can bring back any more need not be replayed. */
function dropLogs(
  writer: Writer,
  items: Found,
  batch: { delete(namespace: string, key: readonly number[]): void },
): void {
  for (const [, { firstRow }] of items)
    if (writer.library.tail.itemOf(firstRow)) batch.delete(NS.log, [firstRow]);
}

/** Disk bytes per byte of text, over the whole library: what forgetting a text frees once compacted. */
function diskPerTextByte({ library }: Writer): number {
  const parts = library.manifest.segments.reduce(
    (sum, { parts: all }) => sum + Object.values(all).reduce((a, b) => a + b, 0),
    0,
  );
  const text = library.segments.reduce((sum, { items }) => sum + items.textBytes, 0);
  return text === 0 ? 1 : parts / text;
}
