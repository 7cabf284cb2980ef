/** A library whose vectors a language model gives, and one whose answers it writes: what of it shows. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { load, modelEmbedder } from "../model/index.ts";
import { open } from "./index.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-model-embedder-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("finds a text by itself, and is kept apart from other spaces", async () => {
  await using model = await load(writeModelFolder(join(scratch, "tiny")), { workers: 0, weightCache: false });
  const path = join(scratch, "library.mneme");
  const texts = ["zzzz zzzz zzzz", "The harbour opens at six.", "12 + 30 = 42"];
  const embedder = await modelEmbedder(model, { name: "tiny" });
  {
    await using memory = await open(path, { embedder, workers: 0 });
    await memory.add(texts.map((text, i) => ({ id: `${i}`, text })));
    expect(memory.info().space).toEqual(embedder.space);
    for (const [i, text] of texts.entries()) {
      const { hits } = await memory.search(text, { retriever: "meaning", k: 1 });
      expect(hits[0]).toMatchObject({ id: `${i}` });
    }
  }
  await using other = await load(join(scratch, "tiny"), {
    workers: 0,
    weightCache: false,
    precision: "int4",
  });
  const wrong = await modelEmbedder(other, { name: "tiny" });
  await expect(open(path, { embedder: wrong, workers: 0 })).rejects.toMatchObject({ code: "SPACE" });
});

test("stats have the bytes of the model that answers, as they are now", async () => {
  const folder = writeModelFolder(join(scratch, "writer"), { context: 4096 });
  await using model = await load(folder, { workers: 0, weightCache: false });
  await using memory = await open(":memory:", { model, workers: 0 });
  await using bare = await open(":memory:", { workers: 0 });
  const rows = () => memory.stats().filter(({ structure }) => structure.startsWith("language model"));
  const { weights, scratch: space } = model.bytes;
  expect(rows()).toEqual([
    { structure: "language model: weights", tier: "ram", bytes: weights },
    { structure: "language model: work space", tier: "ram", bytes: space },
  ]);
  expect(memory.info().usedBytes).toBe(bare.info().usedBytes);
  await memory.add([{ id: "uploads.md", text: "# Uploads\n\nThe maximum size of an upload is 40 MB." }]);
  for await (const _ of memory.ask("What is the maximum size of an upload?"));
  const cache = rows().find(({ structure }) => structure.endsWith("cache"));
  expect(cache).toMatchObject({ bytes: model.bytes.cache });
  expect(cache!.bytes).toBeGreaterThan(10_000);
  expect(bare.stats().some(({ structure }) => structure.startsWith("language model"))).toBe(false);
});
