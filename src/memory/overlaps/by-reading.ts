/** Windows looked for in texts that are read through. Letters are compared before a window counts. */
import type { Pacer } from "../../pacer.ts";
import { isWithinLetter } from "../within-letter.ts";
import type { Draft } from "./draft.ts";
import { RollingTable } from "./rolling-table.ts";

interface Window {
  readonly draft: Draft;
  readonly number: number;
}

/** What is looked for in texts that are read. */
export interface TextReader {
  /** Marks what stands in a text. @param row its first. @throws MnemeError CANCELLED */
  read(text: string, row: number, signal: AbortSignal | undefined, pacer: Pacer): Promise<void>;
}

/** Windows of all drafts. */
export class WindowTable implements TextReader {
  readonly #width: number;
  readonly #table: RollingTable<Window>;

  constructor(drafts: readonly Draft[], width: number) {
    this.#width = width;
    this.#table = new RollingTable(width);
    for (const draft of drafts)
      for (const [number, start] of draft.starts.entries())
        this.#table.put(draft.text, start, { draft, number });
  }

  read(text: string, row: number, signal: AbortSignal | undefined, pacer: Pacer): Promise<void> {
    return this.#table.read(text, signal, pacer, (windows, at) => {
      for (const window of windows) this.#meet(window, text, row, at);
    });
  }

  #meet({ draft, number }: Window, text: string, row: number, at: number): void {
    const start = draft.starts[number]!;
    const length = sameLength(draft.text, start, text, at);
    if (length < this.#width) return;
    draft.found[number] = 1;
    draft.offer({ start, length, mismatches: 0, row, at, inBytes: false });
  }
}

/** Units from two places on that are the same, whole letters. */
function sameLength(a: string, start: number, b: string, at: number): number {
  const most = Math.min(a.length - start, b.length - at);
  let length = 0;
  while (length < most && a.charCodeAt(start + length) === b.charCodeAt(at + length)) length++;
  return length > 0 && isWithinLetter(a, start + length) ? length - 1 : length;
}
