/** index that is stopped on the way: what it has come to stays, whole; the next run goes on from there. */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { collect, ids, temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import { type Memory, open } from "./index.ts";

const { path } = temporaryFolder();

function folderOf(files: number, textOf: (file: number) => string): string {
  const where = path("folder");
  mkdirSync(where);
  for (let i = 0; i < files; i++) writeFileSync(join(where, `f${String(i).padStart(3, "0")}.md`), textOf(i));
  return where;
}

/** One that is aborted when it has been looked at so many times: at any place of the work, and each time at the same. */
function abortedAtLook(look: number): AbortSignal {
  const { signal } = new AbortController();
  let looks = 0;
  return Object.defineProperty(signal, "aborted", { get: () => looks++ >= look });
}

async function kept(memory: Memory): Promise<string[]> {
  return (await collect(memory.list())).map(({ id }) => id).sort();
}

test("wherever it is stopped, the files it has come to are kept, and the next run brings the others", async () => {
  const files = 24;
  const where = folderOf(files, (i) => `# File ${i}\n\nWhat stands here is about subject${i}.\n`);
  const all = Array.from({ length: files }, (_, i) => `${basename(where)}/f${String(i).padStart(3, "0")}.md`);
  const counts: number[] = [];
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 3 * files + 4 }), async (look) => {
      await using memory = await open(":memory:", { workers: 0 });
      const code = await memory.index(where, { signal: abortedAtLook(look) }).then(
        () => "",
        (error: { code: string }) => error.code,
      );
      const before = await kept(memory);
      expect(before).toEqual(all.slice(0, before.length));
      if (before.length < files) expect(code).toBe("CANCELLED");
      counts.push(before.length);
      expect(await memory.index(where)).toMatchObject({
        added: files - before.length,
        unchanged: before.length,
      });
      expect(await kept(memory)).toEqual(all);
      for (const i of [0, files - 1]) expect(ids(await memory.search(`subject${i}`))[0]).toBe(all[i]);
    }),
    { seed: 3, numRuns: 25 },
  );
  expect(counts.some((count) => count > 0 && count < files)).toBe(true);
});

/** Text bytes that are written when it first says so, and the same once it was stopped there. */
async function firstWritten(memory: Memory, where: string): Promise<number> {
  const stop = new AbortController();
  let first = 0;
  const onProgress = ({ phase, bytes }: { phase: string; bytes: number }): void => {
    if (phase !== "write") return;
    first ||= bytes;
    stop.abort();
  };
  await expect(memory.index(where, { signal: stop.signal, onProgress })).rejects.toMatchObject({
    code: "CANCELLED",
  });
  return first;
}

test.each([
  ["the bundled model", {}],
  ["a model of the caller's", { embedder: toyEmbedder() }],
])("the first batch of a large folder is a small one: %s", async (_, options) => {
  const where = folderOf(40, (i) => `subject${i} of a cat on a ship. `.repeat(5000));
  await using memory = await open(":memory:", { workers: 0, ...options });
  const first = await firstWritten(memory, where);
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(1 << 20);
  expect((await kept(memory)).length).toBeGreaterThan(0);
});
