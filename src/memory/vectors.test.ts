/** Vectors: who makes them, whose own are kept, and how a library moves to another space. */
import { expect, test } from "vitest";
import { animals, ids, temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import { open } from "./index.ts";

const { path } = temporaryFolder();

test("reembed moves to another space, resumes, and the old space serves meanwhile", async () => {
  const where = path();
  const target = toyEmbedder();
  {
    await using memory = await open(where, { workers: 0 });
    await memory.add(animals);
    const stop = new AbortController();
    const done = memory.reembed(target, { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(done).rejects.toMatchObject({ code: "CANCELLED" });
    expect(memory.info().space.model).toBe("mneme-embed");
    expect(ids(await memory.search("cat sleeps"))[0]).toBe("cats");
  }
  {
    await using memory = await open(where, { workers: 0 });
    expect(memory.info().nextSpace).toMatchObject({ model: "toy" });
    await memory.reembed(target);
    expect(memory.info().space).toMatchObject({ model: "toy", dim: 3 });
    expect(ids(await memory.search("ship", { retriever: "meaning" }))[0]).toBe("ships");
  }
  await expect(open(where)).rejects.toMatchObject({ code: "SPACE" });
  await using memory = await open(where, { embedder: target, workers: 0 });
  await memory.add({ id: "more", text: "another ship" });
  expect(ids(await memory.search("ship", { retriever: "meaning", k: 2 })).sort()).toEqual(["more", "ships"]);
});

test("a text that begins with a byte order mark keeps its places over a restart", async () => {
  const where = path();
  for (const look of ["fresh", "reopened"]) {
    await using memory = await open(where, { workers: 0 });
    if (look === "fresh") await memory.add({ id: "marked", text: "\ufeffzebra stripes" });
    expect(ids(await memory.search("zebra", { retriever: "words" })), look).toEqual(["marked"]);
    expect(ids(await memory.search('"zebra stripes"')), look).toEqual(["marked"]);
  }
});
