/** What no library can keep is refused at the door, by its name: ids that are no Unicode, fields that cannot be copied. */
import { expect, test } from "vitest";
import { collect, toyEmbedder } from "../../test/support/memory.ts";
import { type Item, type Memory, open } from "./index.ts";

const library = (): Promise<Memory> => open(":memory:", { workers: 1, embedder: toyEmbedder() });

const half = "\ud83d";
const uses: readonly [operation: string, use: (memory: Memory, id: string) => Promise<unknown>][] = [
  ["add", (memory, id) => memory.add({ id, text: "text" })],
  ["add", (memory, id) => memory.add([{ id, text: "text" }])],
  ["add", (memory, id) => memory.addFile("a.txt", new TextEncoder().encode("text"), { id })],
  ["get", (memory, id) => memory.get(id)],
  ["forget", (memory, id) => memory.forget({ ids: [id] })],
  ["list: after", (memory, id) => collect(memory.list({ after: id }))],
  ["list: prefix", (memory, id) => collect(memory.list({ prefix: id }))],
];

test.each(uses)("%s refuses an id that ends inside a surrogate pair", async (operation, use) => {
  await using memory = await library();
  await memory.add({ id: "🐈", text: "cat" });
  for (const id of [half, `a${half}`, `\udc08${half}`, "\udc08a"]) {
    const refused = use(memory, id);
    await expect(refused).rejects.toMatchObject({ name: "MnemeError", code: "ARGUMENT" });
    await expect(refused).rejects.toThrow(new RegExp(`^${operation}: .*half`));
  }
  expect(await memory.get("🐈")).toMatchObject({ text: "cat" });
  expect(memory.info().items).toBe(1);
});

const guarded = (value: object): object => new Proxy(value, {});
const faults: readonly [fields: object, fault: RegExp][] = [
  [{ provenance: { origin: "user", uri: () => "x" } }, /provenance field "uri" .*got function/],
  [{ provenance: { origin: "user", uri: 5n } }, /provenance field "uri" .*got bigint/],
  [{ provenance: { origin: "user", mediaType: { of: "x" } } }, /provenance field "mediaType" .*got object/],
  [{ provenance: () => ({}) }, /provenance must be an object of fields, got function/],
  [{ provenance: guarded({ origin: "user" }) }, /provenance cannot be copied/],
  [{ meta: { team: () => "x" } }, /meta field "team" .*got function/],
  [{ meta: { team: [() => "x"] } }, /meta field "team" .*got function/],
  [{ meta: () => ({}) }, /meta must be an object/],
  [{ meta: guarded({ team: "x" }) }, /meta cannot be copied/],
  [{ meta: { team: guarded(["x"]) } }, /meta field "team" cannot be copied/],
];

test.each(faults)(
  "%o is refused by the item's and the field's name, in small adds and large",
  async (fields, fault) => {
    await using memory = await library();
    for (const text of ["small", "large ".repeat(20_000)]) {
      const refused = memory.add([{ id: "good", text }, { id: "bad", text, ...fields } as Item]);
      await expect(refused).rejects.toMatchObject({ name: "MnemeError", code: "ARGUMENT" });
      await expect(refused).rejects.toThrow(/^add: item "bad": /);
      await expect(refused).rejects.toThrow(fault);
    }
    expect(memory.info().items).toBe(0);
  },
);
