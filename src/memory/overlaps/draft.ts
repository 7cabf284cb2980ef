/** What is known so far of texts that are compared with a library: windows found, and the longest stretch that stands there, too. */
import { MnemeError } from "../../errors.ts";
import { isWithinLetter } from "../within-letter.ts";

/** UTF-16 units of a window. */
export const overlapDefaults = { width: 50, mismatches: 0 } as const;
const [LEAST_WIDTH, MOST_WIDTH] = [8, 10_000];

/** The longest stretch of a text that begins with a found window. */
export interface Stretch {
  /** UTF-16 units of the text. */
  readonly start: number;
  readonly length: number;
  /** Letters of it that are others in the library. */
  readonly mismatches: number;
  /** First row of the item that holds it, and where in its text: bytes where shards told it, else units. */
  readonly row: number;
  readonly at: number;
  readonly inBytes: boolean;
}

export class Draft {
  readonly text: string;
  readonly width: number;
  /** Where windows begin: at words. A window that would cut a letter in two is none. */
  readonly starts: Uint32Array;
  /** By window: 1 where it stands in the library. */
  readonly found: Uint8Array;
  best: Stretch | undefined;

  constructor(text: string, width: number) {
    this.text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));
    this.width = width;
    this.starts = Uint32Array.from(windowStarts(this.text, width));
    this.found = new Uint8Array(this.starts.length);
  }

  /** Keeps the better one: longer, then earlier in the text, then earlier in the library. */
  offer(stretch: Stretch): void {
    const { best } = this;
    const order = best
      ? best.length - stretch.length ||
        stretch.start - best.start ||
        stretch.row - best.row ||
        stretch.at - best.at
      : -1;
    if (order < 0) this.best = stretch;
  }
}

export function checkWidth(width: number): number {
  if (Number.isInteger(width) && width >= LEAST_WIDTH && width <= MOST_WIDTH) return width;
  throw new MnemeError(
    "RANGE",
    `overlaps: width is ${width}, need a whole number from ${LEAST_WIDTH} to ${MOST_WIDTH}`,
  );
}

function* windowStarts(text: string, width: number): Generator<number> {
  for (const { index } of text.matchAll(/\S+/g)) {
    if (index + width > text.length) return;
    if (!isWithinLetter(text, index + width)) yield index;
  }
}
