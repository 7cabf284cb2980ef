/** IdOrder: what is done to one id is done in the order in which it came; what is done to others goes on beside it. */

export class IdOrder {
  /** What came last for an id, as a promise that never fails. */
  readonly #last = new Map<string, Promise<void>>();

  /** Does `work` once all that came before for any of `ids` has ended, well or not; at once where nothing is under way. */
  async run<T>(ids: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = new Set(ids.map((id) => this.#last.get(id)).filter((one) => one !== undefined));
    const done = before.size > 0 ? Promise.all(before).then(work) : work();
    const settled = done.then(
      () => {},
      () => {},
    );
    for (const id of ids) this.#last.set(id, settled);
    try {
      return await done;
    } finally {
      for (const id of ids) if (this.#last.get(id) === settled) this.#last.delete(id);
    }
  }
}
