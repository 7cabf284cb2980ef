/** Listing while the library changes. */
import { expect, test } from "vitest";
import { toyEmbedder } from "../../test/support/memory.ts";
import { open } from "./index.ts";

test.each([undefined, { kind: "pet" }])(
  "an item that is replaced while it is listed is listed, filter %j",
  async (where) => {
    await using memory = await open(":memory:", { embedder: toyEmbedder(), workers: 0 });
    const item = (i: number, text: string) => ({ id: `item${i}`, text, meta: { kind: "pet" } });
    await memory.add(Array.from({ length: 9 }, (_, i) => item(i, `cat ${i}`)));
    const listed: string[] = [];
    for await (const { id, version } of memory.list(where ? { where } : {})) {
      listed.push(`${id}@${version}`);
      if (listed.length > 1) continue;
      await memory.add(item(5, "another cat"));
      await memory.add({ id: "item6", text: "a ship", meta: { kind: "vehicle" } });
    }
    const changed = where ? [] : ["item6@2"];
    expect(listed).toEqual([
      "item0@1",
      "item1@1",
      "item2@1",
      "item3@1",
      "item4@1",
      "item5@2",
      ...changed,
      "item7@1",
      "item8@1",
    ]);
  },
);

test("metadata is the library's own once it is added", async () => {
  await using memory = await open(":memory:", { embedder: toyEmbedder(), workers: 0 });
  const meta = { tags: ["a"] };
  await memory.add({ id: "x", text: "a cat", meta });
  meta.tags.push("b");
  expect(await memory.get("x")).toMatchObject({ meta: { tags: ["a"] } });
});
