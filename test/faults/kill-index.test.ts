/** kill -9 while a segment gets its index: the library is whole, searched by what is there, and the next opening builds what is missing. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundledEmbedder } from "../../src/embed/index.ts";
import { type Memory, type OpenOptions, open } from "../../src/index.ts";
import { Random } from "../../src/linalg/random.ts";
import type { Operation } from "./kill-plan.ts";
import { KilledWriter } from "./killed-writer.ts";

const KILLS = Number(process.env.MNEME_CRASHES ?? 4);
const COUNT = 2200;
const folder = mkdtempSync(join(tmpdir(), "mneme-kill-index-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WORDS = ["river", "tax", "cat", "engine", "bread", "court", "star", "violin", "virus", "bridge"];
const textOf = (number: number): string => {
  const random = new Random(number);
  return Array.from({ length: 12 }, () => `${WORDS[random.integer(WORDS.length)]}${random.integer(30)}`).join(
    " ",
  );
};

/** Whether what is there finds what a look at every vector finds. */
async function check(memory: Memory): Promise<void> {
  expect(memory.info().items).toBe(COUNT);
  expect(memory.explain()[0]!.refused).toEqual([]);
  let [same, all] = [0, 0];
  for (let number = 0; number < COUNT; number += 100) {
    const query = { retriever: "meaning", snippet: 0 } as const;
    const exact = new Set(
      [...(await memory.search(textOf(number), { ...query, recall: 1 }))].map(({ id }) => id),
    );
    same += [...(await memory.search(textOf(number), query))].filter(({ id }) => exact.has(id)).length;
    all += exact.size;
  }
  expect(same / all).toBeGreaterThan(0.9);
}

test.each(["graph", "disk-graph"] as const)(
  `${KILLS} times kill -9 while a %s is built`,
  {
    timeout: 120_000 + KILLS * 10_000,
  },
  async (index) => {
    await using embedder = await bundledEmbedder();
    const options: OpenOptions = { embedder, workers: 0, vectors: { index } };
    const flat = join(folder, `${index}.mneme`);
    {
      await using memory = await open(flat, { ...options, vectors: { index: "flat" } });
      await memory.add(Array.from({ length: COUNT }, (_, i) => ({ id: `item${i}`, text: textOf(i) })));
      await memory.compact();
    }
    const random = new Random(5);
    const build: Operation = { number: 1, kind: "settle", verb: "idle" };
    let usual = 1000;
    for (let kill = 0; kill < KILLS; kill++) {
      const path = join(folder, `${index}-${kill}.mneme`);
      cpSync(flat, path, { recursive: true });
      const delay = random.uniform() * 1.3 * usual;
      const took = (number: number, ms: number): void => {
        if (number === 1) usual = ms;
      };
      await new KilledWriter().run(path, [build], delay, took, index);
      {
        await using memory = await open(path, { ...options, mode: "read" });
        await check(memory);
      }
      await using memory = await open(path, options);
      await memory.idle();
      expect(memory.explain()[0]!.searchedBy).toEqual({ [index]: COUNT });
      await check(memory);
    }
  },
);
