import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/memory.ts";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { load } from "../model/index.ts";
import { open } from "./index.ts";

const { path } = temporaryFolder();

const POSTS = [
  ["p0", "Pan-seared salmon with lemon for dinner tonight", ["dinner", "fish"]],
  ["p1", "Grilled salmon and rice, a quick dinner", ["dinner", "yum"]],
  ["p2", "Salmon dinner by the sea", ["dinner", "sea"]],
  ["p3", "Sunrise over the beach and the waves", ["sea", "sunrise"]],
  ["p4", "A long walk on the beach", ["sea"]],
  ["p5", "Nothing said about it", []],
] as const;

async function library() {
  const memory = await open(path(), { workers: 0 });
  await memory.add(
    POSTS.map(([id, text, tags]) => ({ id, text, meta: { tags: [...tags], kind: "post", topic: id } })),
  );
  return memory;
}

test("tags of items like the text, with how many have them and who", async () => {
  await using memory = await library();
  const tags = await memory.suggestTags("salmon for dinner", { k: 3 });
  expect(tags[0]).toMatchObject({ tag: "dinner", count: 3, by: "neighbours" });
  expect([...tags[0]!.items].sort()).toEqual(["p0", "p1", "p2"]);
  expect(tags).toHaveLength(3);
  for (let i = 1; i < tags.length; i++) expect(tags[i]!.score).toBeLessThanOrEqual(tags[i - 1]!.score);
  expect((await memory.suggestTags("a walk to the beach"))[0]).toMatchObject({ tag: "sea", count: 3 });
});

test("other fields, filters, the item itself left out; and what is forgotten or added counts at once", async () => {
  await using memory = await library();
  expect((await memory.suggestTags("salmon dinner", { field: "topic", k: 1 }))[0]!.tag).toMatch(/^p[012]$/);
  const other = await memory.suggestTags("salmon dinner", { exclude: ["p0", "p1", "p2"] });
  expect(other.map(({ tag }) => tag)).not.toContain("dinner");
  expect(await memory.suggestTags("salmon dinner", { filter: { kind: "essay" } })).toEqual([]);
  await memory.forget({ ids: ["p1"] });
  expect((await memory.suggestTags("salmon dinner"))[0]).toMatchObject({ tag: "dinner", count: 2 });
  await memory.add({ id: "p6", text: "Salmon dinner again", meta: { tags: ["dinner"] } });
  expect((await memory.suggestTags("salmon dinner"))[0]).toMatchObject({ tag: "dinner", count: 3 });
});

test("a model is shown the selected tags; of what it writes only tags are kept", async () => {
  await using model = await load(writeModelFolder(path(), { context: 2048 }), {
    workers: 0,
    weightCache: false,
  });
  await using memory = await library();
  const tags = await memory.suggestTags("salmon for dinner", { model, k: 3 });
  expect(tags.length).toBeGreaterThan(0);
  expect(tags.length).toBeLessThanOrEqual(3);
  for (const { tag, count } of tags)
    expect(count).toBe(POSTS.filter(([, , own]) => (own as readonly string[]).includes(tag)).length);
});

test("refuses an empty text, and numbers that are none", async () => {
  await using memory = await library();
  await expect(memory.suggestTags("  ")).rejects.toThrow(/the text is empty/);
  await expect(memory.suggestTags("x", { k: 0 })).rejects.toThrow(/from 1 to 50, got 0/);
  await expect(memory.suggestTags("x", { neighbours: 0.5 })).rejects.toThrow(/neighbours/);
  await using empty = await open(":memory:", { workers: 0 });
  expect(await empty.suggestTags("x")).toEqual([]);
});
