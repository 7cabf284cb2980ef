import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Embedder } from "../embed/embedder.ts";
import { matrix } from "../linalg/matrix.ts";
import { type Hit, type Item, type Memory, open } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "mneme-memory-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let counter = 0;
function path(): string {
  return join(root, `library-${counter++}.mneme`);
}

/** Three-dimensional meanings by keyword: a second space that costs nothing. */
function toyEmbedder(model = "toy"): Embedder {
  const axes = ["cat", "ship", "tax"];
  return {
    space: { model, revision: "1", pooling: "external", dim: 3, normalized: true },
    bytes: 0,
    async embed(texts) {
      const out = matrix(texts.length, 3);
      texts.forEach((text, i) => {
        const row = axes.map((axis) => (text.toLowerCase().includes(axis) ? 1 : 0.1));
        const norm = Math.hypot(...row);
        out.data.set(
          row.map((value) => value / norm),
          i * 3,
        );
      });
      return out;
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

const ids = (hits: Iterable<Hit>): string[] => [...hits].map((hit) => hit.id);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const animals: Item[] = [
  {
    id: "cats",
    text: "# Cats\n\nThe cat sleeps most of the day and hunts at night.",
    meta: { kind: "pet", legs: 4 },
  },
  {
    id: "ships",
    text: "A ship carries cargo over the sea. Its hull is made of steel.",
    meta: { kind: "vehicle", legs: 0 },
  },
  {
    id: "tax",
    text: "Income tax is due in April. The tax office sends a reminder in March.",
    meta: { kind: "law" },
  },
];

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

  test("replacing raises the version and hides the old text at once", async () => {
    await using memory = await open(where(), { workers: 0 });
    await memory.add({ id: "a", text: "the old zebra text" });
    const first = await memory.get("a");
    expect(await memory.add({ id: "a", text: "the new giraffe text" })).toMatchObject({ updated: 1 });
    expect(await memory.get("a")).toMatchObject({
      version: 2,
      text: "the new giraffe text",
      createdAt: first!.createdAt,
    });
    expect((await memory.search("zebra", { retriever: "words" })).hits).toEqual([]);
    expect(memory.info()).toMatchObject({ items: 1, passages: 1 });
  });

  test("filters, facets, minScore and cursors", async () => {
    await using memory = await open(where(), { workers: 0 });
    await memory.add(
      Array.from({ length: 40 }, (_, i) => ({
        id: `n${String(i).padStart(2, "0")}`,
        text: `common word number ${i} ${"pad ".repeat(i % 5)}`,
        meta: { even: i % 2 === 0, i },
      })),
    );
    expect(
      ids(await memory.search("common", { filter: { even: true, i: { lt: 10 } }, k: 50 })).sort(),
    ).toEqual(["n00", "n02", "n04", "n06", "n08"]);
    expect(await memory.facets("even")).toEqual([
      { value: "false", count: 20 },
      { value: "true", count: 20 },
    ]);
    for (const retriever of ["words", "meaning", "hybrid"] as const) {
      const whole = await memory.search("common number", { k: 40, retriever });
      const paged: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await memory.search("common number", { k: 7, retriever, ...(cursor ? { cursor } : {}) });
        paged.push(...ids(page));
        cursor = page.next;
        if (!cursor) break;
      }
      expect(paged).toEqual(ids(whole));
      const limit = whole.hits[9]!.score;
      expect(
        (await memory.search("common number", { k: 40, retriever, minScore: limit })).hits.every(
          ({ score }) => score >= limit,
        ),
      ).toBe(true);
    }
  });

  test("operators bind: must, not and phrases", async () => {
    await using memory = await open(where(), { workers: 0 });
    await memory.add([
      { id: "a", text: "red apple pie with cream" },
      { id: "b", text: "an apple that is red" },
      { id: "c", text: "green apple tart" },
    ]);
    expect(ids(await memory.search('"red apple"'))).toEqual(["a"]);
    expect(ids(await memory.search("apple -red"))).toEqual(["c"]);
    expect(ids(await memory.search("apple +cream"))).toEqual(["a"]);
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
    expect(
      await memory.add([
        { id: "blank", text: " \n" },
        { id: "full", text: "words" },
      ]),
    ).toMatchObject({ added: 1, skipped: [{ id: "blank", code: "EMPTY" }] });
    await memory.forget({ ids: ["full"] });
    await expect(memory.search("x", { k: 0 })).rejects.toMatchObject({ code: "RANGE" });
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

describe("a library on disk", () => {
  test("keeps everything over a restart, with log, segments and undo", async () => {
    const where = path();
    {
      await using memory = await open(where, { workers: 0 });
      await memory.add(
        Array.from({ length: 1500 }, (_, i) => ({
          id: `bulk${i}`,
          text: `Bulk item ${i} about topic ${i % 13}. ${"filler words here ".repeat(60)}`,
        })),
      );
      await memory.add(animals);
      await memory.forget({ ids: ["ships"] });
    }
    await using memory = await open(where, { workers: 0 });
    expect(memory.info()).toMatchObject({ items: 1502 });
    expect(memory.info().segments).toBeGreaterThan(0);
    expect(ids(await memory.search("income tax April"))[0]).toBe("tax");
    expect(await memory.get("bulk77")).toMatchObject({ version: 1 });
    expect(await memory.get("ships")).toBeUndefined();
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

  test("forgetting half and compacting gives the space back", async () => {
    const where = path();
    await using memory = await open(where, { workers: 0 });
    const items = Array.from({ length: 2000 }, (_, i) => ({
      id: `i${i}`,
      text: `Item ${i} ${Array.from({ length: 80 }, (_, j) => `w${(i * 31 + j * 17) % 5000}`).join(" ")}`,
      meta: { half: i % 2 },
    }));
    await memory.add(items);
    await memory.compact();
    const full = memory.info().diskBytes;
    const { bytesFreed } = await memory.forget({ where: { half: 1 } });
    expect(bytesFreed).toBeGreaterThan(0);
    const { bytesAfter } = await memory.compact();
    expect(bytesAfter).toBeLessThan(full * 0.65);
    expect(memory.info()).toMatchObject({ items: 1000, passages: 1000 });
    await using fresh = await open(path(), { workers: 0 });
    await fresh.add(items.filter(({ meta }) => meta.half === 0));
    await fresh.compact();
    expect(bytesAfter).toBeLessThan(fresh.info().diskBytes * 1.3);
  });

  test("expired items are not found and go with the next opening", async () => {
    const where = path();
    {
      await using memory = await open(where, { workers: 0 });
      await memory.add([
        { id: "old", text: "milk expires soon", expiresAt: Date.now() + 150 },
        { id: "new", text: "milk is fresh" },
      ]);
      expect(ids(await memory.search("milk")).sort()).toEqual(["new", "old"]);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(ids(await memory.search("milk"))).toEqual(["new"]);
      expect(await memory.get("old")).toBeUndefined();
    }
    await using memory = await open(where, { workers: 0 });
    expect(memory.info().items).toBe(1);
  });

  test("one writer, readers that follow, spaces that do not mix", async () => {
    const where = path();
    await using writer = await open(where, { workers: 0 });
    await writer.add(animals[0]!);
    await expect(open(where)).rejects.toMatchObject({ code: "LOCKED" });
    await using reader = await open(where, { mode: "read" });
    expect(ids(await reader.search("cat"))).toEqual(["cats"]);
    await writer.add(animals[2]!);
    await writer.forget({ ids: ["cats"] });
    expect(ids(await reader.search("tax cat"))).toEqual(["tax"]);
    await expect(reader.add(animals)).rejects.toMatchObject({ code: "READ_ONLY" });
    await expect(open(where, { mode: "read", embedder: toyEmbedder() })).rejects.toThrow(/mneme-embed.*toy/);
    await expect(open(join(root, "absent.mneme"), { mode: "read" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    const foreign = join(root, "foreign.txt");
    writeFileSync(foreign, "not a library");
    await expect(open(foreign)).rejects.toMatchObject({ code: "FORMAT" });
    await expect(open(path(), { budget: "lots" })).rejects.toMatchObject({ code: "ARGUMENT" });
    await expect(open(path(), { budget: "1MB" })).rejects.toMatchObject({ code: "BUDGET" });
  });

  test("a snapshot opens from disk and from memory and restores", async () => {
    const file = join(root, "backup.snapshot");
    await using memory = await open(path(), { workers: 0 });
    await memory.add(animals);
    await memory.snapshot(file);
    for (const location of [file, new Uint8Array(readFileSync(file))]) {
      await using copy = await open(location, { mode: "read" });
      expect(ids(await copy.search("income tax"))[0]).toBe("tax");
      expect(await copy.get("ships")).toMatchObject({ text: animals[1]!.text });
    }
  });

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
    expect(ids(await memory.search("ship", { retriever: "meaning", k: 2 })).sort()).toEqual([
      "more",
      "ships",
    ]);
  });
});

describe("index", () => {
  function folder(): string {
    const where = join(root, `folder-${counter++}`);
    mkdirSync(join(where, "sub"), { recursive: true });
    writeFileSync(
      join(where, "guide.md"),
      "---\nauthor: Ada\n---\n# Guide\n\nHow to bake bread.\n\n## Oven\n\nHeat the oven to 230 degrees.\n",
    );
    writeFileSync(
      join(where, "sub", "page.html"),
      "<title>Sea</title><h1>Waves</h1><p>Waves are made by wind.</p><script>var x</script>",
    );
    writeFileSync(join(where, "data.json"), JSON.stringify({ title: "Facts", river: "The Nile is long" }));
    return where;
  }

  async function run(memory: Memory, where: string): Promise<Record<string, number>> {
    const { added, updated, unchanged, removed, skipped, files } = await memory.index(where);
    return { added, updated, unchanged, removed, skipped: skipped.length, files };
  }

  test("only what changed; what is gone disappears; provenance is kept", async () => {
    const where = folder();
    await using memory = await open(":memory:", { workers: 0 });
    expect(await run(memory, where)).toEqual({
      added: 3,
      updated: 0,
      unchanged: 0,
      removed: 0,
      skipped: 0,
      files: 3,
    });
    expect(await run(memory, where)).toEqual({
      added: 0,
      updated: 0,
      unchanged: 3,
      removed: 0,
      skipped: 0,
      files: 3,
    });
    const [hit] = (await memory.search("oven degrees")).hits;
    expect(hit).toMatchObject({
      title: "Guide",
      meta: { author: "Ada", path: "guide.md", extension: "md" },
      provenance: { origin: "file" },
    });
    writeFileSync(join(where, "guide.md"), "# Guide\n\nHow to cook rice instead.\n");
    rmSync(join(where, "data.json"));
    expect(await run(memory, where)).toEqual({
      added: 0,
      updated: 1,
      unchanged: 1,
      removed: 1,
      skipped: 0,
      files: 2,
    });
    expect((await memory.search("oven", { retriever: "words" })).hits).toEqual([]);
    expect(ids(await memory.search("waves wind"))[0]).toMatch(/sub\/page.html$/);
  });

  test("loops, unreadable, binary, broken and empty files are skipped with a reason", async () => {
    const where = folder();
    symlinkSync(where, join(where, "sub", "loop"));
    symlinkSync(join(where, "nowhere.md"), join(where, "dangling.md"));
    writeFileSync(join(where, "image.txt"), new Uint8Array([0, 1, 2, 0, 255]));
    writeFileSync(join(where, "broken.json"), "{ nope");
    writeFileSync(join(where, "broken.pdf"), "%PDF-1.4 nothing");
    writeFileSync(join(where, "latin.txt"), new Uint8Array([0x63, 0x61, 0x66, 0xe9]));
    writeFileSync(join(where, "empty.md"), "");
    writeFileSync(join(where, "huge.txt"), "x".repeat(5000));
    await using memory = await open(":memory:", { workers: 0 });
    const { skipped, added } = await memory.index(where, { maxFileBytes: 4000 });
    const codes = Object.fromEntries(skipped.map(({ id, code }) => [id.split("/").slice(1).join("/"), code]));
    expect(codes).toMatchObject({
      "sub/loop": "EXCLUDED",
      "dangling.md": "UNREADABLE",
      "image.txt": "UNREADABLE",
      "broken.json": "FORMAT",
      "broken.pdf": "FORMAT",
      "empty.md": "EMPTY",
      "huge.txt": "TOO_LARGE",
    });
    expect(added).toBe(4);
    expect(ids(await memory.search("café"))[0]).toMatch(/latin.txt$/);
    const empty = join(root, "empty");
    mkdirSync(empty);
    expect(await memory.index(empty)).toMatchObject({ files: 0, added: 0 });
    await expect(memory.index(join(root, "absent"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("worker threads do the same as one thread, and a cancelled run goes on later", async () => {
    const where = folder();
    for (let i = 0; i < 200; i++)
      writeFileSync(
        join(where, `f${i}.md`),
        `# File ${i}\n\n${`sentence number ${i} about subject${i}. `.repeat(20)}`,
      );
    await using one = await open(":memory:", { workers: 0 });
    await using two = await open(":memory:", { workers: 2 });
    const [a, b] = [await one.index(where), await two.index(where)];
    expect({ ...b, ms: 0 }).toEqual({ ...a, ms: 0 });
    for (const query of ["subject77", "waves", "oven"])
      expect(ids(await two.search(query))[0]).toEqual(ids(await one.search(query))[0]);
    await using stopped = await open(":memory:", { workers: 0 });
    const stop = new AbortController();
    await expect(
      stopped.index(where, { signal: stop.signal, onProgress: () => stop.abort() }),
    ).rejects.toMatchObject({ code: "CANCELLED" });
    await stopped.index(where);
    expect(stopped.info().items).toBe(a.added);
  });
});

test("nothing is left behind by a closed library", async () => {
  const where = path();
  const memory = await open(where);
  await memory.add(animals);
  await memory.close();
  await memory.close();
  expect(existsSync(where)).toBe(true);
  await using again = await open(where);
  expect(again.info().items).toBe(3);
});
