/** Hits: what every index returns, and the cursor by which one goes on after them. */

/** Parallel arrays, best first: score descending, then row ascending. */
export interface Hits {
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
}

/** A place in the order (score descending, row ascending): hits strictly after it are wanted. */
export interface Cursor {
  readonly score: number;
  readonly row: number;
}

export const emptyHits: Hits = { rows: new Uint32Array(0), scores: new Float32Array(0) };

/** True when (score, row) comes strictly after `cursor`. */
export function isAfter(cursor: Cursor, score: number, row: number): boolean {
  return score < cursor.score || (score === cursor.score && row > cursor.row);
}

/** Sorts parallel arrays into Hits, keeping the best `k`. */
export function toHits(rows: readonly number[], scores: readonly number[], k: number): Hits {
  const order = rows.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || rows[a]! - rows[b]!);
  const best = order.slice(0, k);
  return {
    rows: Uint32Array.from(best, (i) => rows[i]!),
    scores: Float32Array.from(best, (i) => scores[i]!),
  };
}
