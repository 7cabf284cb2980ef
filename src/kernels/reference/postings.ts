/** The plain twin of kernels/postings.ts and rank-postings.ts: every list decoded to pairs at once, every row scored. */
import type { Region } from "../arena.ts";
import type { PostingScorer, RowStatistics } from "../postings.ts";
import type { RankedSegment, RankWish } from "../rank-postings.ts";

const BLOCK = 128;

/** A list as it is stored. */
export interface StoredList {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly weight: number;
}

export class ReferencePostings implements PostingScorer {
  readonly bytes = 0;
  #scores: Map<number, number>[] = [];

  load(lists: readonly StoredList[], lengths: Region, { average, k1, b }: RowStatistics): void {
    const all = lengths.u16();
    this.#scores = lists.map(({ bytes, count, weight }) => {
      const scores = new Map<number, number>();
      for (const [row, frequency] of decodePostings(bytes, count)) {
        const norm = k1 * (1 - b) + ((k1 * b) / average) * all[row]!;
        scores.set(row, (weight * (k1 + 1) * frequency) / (frequency + norm));
      }
      return scores;
    });
  }

  score(rows: Uint32Array): Float64Array {
    return Float64Array.from(rows, (row) =>
      this.#scores.reduce((sum, scores) => sum + (scores.get(row) ?? 0), 0),
    );
  }

  [Symbol.dispose](): void {}
}

/** The best rows, best first. */
export function rankPlainly(
  segments: readonly RankedSegment<ReferencePostings>[],
  { k, minScore = Number.NEGATIVE_INFINITY, after }: RankWish,
): { readonly row: number; readonly score: number }[] {
  const found: { row: number; score: number }[] = [];
  for (const { scorer, rows, allowed } of segments) {
    const scores = scorer.score(Uint32Array.from({ length: rows.count }, (_, i) => i));
    for (let i = 0; i < rows.count; i++) {
      const row = rows.ids?.u32()[i] ?? rows.base + i;
      if (allowed && (((allowed[row >>> 5] ?? 0) >>> (row & 31)) & 1) === 0) continue;
      const score = Math.fround(scores[i]!);
      const isAfter = !after || score < after.score || (score === after.score && row > after.row);
      if (score > 0 && score >= minScore && isAfter) found.push({ row, score });
    }
  }
  return found.sort((x, y) => y.score - x.score || x.row - y.row).slice(0, k);
}

/** (row, frequency) of a whole list, bit by bit. */
export function decodePostings(bytes: Uint8Array, count: number): [number, number][] {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const run = (bits: number): number[] => {
    const values = Array.from({ length: BLOCK }, (_, i) => {
      let value = 0;
      for (let j = 0; j < bits; j++) {
        const bit = i * bits + j;
        if (bytes[at + (bit >> 3)]! & (1 << (bit & 7))) value += 2 ** j;
      }
      return value;
    });
    at += (bits * BLOCK) / 8;
    return values;
  };
  const blocks = Math.ceil(count / BLOCK);
  if (count > BLOCK) for (let field = 0; field < blocks * 4; field++) varint();
  const found: [number, number][] = [];
  let row = -1;
  for (let block = 0; block < blocks; block++) {
    const size = Math.min(BLOCK, count - block * BLOCK);
    if (size === BLOCK) {
      const [gapBits, extraBits] = [bytes[at]!, bytes[at + 1]!];
      at += 2;
      const [gaps, extras] = [run(gapBits), run(extraBits)];
      gaps.forEach((gap, i) => {
        row += gap + 1;
        found.push([row, extras[i]! + 1]);
      });
    } else {
      for (let i = 0; i < size; i++) {
        const value = varint();
        row += Math.floor(value / 2) + 1;
        found.push([row, value % 2 === 1 ? 1 : varint()]);
      }
    }
  }
  return found;
}
