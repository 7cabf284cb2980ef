/** The pool of threads: what goes wrong with one task leaves the threads to others. */
import { expect, test } from "vitest";
import type { Item } from "../types.ts";
import type { Task } from "./tasks.ts";
import { WorkerPool } from "./worker-pool.ts";

const space = {
  id: 1,
  space: { model: "toy", revision: "1", pooling: "mean", dim: 2, normalized: true },
} as never;
const itemsTask = (item: Item): Task => ({
  kind: "items",
  items: [{ item }],
  now: 0,
  space,
  embedder: { bundledDim: null },
});

test("a task that no thread can be sent is refused, and the thread goes on", async () => {
  await using pool = new WorkerPool(1);
  const odd = { id: "a", text: "x", provenance: { origin: "user", uri: () => "" } } as unknown as Item;
  await expect(pool.run(itemsTask(odd))).rejects.toMatchObject({ code: "ARGUMENT" });
  expect(await pool.run({ kind: "merge", inputs: [], live: new Uint8Array(0), spaces: [] })).toHaveProperty(
    "runs",
  );
});

test("work that is under way when the pool closes ends as DISPOSED", async () => {
  const pool = new WorkerPool(1);
  const under = pool.run(itemsTask({ id: "a", text: "a word ".repeat(1_000_000) }));
  const waiting = pool.run(itemsTask({ id: "b", text: "b" }));
  const codes = Promise.allSettled([under, waiting]);
  await pool[Symbol.asyncDispose]();
  for (const one of await codes)
    expect(one).toMatchObject({ status: "rejected", reason: { code: "DISPOSED" } });
});
