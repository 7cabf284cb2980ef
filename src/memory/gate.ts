/** Gate: many readers or one writer, in order of arrival. Searches read; a swap of segments writes. */

export class Gate {
  #readers = 0;
  #writing = false;
  readonly #waiting: { readonly write: boolean; readonly start: () => void }[] = [];

  async read<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter(false);
    try {
      return await work();
    } finally {
      this.#readers--;
      this.#next();
    }
  }

  async write<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter(true);
    try {
      return await work();
    } finally {
      this.#writing = false;
      this.#next();
    }
  }

  #enter(write: boolean): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#admit(write)) return undefined;
    return new Promise((start) => this.#waiting.push({ write, start }));
  }

  #admit(write: boolean): boolean {
    if (this.#writing || (write && this.#readers > 0)) return false;
    if (write) this.#writing = true;
    else this.#readers++;
    return true;
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#admit(this.#waiting[0]!.write)) this.#waiting.shift()!.start();
  }
}
