/** All verbs in one story, and what every verb refuses. */
import { describe, expect, test } from "vitest";
import { animals, collect, ids, temporaryFolder } from "../../test/support/memory.ts";
import { open } from "./index.ts";

const { path } = temporaryFolder();

describe.each(["memory", "disk"])("a library in %s", (tier) => {
  const where = (): string => (tier === "memory" ? ":memory:" : path());

  test("add, search, get, list, ask, forget, undo", async () => {
    await using memory = await open(where(), { workers: 0 });
    expect(await memory.add(animals)).toMatchObject({ added: 3, updated: 0, unchanged: 0, passages: 3 });
    expect(await memory.add(animals)).toMatchObject({ added: 0, unchanged: 3 });
    expect(ids(await memory.search("when is income tax due"))[0]).toBe("tax");
    expect(ids(await memory.search("cats sleeping at night", { retriever: "meaning" }))[0]).toBe("cats");
    const [hit] = (await memory.search("steel hull")).hits;
    expect(hit!.highlights.map(([start, end]) => hit!.snippet.slice(start, end))).toEqual(["hull", "steel"]);
    expect(hit!.reasons.map(({ by }) => by)).toContain("words");
    expect(await memory.get("cats")).toMatchObject({
      id: "cats",
      version: 1,
      text: animals[0]!.text,
      meta: { kind: "pet" },
    });
    expect(await memory.get("dogs")).toBeUndefined();
    expect((await collect(memory.list())).map(({ id }) => id)).toEqual(["cats", "ships", "tax"]);
    const parts = await collect(memory.ask("When is income tax due?"));
    expect(parts.map(({ text }) => text).join("")).toContain("Income tax is due in April.");
    expect(parts.find((part) => part.type === "citation")).toMatchObject({
      citation: { id: "tax", number: 1 },
    });
    const dry = await memory.forget({ where: { kind: "pet" }, dryRun: true });
    expect(dry).toMatchObject({ items: 1, ids: ["cats"] });
    expect(dry.undo).toBeUndefined();
    const { undo } = await memory.forget({ ids: ["cats"] });
    expect(await memory.get("cats")).toBeUndefined();
    expect(ids(await memory.search("cat sleeps"))).not.toContain("cats");
    expect(await memory.undo(undo!)).toEqual({ items: 1 });
    expect(ids(await memory.search("cat sleeps"))[0]).toBe("cats");
    await expect(memory.undo("nothing")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("what is refused, by name", async () => {
    await using memory = await open(where(), { workers: 0 });
    await expect(memory.add({ id: "", text: "x" })).rejects.toMatchObject({ code: "ARGUMENT" });
    await expect(memory.add({ id: "a", text: 5 as unknown as string })).rejects.toThrow(
      /"a": text must be a string/,
    );
    await expect(memory.add({ id: "a", text: "x", meta: { n: Number.NaN } })).rejects.toThrow(
      /"n" must hold/,
    );
    await expect(memory.add({ id: "a", text: "x", meta: { $updated: 1 } })).rejects.toThrow(/Mneme's own/);
    await expect(memory.add({ id: "a", text: "x", vector: new Float32Array(7) })).rejects.toMatchObject({
      code: "DIMENSION",
    });
    await expect(
      memory.add({ id: "a", text: "x", vector: new Float32Array(256).fill(Number.NaN) }),
    ).rejects.toMatchObject({ code: "NOT_FINITE" });
    await expect(memory.add({ id: "a", text: "x", vector: new Float32Array(256) })).rejects.toMatchObject({
      code: "ZERO_VECTOR",
    });
    await expect(
      memory.add({ id: "a", text: "x", vector: new Float32Array(256).fill(1e30) }),
    ).rejects.toMatchObject({ code: "RANGE" });
    expect(
      await memory.add([
        { id: "blank", text: " \n" },
        { id: "full", text: "words" },
      ]),
    ).toMatchObject({ added: 1, skipped: [{ id: "blank", code: "EMPTY" }] });
    await memory.forget({ ids: ["full"] });
    await expect(memory.search("x", { k: 0 })).rejects.toMatchObject({ code: "RANGE" });
    await expect(memory.search("x", { minScore: Number.NaN })).rejects.toMatchObject({ code: "RANGE" });
    await expect(memory.search("x", { snippet: -1 })).rejects.toMatchObject({ code: "RANGE" });
    await expect(memory.search("x", { cursor: "?" })).rejects.toMatchObject({ code: "ARGUMENT" });
    await expect(memory.search("x", { filter: { a: { about: 1 } } as never })).rejects.toThrow(
      /unknown operator/,
    );
    await expect(memory.forget({})).rejects.toThrow(/say what/);
    await expect(collect(memory.ask("  "))).rejects.toMatchObject({ code: "ARGUMENT" });
    expect(memory.info().items).toBe(0);
    await memory.close();
    await expect(memory.search("x")).rejects.toMatchObject({ code: "DISPOSED" });
  });
});
