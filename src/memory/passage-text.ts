/** What the indexes see of a passage: the headings above it, then its own text. */
import type { ItemRecord } from "./item-record.ts";

/** Texts of all passages of an item, in order. The title counts as the outermost heading. */
export function passageTexts(record: ItemRecord, text: string): string[] {
  return record.places.map((place) => {
    const headings = record.headings[place.heading] ?? [];
    const title = record.head.title;
    const above = title && headings[0] !== title ? [title, ...headings] : headings;
    const body = text.slice(place.start, place.end);
    return above.length > 0 ? `${above.join("\n")}\n\n${body}` : body;
  });
}
