/** Holds text back while it may be the beginning of a stop string. */
export class StopText {
  readonly #stops: readonly string[];
  #held = "";
  #found = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== "");
  }

  get found(): boolean {
    return this.#found;
  }

  /** @returns the text that no stop string reaches into */
  push(text: string): string {
    if (this.#found) return "";
    const all = this.#held + text;
    const at = Math.min(...this.#stops.map((stop) => indexOrEnd(all, stop)));
    if (at < all.length) {
      this.#found = true;
      this.#held = "";
      return all.slice(0, at);
    }
    const kept = Math.max(0, ...this.#stops.map((stop) => overlap(all, stop)));
    this.#held = all.slice(all.length - kept);
    return all.slice(0, all.length - kept);
  }

  /** The last text, with all that was held back. */
  end(text: string): string {
    const out = this.push(text) + this.#held;
    this.#held = "";
    return out;
  }
}

function indexOrEnd(text: string, stop: string): number {
  const at = text.indexOf(stop);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

/** Characters at the end of the text that begin the stop string. */
function overlap(text: string, stop: string): number {
  for (let size = Math.min(text.length, stop.length - 1); size > 0; size--)
    if (text.endsWith(stop.slice(0, size))) return size;
  return 0;
}
