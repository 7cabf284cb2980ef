/** A cursor is a place in the order and how many hits came before it, bound to its query by a checksum of what the order comes from. */
import { MnemeError } from "../errors.ts";
import { crc32 } from "../storage/crc32.ts";
import { searchDefaults } from "./defaults.ts";
import type { SearchQuery } from "./types.ts";

export interface PageCursor {
  readonly score: number;
  readonly row: number;
  readonly seen: number;
}

/** @param query checksum of the query: `queryChecksum` */
export function encodeCursor({ score, row, seen }: PageCursor, query: number): string {
  return btoa(`${score}:${row}:${seen}:${query}`).replaceAll("=", "");
}

/** @throws MnemeError ARGUMENT: no cursor, or one of another query */
export function decodeCursor(text: string, query: number): PageCursor {
  const parts = partsOf(text);
  if (parts.length !== 4 || !parts.every((part) => Number.isFinite(part)))
    throw new MnemeError(
      "ARGUMENT",
      `search: cursor ${JSON.stringify(text)} was not made by a search; pass the \`next\` of an earlier result`,
    );
  const [score, row, seen, made] = parts as [number, number, number, number];
  if (made !== query)
    throw new MnemeError(
      "ARGUMENT",
      `search: cursor ${JSON.stringify(text)} belongs to another query; pass it with the text, the filter and the options that it was given for`,
    );
  return { score, row, seen };
}

function partsOf(text: string): number[] {
  try {
    return atob(text).split(":").map(Number);
  } catch {
    return []; // not base64
  }
}

const OF_NO_ORDER: ReadonlySet<string> = new Set<keyof SearchQuery>([
  "k",
  "minScore",
  "snippet",
  "cursor",
  "signal",
]);

/** CRC-32 of all that the order of hits comes from: not of how many are shown, nor of how. */
export function queryChecksum(text: string, query: SearchQuery): number {
  const order: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(query)) if (!OF_NO_ORDER.has(name)) order[name] = value;
  order.retriever = query.retriever ?? searchDefaults.retriever;
  const parts = [text, order];
  return crc32(new TextEncoder().encode(JSON.stringify(parts, inOneOrder)));
}

/** Fields of an object by their names, so that equal queries read the same. */
function inOneOrder(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value); // JSON has none
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value))
    return crc32(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
