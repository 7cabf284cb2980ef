/** Of what is added under one id the last wins, however long the first takes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder, toyEmbedder } from "../../../test/support/memory.ts";
import { type Item, open } from "../index.ts";
import { SEGMENT_TEXT } from "./add.ts";

const folder = temporaryFolder();
const vector = new Float32Array([1, 0, 0]);
/** More than goes through the log: it is made by a worker, and takes longer than a small text. */
const large = (word: string): string => `${word} `.repeat(SEGMENT_TEXT / (word.length + 1) + 1);

test("the last of two items of one id in a stream wins, though their batches are under way together", async () => {
  await using memory = await open(":memory:", { workers: 2, embedder: toyEmbedder() });
  function* stream(): Generator<Item> {
    yield { id: "same", text: "first", vector };
    for (let i = 1; i < 16_384; i++) yield { id: `other ${i}`, text: "filler", vector };
    yield { id: "same", text: "second", vector };
  }
  expect(await memory.add(stream())).toMatchObject({ added: 16_384, updated: 1, unchanged: 0 });
  expect(await memory.get("same")).toMatchObject({ text: "second", version: 2 });
});

test("adds, documents and forgetting of one id come in the order of their calls", async () => {
  await using memory = await open(":memory:", { workers: 2, embedder: toyEmbedder() });
  const all = await Promise.all([
    memory.add({ id: "a", text: large("one") }),
    memory.add({ id: "a", text: "two" }),
    memory.addFile("a.txt", new TextEncoder().encode(large("three")), { id: "a" }),
    memory.addFile("a.txt", new TextEncoder().encode("four"), { id: "a" }),
    memory.add({ id: "b", text: large("five") }),
    memory.forget({ ids: ["b"] }),
  ]);
  expect(await memory.get("a")).toMatchObject({ text: "four", version: 4 });
  expect(all.at(-1)).toMatchObject({ items: 1 });
  expect(await memory.get("b")).toBeUndefined();
});

test("what is forgotten while a document is read is begun anew", async () => {
  await using memory = await open(":memory:", { workers: 1, embedder: toyEmbedder() });
  await memory.add({ id: "a", text: "before" });
  const [, { items }] = await Promise.all([
    memory.addFile("a.txt", new TextEncoder().encode(large("after")), { id: "a" }),
    memory.forget({ all: true }),
  ]);
  expect(items).toBe(1);
  const { version, createdAt, updatedAt, text } = (await memory.get("a"))!;
  expect(text.startsWith("after")).toBe(true);
  expect({ version, createdAt }).toEqual({ version: 1, createdAt: updatedAt });
});

test("a version is given once, also where a file is indexed while its item is added", async () => {
  const root = join(folder.root, "notes");
  mkdirSync(root);
  writeFileSync(join(root, "a.txt"), large("file"));
  await using memory = await open(":memory:", { workers: 1, embedder: toyEmbedder() });
  const adds: Promise<unknown>[] = [];
  await memory.index(root, {
    onProgress: ({ phase }) => {
      if (phase === "scan") adds.push(memory.add({ id: "notes/a.txt", text: "added" }));
    },
  });
  await Promise.all(adds);
  expect(adds).toHaveLength(1);
  const { version, createdAt, updatedAt, text } = (await memory.get("notes/a.txt"))!;
  expect(text.startsWith("file")).toBe(true);
  expect(version).toBe(2);
  expect(createdAt).toBeGreaterThanOrEqual(updatedAt);
});
