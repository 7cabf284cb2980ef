/** A cursor is a place in the order and how many hits came before it, bound to its query. */
import { MnemeError } from "../errors.ts";

export interface PageCursor {
  readonly score: number;
  readonly row: number;
  readonly seen: number;
}

export function encodeCursor(cursor: PageCursor): string {
  return btoa(`${cursor.score}:${cursor.row}:${cursor.seen}`).replaceAll("=", "");
}

/** @throws MnemeError ARGUMENT */
export function decodeCursor(text: string): PageCursor {
  try {
    const [score, row, seen] = atob(text).split(":").map(Number);
    if ([score, row, seen].every((part) => Number.isFinite(part)))
      return { score: score!, row: row!, seen: seen! };
  } catch {
    // not base64: reported below like any other nonsense
  }
  throw new MnemeError(
    "ARGUMENT",
    `search: cursor ${JSON.stringify(text)} was not made by a search; pass the \`next\` of an earlier result`,
  );
}
