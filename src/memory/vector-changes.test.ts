/** Whatever is added, replaced, forgotten, compacted and reopened, each kind of vector index finds what a look at every vector finds. */
import { cpSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { madeEmbedder, madeItems, madeVectors } from "../../test/support/made-vectors.ts";
import { temporaryFolder } from "../../test/support/memory.ts";
import { type Item, type Memory, open } from "./index.ts";

const DIM = 16;
const COUNT = 2300;
const K = 10;
const { path } = temporaryFolder();
const base = madeItems(COUNT, DIM);
const queries = madeVectors(5, DIM, 2);
const embedder = madeEmbedder(DIM);

let flat = "";
beforeAll(async () => {
  flat = path();
  await using memory = await open(flat, { embedder, workers: 0, vectors: { index: "flat" } });
  await memory.add(base);
  await memory.compact();
}, 60_000);

const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** What the library must hold, and what its searches must find of it. */
class Reference {
  readonly #vectors = new Map(base.map(({ id, vector }) => [id!, vector!]));

  add(items: readonly Item[]): void {
    for (const { id, vector } of items) this.#vectors.set(id!, vector!);
  }

  /** @returns every `step`-th id of those that there are, from `first` on */
  forget(first: number, step: number): string[] {
    const gone = [...this.#vectors.keys()].filter((_, i) => i >= first && (i - first) % step === 0);
    for (const id of gone) this.#vectors.delete(id);
    return gone;
  }

  async check(memory: Memory): Promise<void> {
    expect(memory.info().items).toBe(this.#vectors.size);
    expect(memory.explain()[0]!.refused).toEqual([]);
    let [found, exact, all] = [0, 0, 0];
    for (const vector of queries) {
      const best = [...this.#vectors]
        .map(([id, other]) => ({ id, score: cosine(vector, other) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, K);
      all += best.length;
      for (const recall of [1, undefined]) {
        const asked = {
          retriever: "meaning",
          snippet: 0,
          k: K,
          vector,
          ...(recall ? { recall } : {}),
        } as const;
        const hits = [...(await memory.search("", asked))];
        expect(new Set(hits.map(({ id }) => id)).size).toBe(hits.length);
        for (const { id, score } of hits)
          expect(Math.abs(score - cosine(vector, this.#vectors.get(id)!))).toBeLessThan(0.02);
        const right = best.filter(({ id }) => hits.some((hit) => hit.id === id)).length;
        if (recall) exact += right;
        else found += right;
      }
    }
    // what is kept has a byte a value: neighbours may change places at the end of the list
    expect(exact / all).toBeGreaterThan(0.95);
    expect(found / all).toBeGreaterThan(0.85);
  }
}

type Step =
  | { readonly verb: "add"; readonly first: number; readonly count: number }
  | { readonly verb: "forget"; readonly first: number; readonly step: number }
  | { readonly verb: "compact" | "idle" | "reopen" };

const steps = fc.array(
  fc.oneof(
    fc.record({
      verb: fc.constant("add" as const),
      // replaced, and new from COUNT on
      first: fc.integer({ min: COUNT - 300, max: COUNT + 100 }),
      count: fc.integer({ min: 1, max: 300 }),
    }),
    fc.record({
      verb: fc.constant("forget" as const),
      first: fc.nat(200),
      step: fc.integer({ min: 2, max: 40 }),
    }),
    fc.record({ verb: fc.constantFrom("compact" as const, "idle" as const, "reopen" as const) }),
  ),
  { minLength: 4, maxLength: 7 },
);

test.each(["graph", "disk-graph", "lists"] as const)("%s", { timeout: 240_000 }, async (index) => {
  const options = { embedder, workers: 0, vectors: { index } } as const;
  const once = path();
  cpSync(flat, once, { recursive: true });
  {
    await using memory = await open(once, options);
    await memory.compact();
    expect(memory.explain()[0]!.searchedBy).toEqual({ [index]: COUNT });
  }
  await fc.assert(
    fc.asyncProperty(steps, async (changes: readonly Step[]) => {
      const where = path();
      cpSync(once, where, { recursive: true });
      const reference = new Reference();
      let memory = await open(where, options);
      try {
        for (const change of changes) {
          if (change.verb === "add") {
            const items = madeItems(change.count, DIM, 1000 * change.first + change.count).map((item, i) => ({
              ...item,
              id: `item${change.first + i}`,
            }));
            await memory.add(items);
            reference.add(items);
          } else if (change.verb === "forget") {
            await memory.forget({ ids: reference.forget(change.first, change.step) });
          } else if (change.verb === "reopen") {
            await memory.close();
            memory = await open(where, options);
          } else await memory[change.verb]();
          await reference.check(memory);
        }
      } finally {
        await memory.close();
      }
    }),
    { seed: 9, numRuns: 3 },
  );
});
