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

/** Four posts of each place: one has its name for a tag, which stands in all of them, and three have another tag. */
function taughtPosts() {
  const places =
    "oslo lima cairo paris tokyo delhi quito sofia dakar rome turin milan lyon bonn kiev riga minsk doha seoul osaka perth accra tunis hanoi manila bogota havana".split(
      " ",
    );
  return places.flatMap((place) =>
    [place, ...Array.from({ length: 3 }, () => [...place].reverse().join(""))].map((tag, i) => ({
      id: `${place} ${i}`,
      text: `Once more in ${place}`,
      meta: { tags: [tag] },
    })),
  );
}

test("a selector is learnt from the library's own items, kept with it, and refused where there are few", async () => {
  const where = path();
  const posts = taughtPosts();
  {
    await using memory = await open(where, { workers: 0 });
    await memory.add(posts.slice(0, 40));
    await expect(memory.learnTags()).rejects.toMatchObject({ code: "INSUFFICIENT_DATA" });
    await expect(memory.learnTags({ items: 10 })).rejects.toMatchObject({ code: "RANGE" });
    await memory.add(posts.slice(40));
    const learning = await memory.learnTags({ items: 80 });
    expect(learning.items).toBe(80);
    expect(learning.crossValidated).toBeGreaterThan(learning.untuned);
    expect(learning.selector).toMatchObject({ field: "tags", items: 80 });
    expect(await memory.learnTags({ items: 80 })).toEqual(learning);
  }
  await using memory = await open(where, { workers: 0 });
  const first = async (text: string) => (await memory.suggestTags(text))[0]!.tag;
  expect(await first("Once more in quito")).toBe("otiuq");
});
