/** Reading one item back: its record, its text, one of its passages. */
import type { MaybePromise } from "../storage/store.ts";
import { type ItemRecord, passagePlace } from "./item-record.ts";
import type { Library, RowPlace } from "./library.ts";
import type { ItemHead, StoredItem } from "./types.ts";
import { checkId } from "./validate.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function recordOf(place: RowPlace): MaybePromise<ItemRecord> {
  return place.segment ? place.segment.items.record(place.item) : place.item.record;
}

/** Text of the passage alone, without the headings above it. */
export async function readPassage(place: RowPlace, record: ItemRecord): Promise<string> {
  const { startByte, endByte } = passagePlace(record, place.passage);
  const bytes = place.segment
    ? await place.segment.items.text(place.item, startByte, endByte)
    : place.item.text.subarray(startByte, endByte);
  return decoder.decode(bytes);
}

export async function readText(place: RowPlace): Promise<string> {
  return decoder.decode(await readBytes(place));
}

/** UTF-8 of the text, or the bytes of an item that is no text. */
export function readBytes(place: RowPlace): MaybePromise<Uint8Array> {
  return place.segment ? place.segment.items.text(place.item) : place.item.text;
}

/** The item under `id`, or undefined. @throws MnemeError ARGUMENT, RANGE: no item can have that id */
export async function getItem(library: Library, id: string): Promise<StoredItem | undefined> {
  checkId(id, "get");
  await library.refresh();
  return library.gate.read(async () => {
    const [entry] = await library.idEntries([id]);
    if (!entry || !library.live.has(entry.firstRow)) return undefined;
    const place = library.placeOf(entry.firstRow);
    const { head } = await recordOf(place);
    if (isExpired(head, Date.now())) return undefined;
    if (head.binary) return { ...head, text: "", data: (await readBytes(place)).slice() };
    return { ...head, text: await readText(place) };
  });
}

export function isExpired(head: ItemHead, now: number): boolean {
  return head.expiresAt !== undefined && head.expiresAt <= now;
}
