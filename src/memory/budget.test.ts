/** The budget beside durability: what does not fit is refused before it is written, what was written is never refused. */
import { expect, test } from "vitest";
import { ids, temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import { watched } from "../../test/support/watched-store.ts";
import { Budget } from "../storage/budget.ts";
import { lmdbStore } from "../storage/lmdb-store.ts";
import { type Item, type Memory, type MemoryInfo, open } from "./index.ts";
import { Library } from "./library.ts";
import { LibraryMemory } from "./memory.ts";

const { path } = temporaryFolder();
const embedder = toyEmbedder();
const BUDGET = 1 << 20;

/** Hardly a word comes twice: what a words index takes most RAM for. */
function items(round: number, count: number, words: number): Item[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `r${round}i${i}`,
    text: Array.from({ length: words }, (_, word) => `w${round}x${i}x${word}`).join(" "),
  }));
}

async function fillUp(
  memory: Memory,
  count: number,
  words: number,
): Promise<{ kept: string[]; refused: string[] }> {
  const kept: string[] = [];
  for (let round = 0; round < 1_000; round++) {
    const some = items(round, count, words);
    try {
      await memory.add(some);
    } catch (error) {
      expect(error).toMatchObject({ code: "BUDGET" });
      return { kept, refused: some.map(({ id }) => id) };
    }
    kept.push(...some.map(({ id }) => id));
    const { usedBytes, budgetBytes }: MemoryInfo = memory.info();
    expect(usedBytes).toBeLessThanOrEqual(budgetBytes);
  }
  throw new Error("the budget never ran out");
}

test.each([
  ["small calls, through the log", 10, 40, 400 << 10],
  ["large calls, a segment each", 40, 1_200, BUDGET],
])(
  "%s: a refused one leaves nothing, and the library opens with its budget again",
  async (_, count, words, budget) => {
    const where = path();
    const warnings: string[] = [];
    const options = {
      embedder,
      workers: 0,
      budget,
      onWarning: (text: string) => void warnings.push(text),
    };
    const { kept, refused } = await (async () => {
      await using memory = await open(where, options);
      const outcome = await fillUp(memory, count, words);
      await memory.idle();
      for (const id of outcome.refused) expect(await memory.get(id)).toBeUndefined();
      return outcome;
    })();
    expect(kept.length).toBeGreaterThan(count);
    await using memory = await open(where, options);
    expect(memory.info()).toMatchObject({ items: kept.length });
    expect(memory.info().usedBytes).toBeLessThanOrEqual(budget);
    for (const id of kept) expect(await memory.get(id)).toBeDefined();
    for (const id of refused) expect(await memory.get(id)).toBeUndefined();
    expect(warnings).toEqual([]);
  },
);

test.each([
  ["a small call", 1, 40],
  ["a large call", 40, 1_200],
])(
  "%s that is durable is acknowledged, whatever it takes; searches go on and somebody is told",
  async (_, count, words) => {
    const where = path();
    await (await open(where, { embedder, workers: 0 })).close();
    const budget = new Budget(BUDGET);
    const other = budget.claim("other");
    // the rest of the budget goes between the commit and its accounting
    const store = watched(await lmdbStore(where), { after: async () => other.hold(BUDGET) });
    const warnings: string[] = [];
    const memory = new LibraryMemory(await Library.open(store, budget), embedder, {
      undoWindowMs: 0,
      workers: 0,
      onWarning: (text) => void warnings.push(text),
    });
    await memory.startWriter(store);
    expect(await memory.add(items(0, count, words))).toMatchObject({ added: count });
    const { usedBytes, budgetBytes } = memory.info();
    expect(usedBytes).toBeGreaterThan(budgetBytes);
    expect(warnings).toEqual([expect.stringContaining(`its budget is ${BUDGET}`)]);
    expect(ids(await memory.search("w0x0x3", { retriever: "words" }))).toEqual(["r0i0"]);
    expect(ids(await memory.search("w0x0x3", { k: 1 }))).toEqual(["r0i0"]);
    await expect(memory.add(items(1, 1, 40))).rejects.toMatchObject({ code: "BUDGET" });
    expect(await memory.get("r1i0")).toBeUndefined();
    other.resize(0);
    expect(await memory.add(items(1, 1, 40))).toMatchObject({ added: 1 });
    expect(warnings).toHaveLength(1);
    await memory.close();
  },
);
