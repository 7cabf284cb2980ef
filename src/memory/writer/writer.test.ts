import { expect, test } from "vitest";
import { toyEmbedder } from "../../../test/support/memory.ts";
import { Budget } from "../../storage/budget.ts";
import { memoryStore } from "../../storage/memory-store.ts";
import { encodeJson, FORMAT_VERSION, MANIFEST_KEY, NS } from "../layout.ts";
import { Library } from "../library.ts";
import { newSpaceEntry } from "../spaces.ts";
import { Writer } from "./writer.ts";

test("rows of segments begin at multiples of 32, to the last that there are", async () => {
  const embedder = toyEmbedder();
  const store = memoryStore();
  const spaces = [newSpaceEntry(1, embedder)];
  const manifest = { format: FORMAT_VERSION, createdAt: 0, spaces, active: 1, segments: [], nextSegment: 1 };
  await store.batch((batch) => batch.put(NS.library, MANIFEST_KEY, encodeJson(manifest)));
  await using library = await Library.open(store, new Budget(1e8));
  await using writer = new Writer(library, store, {
    embedder,
    workers: 0,
    undoWindowMs: 0,
    onWarning: () => {},
  });
  for (const nextRow of [0, 1, 31, 32, 33, 2 ** 31 - 1, 2 ** 31 + 1, 2 ** 32 - 100]) {
    library.counters = { nextRow };
    expect(writer.takeRows(5, true)).toBe(Math.ceil(nextRow / 32) * 32);
    expect(library.counters.nextRow).toBe(Math.ceil(nextRow / 32) * 32 + 5);
  }
  library.counters = { nextRow: 2 ** 32 - 33 };
  expect(() => writer.takeRows(32, true)).toThrow(/all 4,294,967,295 row ids/);
});

test("a library that cannot be opened gives back what it had claimed", async () => {
  const embedder = toyEmbedder();
  const store = memoryStore();
  const spaces = [newSpaceEntry(1, embedder)];
  const manifest = { format: FORMAT_VERSION, createdAt: 0, spaces, active: 1, segments: [], nextSegment: 1 };
  await store.batch((batch) => {
    batch.put(NS.library, MANIFEST_KEY, encodeJson(manifest));
    batch.put(NS.log, [0], new Uint8Array(20).fill(255)); // no log record
  });
  const budget = new Budget(1e8);
  await expect(Library.open(store, budget)).rejects.toMatchObject({ code: "CORRUPT" });
  expect(budget.usage()).toEqual([]);
});
