/** Flushing and merging move every row and lose none, whatever came in between. */
import { expect, test } from "vitest";
import { collect, ids, temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import { type Item, type Memory, open } from "./index.ts";

const { path } = temporaryFolder();

/** More than a mebibyte of text in one call: a segment at once. */
function bulk(name: string): Item[] {
  return Array.from({ length: 40 }, (_, i) => ({
    id: `${name}-${i}`,
    text: `word${name}x${i} ${`filler ${i} of ${name} `.repeat(1_800)}`,
  }));
}

async function expectAll(memory: Memory, items: readonly Item[]): Promise<void> {
  const listed: string[] = [];
  for await (const { id } of memory.list()) listed.push(id);
  expect(listed).toEqual(items.map(({ id }) => id).sort());
  for (const { id, text } of items) expect((await memory.get(id))?.text, id).toBe(text);
  for (const { id, text } of items.filter((_, i) => i % 29 === 0))
    expect((await memory.search(text.split(" ")[0]!, { retriever: "words", k: 1 })).hits[0]?.id).toBe(id);
}

test("segments merge over small items that came between them", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  const items: Item[] = [];
  const add = async (some: Item[]): Promise<void> => {
    await memory.add(some);
    items.push(...some);
  };
  for (let round = 0; round < 9; round++) {
    await add([{ id: `small-${round}`, text: `small${round}` }]);
    await add(bulk(`r${round}`));
  }
  await memory.idle();
  expect(memory.info().segments).toBeLessThan(9);
  await expectAll(memory, items);
  await add(Array.from({ length: 1_100 }, (_, i) => ({ id: `tiny-${i}`, text: `tiny${i}` })));
  await memory.idle();
  await expectAll(memory, items);
  await memory.compact();
  expect(memory.info()).toMatchObject({ segments: 1, items: items.length });
  await expectAll(memory, items);
});

test("compacting while items come in loses none of them", async () => {
  await using memory = await open(":memory:", { workers: 2 });
  const items: Item[] = [];
  const add = async (some: Item[]): Promise<void> => {
    items.push(...some);
    await memory.add(some);
  };
  /** One passage each: ready before the tail is flushed. */
  const quick = (name: string): Item[] =>
    bulk(name).map((item) => ({ ...item, vector: new Float32Array(256).fill(1) }));
  for (let round = 0; round < 3; round++) {
    await add(quick(`first${round}`));
    for (let part = 0; part < 2; part++)
      await add(
        Array.from({ length: 400 }, (_, i) => ({
          id: `tail${round}-${part}-${i}`,
          text: `tail${round}x${part}x${i} ${"some words of a long tail ".repeat(40)}`,
        })),
      );
    const compacted = memory.compact();
    await add([{ id: `small-${round}`, text: `small${round}` }]);
    await add(quick(`second${round}`));
    await compacted;
    await add(
      Array.from({ length: 1_100 }, (_, i) => ({ id: `tiny${round}-${i}`, text: `tiny${round}x${i}` })),
    );
    await memory.idle();
  }
  await memory.compact();
  await expectAll(memory, items);
});

test("a tail grows into segments and segments merge, nothing lost or doubled", async () => {
  await using memory = await open(path(), { workers: 0 });
  for (let round = 0; round < 12; round++) {
    await memory.add(
      Array.from({ length: 300 }, (_, i) => ({
        id: `r${round}i${i}`,
        text: `Round ${round} item ${i} token${round}x${i}`,
      })),
    );
  }
  await memory.idle();
  expect(memory.info()).toMatchObject({ items: 3600, passages: 3600 });
  for (const [round, i] of [
    [0, 0],
    [3, 299],
    [7, 150],
    [11, 299],
  ]) {
    expect(ids(await memory.search(`token${round}x${i}`, { retriever: "words", k: 5 }))[0]).toBe(
      `r${round}i${i}`,
    );
  }
  await memory.forget({ where: { $created: { gt: 0 } }, dryRun: true });
  const before = (await collect(memory.list())).length;
  await memory.compact();
  expect((await collect(memory.list())).length).toBe(before);
  expect(memory.info().segments).toBe(1);
});

test("a writer in a hurry does not outrun the flush", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  const items: Item[] = [];
  for (let round = 0; round < 30; round++) {
    const some = Array.from({ length: 300 }, (_, i) => ({
      id: `r${round}i${i}`,
      text: `hasty${round}x${i}`,
    }));
    await memory.add(some);
    items.push(...some);
    expect(memory.info().tailRows).toBeLessThan(4_500);
  }
  await memory.idle();
  await expectAll(memory, items);
});

test("a tail that the last process left is flushed by a thread", async () => {
  const where = path();
  const text = "# Tea\n\nIt is made of leaves.\n\n## Milk\n\nSome take it.";
  {
    await using memory = await open(where, { embedder: toyEmbedder(), workers: 0 });
    await memory.add({ id: "left", text });
    expect(memory.info().tailRows).toBeGreaterThan(0);
  }
  await using memory = await open(where, { embedder: toyEmbedder(), workers: 1 });
  await memory.compact();
  expect(memory.info()).toMatchObject({ tailRows: 0, segments: 1 });
  expect((await memory.get("left"))!.text).toBe(text);
});
