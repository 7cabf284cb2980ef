/** What is replaced, forgotten or expired is gone at once, and its space comes back. */
import { describe, expect, test } from "vitest";
import { ids, temporaryFolder } from "../../test/support/memory.ts";
import { open } from "./index.ts";

const { path } = temporaryFolder();

describe.each(["memory", "disk"])("a library in %s", (tier) => {
  const where = (): string => (tier === "memory" ? ":memory:" : path());

  test("replacing raises the version and hides the old text at once", async () => {
    await using memory = await open(where(), { workers: 0 });
    await memory.add({ id: "a", text: "the old zebra text" });
    const first = await memory.get("a");
    expect(await memory.add({ id: "a", text: "the new giraffe text" })).toMatchObject({ updated: 1 });
    expect(await memory.get("a")).toMatchObject({
      version: 2,
      text: "the new giraffe text",
      createdAt: first!.createdAt,
    });
    expect((await memory.search("zebra", { retriever: "words" })).hits).toEqual([]);
    expect(memory.info()).toMatchObject({ items: 1, passages: 1 });
  });
});

test("forgetting half and compacting gives the space back", async () => {
  const where = path();
  await using memory = await open(where, { workers: 0 });
  const items = Array.from({ length: 2000 }, (_, i) => ({
    id: `i${i}`,
    text: `Item ${i} ${Array.from({ length: 80 }, (_, j) => `w${(i * 31 + j * 17) % 5000}`).join(" ")}`,
    meta: { half: i % 2 },
  }));
  await memory.add(items);
  await memory.compact();
  const full = memory.info().diskBytes;
  const { bytesFreed } = await memory.forget({ where: { half: 1 } });
  expect(bytesFreed).toBeGreaterThan(0);
  const { bytesAfter } = await memory.compact();
  expect(bytesAfter).toBeLessThan(full * 0.65);
  expect(memory.info()).toMatchObject({ items: 1000, passages: 1000 });
  await using fresh = await open(path(), { workers: 0 });
  await fresh.add(items.filter(({ meta }) => meta.half === 0));
  await fresh.compact();
  expect(bytesAfter).toBeLessThan(fresh.info().diskBytes * 1.3);
});

test("expired items are not found and go with the next opening", async () => {
  const where = path();
  {
    await using memory = await open(where, { workers: 0 });
    await memory.add([
      { id: "old", text: "milk expires soon", expiresAt: Date.now() + 150 },
      { id: "new", text: "milk is fresh" },
    ]);
    expect(ids(await memory.search("milk")).sort()).toEqual(["new", "old"]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(ids(await memory.search("milk"))).toEqual(["new"]);
    expect(await memory.get("old")).toBeUndefined();
  }
  await using memory = await open(where, { workers: 0 });
  expect(memory.info().items).toBe(1);
});

test("undo brings back what was there when it was forgotten, not when that was asked for", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  await memory.add({ id: "a", text: "the old zebra text" });
  const snapshot = (): Promise<unknown> => memory.snapshot(`${path()}.snapshot`);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await snapshot();
  const held = snapshot(); // nothing is committed meanwhile
  await turn();
  const adding = memory.add({ id: "a", text: "the new giraffe text" });
  await turn();
  const forgetting = memory.forget({ ids: ["a"] });
  await Promise.all([held, adding]);
  const { undo } = await forgetting;
  expect(await memory.get("a")).toBeUndefined();
  await memory.undo(undo!);
  expect(await memory.get("a")).toMatchObject({ text: "the new giraffe text", version: 2 });
});

test("an item's expiry is a moment: a span that would be over already is refused", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  for (const expiresAt of ["30d", "7", "soon", "next week"])
    await expect(memory.add({ id: "a", text: "milk", expiresAt })).rejects.toMatchObject({
      code: "ARGUMENT",
    });
  await memory.add({ id: "a", text: "milk", expiresAt: "2999-01-31T12:00:00Z" });
  expect(await memory.get("a")).toMatchObject({ expiresAt: Date.UTC(2999, 0, 31, 12) });
});
