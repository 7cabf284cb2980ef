/** search by n-grams that a model writes: by a model of random weights, in which the question's own n-grams find. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ids } from "../../test/support/memory.ts";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { Random } from "../linalg/random.ts";
import { load, type Model } from "../model/index.ts";
import { open } from "./index.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-generative-"));
let model: Model;
beforeAll(async () => {
  model = await load(writeModelFolder(join(scratch, "tiny"), { context: 1024 }), {
    workers: 0,
    weightCache: false,
  });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** All kinds of characters: whichever the model likes, some text has it. */
function noise(seed: number): string {
  const random = new Random(seed);
  const word = (): string =>
    String.fromCharCode(...Array.from({ length: 1 + random.integer(8) }, () => 33 + random.integer(94)));
  return Array.from({ length: 300 }, word).join(" ");
}

const ITEMS = Array.from({ length: 6 }, (_, i) => ({
  id: `n${i}`,
  text: `The harbour. ${noise(i)}`,
  meta: { year: 2020 + i },
}));

test("finds passages, says by which of their n-grams, and heeds filters, what was added and what went", async () => {
  await using memory = await open(":memory:", { model, workers: 0 });
  const found = (year: number) =>
    memory.search("The harbour", { retriever: "generative", filter: { year: { gte: year } } });
  expect((await found(0)).hits).toEqual([]);
  await memory.add(ITEMS);
  const { hits } = await found(0);
  expect(hits.length).toBeGreaterThan(2);
  const texts = new Map(ITEMS.map(({ id, text }) => [id, text]));
  for (const { id, reasons } of hits) {
    const reason = reasons.find(({ by }) => by === "generative");
    expect(reason!.terms!.length).toBeGreaterThan(0);
    for (const term of reason!.terms!) expect(texts.get(id)).toContain(term);
  }
  const some = ids(await found(2023));
  expect(some.length).toBeGreaterThan(0);
  expect(["n3", "n4", "n5"]).toEqual(expect.arrayContaining(some));
  const [first] = ITEMS;
  await memory.add([{ ...first!, id: "new", meta: { year: 2030 } }]);
  expect(ids(await found(2030))).toEqual(["new"]);
  await memory.forget({ ids: ["new"] });
  expect(ids(await found(2030))).toEqual([]);
  const row = memory.stats().find(({ structure }) => structure === "generative: tokens");
  expect(row!.bytes).toBeGreaterThan(0);
}, 30_000);

test("is a third list of a hybrid search where it is asked for", async () => {
  await using memory = await open(":memory:", { model, workers: 0 });
  await memory.add(ITEMS);
  const byOf = (result: Awaited<ReturnType<typeof memory.search>>): Set<string> =>
    new Set(result.hits.flatMap(({ reasons }) => reasons.map(({ by }) => by)));
  const plain = await memory.search("The harbour");
  const mixed = await memory.search("The harbour", { generative: true });
  expect(byOf(plain)).toEqual(new Set(["words", "meaning"]));
  expect(byOf(mixed)).toEqual(new Set(["words", "meaning", "generative"]));
  expect(ids(mixed).sort()).toEqual(ids(plain).sort());
}, 30_000);

test("is refused without a model that can, by its name, and once it is cancelled", async () => {
  await using bare = await open(":memory:", { workers: 0 });
  await expect(bare.search("a", { retriever: "generative" })).rejects.toMatchObject({ code: "ARGUMENT" });
  await using memory = await open(":memory:", { model, workers: 0 });
  await memory.add(ITEMS);
  const signal = AbortSignal.abort();
  await expect(memory.search("a", { retriever: "generative", signal })).rejects.toMatchObject({
    code: "CANCELLED",
  });
  await expect(memory.search("a", { retriever: "seal" as "words" })).rejects.toThrow(/one of hybrid/);
  expect((await memory.search("The harbour", { retriever: "generative" })).hits.length).toBeGreaterThan(0);
}, 30_000);
