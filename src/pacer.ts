/**
 * Pacer: long work on a thread that also answers pauses whenever it has held the thread for a few milliseconds; on another thread it
 * stands aside while somebody waits for an answer.
 */
import { standAside } from "./stand-aside.ts";

/** How long others wait at most, and little enough that a search beside the work takes hardly longer. */
const SLICE_MS = 5;

/** Browsers have no setImmediate; their timers come a few milliseconds later, which is fair to the page. */
const later: (resume: () => void) => unknown =
  typeof setImmediate === "function" ? setImmediate : (resume) => setTimeout(resume, 0);

export class Pacer {
  #started = performance.now();

  /** Whether this slice of the work is used up. */
  get isDue(): boolean {
    standAside();
    return performance.now() - this.#started > SLICE_MS;
  }

  /** Lets everything else that waits have its turn. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => later(resolve));
    this.#started = performance.now();
  }
}
