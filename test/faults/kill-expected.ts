/** What a library must hold after the operations that were acknowledged, and the looks that compare it with that. */
import { expect } from "vitest";
import type { Memory } from "../../src/index.ts";
import { forgets, itemOf, type Operation, wordOf } from "./kill-plan.ts";

/** What was last written under an id. */
interface Written {
  readonly number: number;
  readonly version: number;
}
type Change = readonly [id: string, written: Written | undefined];

export class Expected {
  readonly #items = new Map<string, Written>();
  /** Ids written or forgotten since the last look, with what stood there before. */
  readonly #changed = new Map<string, Written | undefined>();

  get ids(): readonly string[] {
    return [...this.#items.keys()];
  }

  get changedIds(): readonly string[] {
    return [...this.#changed.keys()];
  }

  apply(one: Operation): void {
    for (const changes of this.#changesOf(one)) this.#apply(changes);
  }

  /** Applies what was under way when the writer was killed as far as it became durable: each call whole, or not at all. */
  async applyDurable(memory: Memory, one: Operation): Promise<void> {
    for (const changes of this.#changesOf(one)) {
      const [first] = changes;
      if (first && (await memory.get(first[0]))?.version === first[1]?.version) this.#apply(changes);
    }
  }

  forgetChanges(): void {
    this.#changed.clear();
  }

  /** Every id is there, in its last version, and no other. */
  async checkIds(memory: Memory): Promise<void> {
    const found = new Map<string, number>();
    for await (const { id, version } of memory.list()) found.set(id, version);
    const missing = this.ids.filter((id) => !found.has(id));
    const strange = [...found.keys()].filter((id) => !this.#items.has(id));
    const stale = [...this.#items].filter(([id, { version }]) => found.get(id) !== version);
    expect({ missing, strange, stale }).toEqual({ missing: [], strange: [], stale: [] });
    expect(memory.info().items).toBe(found.size);
  }

  async checkTexts(memory: Memory, ids: Iterable<string>): Promise<void> {
    for (const id of ids) {
      const written = this.#items.get(id);
      const item = await memory.get(id);
      expect(item?.version, id).toBe(written?.version);
      if (written) expect(item?.text, id).toBe(itemOf(id, written.number).text);
    }
  }

  /** An item is found by the word of its last version, and not by that of the one before. */
  async checkSearch(memory: Memory, ids: Iterable<string>): Promise<void> {
    const find = async (id: string, { number }: Written): Promise<string | undefined> =>
      (await memory.search(wordOf(id, number), { retriever: "words", k: 3 })).hits[0]?.id;
    for (const id of ids) {
      const [before, now] = [this.#changed.get(id), this.#items.get(id)];
      if (now) expect(await find(id, now)).toBe(id);
      if (before && before.number !== now?.number) expect(await find(id, before)).toBeUndefined();
    }
  }

  /** In runs, each of which is all or nothing. */
  #changesOf(one: Operation): Change[][] {
    if (one.forget) {
      const gone = [...this.#items].filter(([id, { number }]) => forgets(one, id, number));
      return [gone.map(([id]) => [id, undefined])];
    }
    return (one.adds ?? []).map((items) =>
      items.map(({ id }) => [id, { number: one.number, version: (this.#items.get(id)?.version ?? 0) + 1 }]),
    );
  }

  #apply(changes: readonly Change[]): void {
    for (const [id, written] of changes) {
      this.#changed.set(id, this.#items.get(id));
      if (written) this.#items.set(id, written);
      else this.#items.delete(id);
    }
  }
}
