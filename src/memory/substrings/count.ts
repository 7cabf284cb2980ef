/** count and locate: how often a text occurs in a library, byte by byte, and where. */
import { MnemeError } from "../../errors.ts";
import type { Library } from "../library.ts";
import type { CountOptions, LocateOptions, LocateResult, Occurrence } from "../quote-and-tag.ts";
import { occurrencesOf } from "./occurrences.ts";
import { patternOf } from "./pattern.ts";
import { type Sink, walk } from "./walk.ts";

export const locateDefaults = { limit: 100 } as const;

/** @throws MnemeError ARGUMENT, RANGE, CANCELLED */
export async function countText(
  library: Library,
  text: string | Uint8Array,
  { ignoreCase = false, ...options }: CountOptions,
): Promise<number> {
  const pattern = patternOf(text, ignoreCase, "count");
  let total = 0;
  const sink: Sink = {
    wanted: Number.POSITIVE_INFINITY,
    countsOnly: true,
    count: (places) => {
      total += places;
    },
    take: () => {},
  };
  await walk(library, pattern, options, sink);
  return total;
}

/** @throws MnemeError ARGUMENT, RANGE, CANCELLED */
export async function locateText(
  library: Library,
  text: string | Uint8Array,
  { ignoreCase = false, limit = locateDefaults.limit, cursor, ...options }: LocateOptions,
): Promise<LocateResult> {
  const pattern = patternOf(text, ignoreCase, "locate");
  if (!(Number.isInteger(limit) && limit >= 0))
    throw new MnemeError("RANGE", `locate: limit is ${limit}, need a whole number`);
  const from = cursor === undefined ? undefined : parseCursor(cursor);
  const occurrences: Occurrence[] = [];
  let next: string | undefined;
  // one more than is wanted tells where to go on
  let left = limit + 1;
  const sink: Sink = {
    get wanted() {
      return left;
    },
    countsOnly: false,
    count: (places) => {
      left -= places;
    },
    async take(item, row, places) {
      const more = limit - occurrences.length;
      const beyond = places[more];
      if (beyond) next = `${row}.${beyond[0]}`;
      occurrences.push(...(await occurrencesOf(item, places.slice(0, more))));
    },
  };
  await walk(library, pattern, { ...options, from }, sink);
  return {
    occurrences,
    ...(next ? { next } : {}),
    [Symbol.iterator]: () => occurrences[Symbol.iterator](),
  };
}

function parseCursor(cursor: string): { row: number; byte: number } {
  const [, row, byte] = /^(\d{1,10})\.(\d{1,10})$/.exec(cursor) ?? [];
  if (row === undefined)
    throw new MnemeError(
      "ARGUMENT",
      `locate: ${JSON.stringify(cursor)} is no cursor; pass \`next\` of an earlier result`,
    );
  return { row: Number(row), byte: Number(byte) };
}
