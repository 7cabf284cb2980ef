/**
 * The stored form of one item: header of its cube, and the places of its passages in the text.
 * JSON, because headers compress well in blocks and stay readable by any tool; places are delta-coded columns.
 */
import { MnemeError } from "../errors.ts";
import type { ItemHead, Place } from "./types.ts";

/** Where a passage lies: UTF-16 and UTF-8 offsets in the item's text, 1-based line and page, index into `headings`. */
export interface PassagePlace {
  readonly start: number;
  readonly end: number;
  readonly startByte: number;
  readonly endByte: number;
  readonly line: number;
  readonly heading: number;
  /** 0 when the format has no pages. */
  readonly page: number;
}

export interface ItemRecord {
  readonly head: ItemHead;
  /** Distinct heading paths, outermost first; passages refer to them by index. */
  readonly headings: readonly (readonly string[])[];
  readonly places: readonly PassagePlace[];
}

const COLUMNS = ["start", "end", "startByte", "endByte", "line", "heading", "page"] as const;
/** Columns whose differences are stored instead of the values. */
const RISING = new Set<string>(["start", "end", "startByte", "endByte", "line", "heading"]);

export function encodeItemRecord(record: ItemRecord): Uint8Array {
  const places: Record<string, number[]> = {};
  for (const column of COLUMNS) {
    const values = record.places.map((place) => place[column]);
    if (column === "page" && values.every((page) => page === 0)) continue;
    if (column === "startByte" && sameAs(record, "start") && sameAs(record, "end")) continue;
    if (column === "endByte" && !places.startByte) continue;
    places[column] = RISING.has(column) ? differences(values) : values;
  }
  return new TextEncoder().encode(JSON.stringify({ head: record.head, headings: record.headings, places }));
}

/** @throws MnemeError CORRUPT when the bytes are no record. */
export function decodeItemRecord(bytes: Uint8Array): ItemRecord {
  try {
    const { head, headings, places } = JSON.parse(new TextDecoder().decode(bytes)) as {
      head: ItemHead;
      headings: string[][];
      places: Record<string, number[]>;
    };
    const columns = Object.fromEntries(
      COLUMNS.filter((column) => places[column]).map((column) => [
        column,
        RISING.has(column) ? sums(places[column]!) : places[column]!,
      ]),
    );
    const count = columns.start?.length ?? 0;
    return { head, headings, places: Array.from({ length: count }, (_, i) => placeAt(columns, i)) };
  } catch (cause) {
    throw new MnemeError("CORRUPT", "item record: not readable as JSON; run `mneme doctor`", { cause });
  }
}

function placeAt(columns: Record<string, number[]>, i: number): PassagePlace {
  const start = columns.start![i]!;
  const end = columns.end![i]!;
  return {
    start,
    end,
    startByte: columns.startByte?.[i] ?? start,
    endByte: columns.endByte?.[i] ?? end,
    line: columns.line![i]!,
    heading: columns.heading![i]!,
    page: columns.page?.[i] ?? 0,
  };
}

/** The public form of a passage's place. */
export function placeOf(record: ItemRecord, passage: number): Place {
  const place = record.places[passage]!;
  return {
    start: place.start,
    end: place.end,
    line: place.line,
    headings: record.headings[place.heading] ?? [],
    ...(place.page > 0 ? { page: place.page } : {}),
  };
}

function sameAs(record: ItemRecord, side: "start" | "end"): boolean {
  return record.places.every((place) => place[side] === place[side === "start" ? "startByte" : "endByte"]);
}

function differences(values: readonly number[]): number[] {
  return values.map((value, i) => (i === 0 ? value : value - values[i - 1]!));
}

function sums(deltas: readonly number[]): number[] {
  let sum = 0;
  return deltas.map((delta) => {
    sum += delta;
    return sum;
  });
}
