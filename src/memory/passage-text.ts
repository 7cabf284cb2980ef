/** What the indexes see of a passage: the title and the headings above it, then its own text. */
import type { MaybePromise } from "../storage/store.ts";
import { headingsAbove, type ItemRecord, type PassagePlace, passagePlace } from "./item-record.ts";
import type { RowPlace } from "./library.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Of one passage. Without a promise where all is at hand: verifying a phrase reads hundreds. */
export function indexedText(place: RowPlace): MaybePromise<string> {
  if (!place.segment) return place.item.passages[place.passage]!;
  const { items } = place.segment;
  const { item, passage } = place;
  const withRecord = (record: ItemRecord): MaybePromise<string> => {
    const where = passagePlace(record, passage);
    const bytes = items.text(item, where.startByte, where.endByte);
    const withBytes = (body: Uint8Array): string => withHeadings(record, where, decoder.decode(body));
    return bytes instanceof Promise ? bytes.then(withBytes) : withBytes(bytes);
  };
  const record = items.record(item);
  return record instanceof Promise ? record.then(withRecord) : withRecord(record);
}

/** Texts of all passages of an item, in order. */
export function passageTexts(record: ItemRecord, text: string): string[] {
  return record.places.map((place) => withHeadings(record, place, text.slice(place.start, place.end)));
}

/** Headings that the body does not begin with, then the body: a title that stands in the text counts once. */
export function withHeadings(record: ItemRecord, place: PassagePlace, body: string): string {
  const headings = headingsAbove(record, place);
  const { title } = record.head;
  const above = title && headings[0] !== title ? [title, ...headings] : headings;
  const missing = above.filter((heading) => !beginsWith(body, heading));
  return missing.length > 0 ? `${missing.join("\n")}\n\n${body}` : body;
}

/** Characters that may stand before a heading on its line. */
const MARKUP = 8;

/** Whether a heading is the first line of the body, markup aside. */
function beginsWith(body: string, heading: string): boolean {
  const at = body.slice(0, heading.length + MARKUP).indexOf(heading);
  return at >= 0 && !body.slice(0, at).includes("\n");
}
