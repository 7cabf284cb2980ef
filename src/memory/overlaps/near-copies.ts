/**
 * Windows of which some letters are others in a text that is read through. Of a window cut into one piece more than letters may differ, one
 * piece stands there as it is (the pigeonhole principle): pieces are looked for, then the letters of the whole window are compared. None is missed.
 * All texts are read, even where their substrings are indexed: short pieces of a window at each word would be very many to look up.
 */
import { MnemeError } from "../../errors.ts";
import type { Pacer } from "../../pacer.ts";
import { isWithinLetter } from "../within-letter.ts";
import type { TextReader } from "./by-reading.ts";
import type { Draft } from "./draft.ts";
import { RollingTable } from "./rolling-table.ts";

/** Shorter pieces are nearly everywhere. */
const LEAST_PIECE = 6;

interface Piece {
  readonly draft: Draft;
  /** Of the window. */
  readonly number: number;
  /** Units of the window before the piece. */
  readonly before: number;
}

/** How far a copy was followed that windows after its first are part of. */
interface Followed {
  readonly row: number;
  /** Place in the text less place in the draft. */
  readonly diagonal: number;
  /** Unit of the draft. */
  readonly end: number;
}

/** @throws MnemeError RANGE unless pieces of a window stay long enough */
export function checkMismatches(mismatches: number, width: number): number {
  const most = Math.floor(width / LEAST_PIECE) - 1;
  if (Number.isInteger(mismatches) && mismatches >= 0 && mismatches <= most) return mismatches;
  throw new MnemeError(
    "RANGE",
    `overlaps: ${mismatches} mismatches in windows of ${width}, need a whole number from 0 to ${most}; widen the windows for more`,
  );
}

export class NearCopies implements TextReader {
  readonly #width: number;
  readonly #mismatches: number;
  readonly #table: RollingTable<Piece>;
  readonly #followed = new Map<Draft, Followed>();

  constructor(drafts: readonly Draft[], width: number, mismatches: number) {
    this.#width = width;
    this.#mismatches = mismatches;
    const size = Math.floor(width / (mismatches + 1));
    this.#table = new RollingTable(size);
    for (const draft of drafts)
      for (const [number, start] of draft.starts.entries())
        for (let before = 0; before <= mismatches * size; before += size)
          this.#table.put(draft.text, start + before, { draft, number, before });
  }

  read(text: string, row: number, signal: AbortSignal | undefined, pacer: Pacer): Promise<void> {
    return this.#table.read(text, signal, pacer, (pieces, at) => {
      for (const piece of pieces) this.#meet(piece, text, row, at - piece.before);
    });
  }

  #meet({ draft, number }: Piece, text: string, row: number, at: number): void {
    const start = draft.starts[number]!;
    if (at < 0 || at + this.#width > text.length) return;
    const known = this.#followed.get(draft);
    const isPart = known?.row === row && known.diagonal === at - start && start + this.#width <= known.end;
    if (isPart && draft.found[number] === 1) return;
    if (!this.#isNear(draft.text, start, text, at)) return;
    draft.found[number] = 1;
    if (isPart) return;
    const { length, mismatches } = this.#follow(draft.text, start, text, at);
    this.#followed.set(draft, { row, diagonal: at - start, end: start + length });
    draft.offer({ start, length, mismatches, row, at, inBytes: false });
  }

  #isNear(a: string, start: number, b: string, at: number): boolean {
    let left = this.#mismatches;
    for (let i = 0; i < this.#width; i++)
      if (a.charCodeAt(start + i) !== b.charCodeAt(at + i) && left-- === 0) return false;
    return true;
  }

  /** From a near window on, as long as no stretch as long as a window has more others; it ends with a letter that is the same. */
  #follow(a: string, start: number, b: string, at: number): { length: number; mismatches: number } {
    const most = Math.min(a.length - start, b.length - at);
    const others: number[] = [];
    let [length, oldest] = [0, 0];
    for (let i = 0; i < most; i++) {
      if (a.charCodeAt(start + i) === b.charCodeAt(at + i)) {
        length = i + 1;
        continue;
      }
      others.push(i);
      while (others[oldest]! <= i - this.#width) oldest++;
      if (others.length - oldest > this.#mismatches) break;
    }
    if (isWithinLetter(a, start + length) || isWithinLetter(b, at + length)) length--;
    return { length, mismatches: others.filter((other) => other < length).length };
  }
}
