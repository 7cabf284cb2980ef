/** The plain twin of kernels/postings.ts: every list decoded to pairs at once, every bound the largest score there is. */
import type { Region } from "../arena.ts";
import { listBytes } from "../list-source.ts";
import {
  type AllowedRows,
  type PostingScorer,
  type RowStatistics,
  type WeightedList,
  WINDOW_ROWS,
} from "../postings.ts";

const BLOCK = 128;

export class ReferencePostings implements PostingScorer {
  readonly bytes = 0;
  #scores: Map<number, number>[] = [];
  #sums = new Float64Array(WINDOW_ROWS);
  #allowed: AllowedRows | undefined;
  #candidates: { row: number; score: number }[] = [];

  load(
    lists: readonly WeightedList[],
    lengths: Region,
    { average, k1, b }: RowStatistics,
    allowed?: AllowedRows,
  ): void {
    this.#allowed = allowed;
    const all = lengths.u16();
    this.#scores = lists.map(({ lists: source, index, count, weight }) => {
      const scores = new Map<number, number>();
      for (const [row, frequency] of decodePostings(listBytes(source, index), count)) {
        const norm = k1 * (1 - b) + ((k1 * b) / average) * all[row]!;
        scores.set(row, (weight * (k1 + 1) * frequency) / (frequency + norm));
      }
      return scores;
    });
  }

  bound(list: number, start: number, end: number): number {
    let largest = 0;
    for (const [row, score] of this.#scores[list]!)
      if (row >= start && row < end) largest = Math.max(largest, score);
    return largest;
  }

  accumulate(list: number, start: number, end: number): void {
    for (const [row, score] of this.#scores[list]!)
      if (row >= start && row < end) this.#sums[row - start]! += score;
  }

  collect(start: number, end: number, threshold: number): number {
    this.#candidates = [];
    for (let row = start; row < end; row++) {
      const score = this.#sums[row - start]!;
      if (score > 0 && score >= threshold && this.#allows(row)) this.#candidates.push({ row, score });
    }
    this.#sums.fill(0);
    return this.#candidates.length;
  }

  setCandidates(rows: Uint32Array): void {
    this.#candidates = Array.from(rows, (row) => ({ row, score: 0 }));
  }

  complete(list: number): void {
    for (const candidate of this.#candidates) candidate.score += this.#scores[list]!.get(candidate.row) ?? 0;
  }

  keep(threshold: number): number {
    this.#candidates = this.#candidates.filter(({ score }) => score >= threshold);
    return this.#candidates.length;
  }

  kth(k: number): number {
    const kth = this.#candidates.map(({ score }) => score).sort((a, b) => b - a)[k - 1];
    return kth === undefined ? Number.NEGATIVE_INFINITY : kth * (1 - 1e-6);
  }

  candidates(): { count: number; rows: Uint32Array; scores: Float64Array } {
    return {
      count: this.#candidates.length,
      rows: Uint32Array.from(this.#candidates, ({ row }) => row),
      scores: Float64Array.from(this.#candidates, ({ score }) => score),
    };
  }

  [Symbol.dispose](): void {}

  #allows(row: number): boolean {
    if (!this.#allowed) return true;
    const bit = this.#allowed.first + row;
    return (((this.#allowed.words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }
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
