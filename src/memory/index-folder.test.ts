/** index: a folder comes into the library, and stays in step with it. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ids, temporaryFolder } from "../../test/support/memory.ts";
import { type Memory, open } from "./index.ts";

const { root, path } = temporaryFolder();

describe("index", () => {
  function folder(): string {
    const where = path("folder");
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

  test("a file of a folder that was indexed is the same item when it comes alone", async () => {
    const where = folder();
    await using memory = await open(":memory:", { workers: 0 });
    await memory.index(where);
    writeFileSync(join(where, "sub", "page.html"), "<h1>Tides</h1><p>Tides follow the moon.</p>");
    expect(await run(memory, join(where, "sub", "page.html"))).toMatchObject({ updated: 1, files: 1 });
    expect(await run(memory, where)).toMatchObject({ added: 0, updated: 0, unchanged: 3, removed: 0 });
    const [hit] = (await memory.search("tides moon")).hits;
    expect(hit).toMatchObject({
      id: `${basename(where)}/sub/page.html`,
      meta: { path: "sub/page.html", folder: "sub" },
    });
    // of a folder that was not indexed it goes by its name
    const other = `${path("alone")}.md`;
    writeFileSync(other, "# Alone\n\nA lighthouse stands alone.");
    expect(await run(memory, other)).toMatchObject({ added: 1 });
    expect((await memory.search("lighthouse")).hits[0]).toMatchObject({ id: basename(other) });
  });

  test("without an extension a file is read if it is text; kinds that no reader knows are counted", async () => {
    const where = folder();
    writeFileSync(join(where, "Makefile"), "all:\n\tbake the sourdough\n");
    writeFileSync(join(where, "sub", "copyright"), "Licensed to bakers everywhere.");
    symlinkSync("Makefile", join(where, "alias"));
    writeFileSync(join(where, "program"), Uint8Array.of(127, 69, 76, 70, 0, 0, 1, 2));
    writeFileSync(join(where, "marker"), "");
    for (const name of ["a.png", "b.png", "c.mobi"]) writeFileSync(join(where, name), "x");
    await using memory = await open(":memory:", { workers: 0 });
    const { added, skipped, unknown } = await memory.index(where);
    expect(added).toBe(5);
    expect(skipped).toMatchObject([{ id: `${basename(where)}/alias`, code: "EXCLUDED" }]);
    expect(unknown).toEqual({ png: 2, mobi: 1, "": 2 });
    expect((await memory.search("sourdough")).hits[0]).toMatchObject({ id: `${basename(where)}/Makefile` });
    const asked = await memory.index(where, { include: ["**/*.png"] });
    expect(asked).toMatchObject({ unknown: {}, removed: 5 });
    expect(asked.skipped.map(({ code }) => code)).toEqual(["UNSUPPORTED", "UNSUPPORTED"]);
  });

  test.each([[["a"]], [null], [{ a: { b: 1 } }], [{ $a: 1 }], [{ a: Number.NaN }]])(
    "metadata %j is refused before a file is read",
    async (meta) => {
      await using memory = await open(":memory:", { workers: 0 });
      await expect(memory.index(folder(), { meta: meta as never })).rejects.toMatchObject({
        code: "ARGUMENT",
        message: expect.stringContaining("index: meta"),
      });
    },
  );

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
      place: { line: 4 }, // of the file: the front matter counts
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
      "image.txt": "BINARY",
      "broken.json": "FORMAT",
      "broken.pdf": "FORMAT",
      "empty.md": "EMPTY",
      "huge.txt": "TOO_LARGE",
    });
    expect(added).toBe(4);
    const [log, ...others] = memory.info().skipped!;
    expect(others).toEqual([]);
    expect(log).toMatchObject({
      count: skipped.length,
      codes: { FORMAT: 2, BINARY: 1, EMPTY: 1 },
      named: skipped,
    });
    for (const name of ["broken.json", "broken.pdf", "image.txt"]) rmSync(join(where, name));
    await memory.index(where, { maxFileBytes: 4000 });
    expect(memory.info().skipped![0]!.codes).toEqual({ EXCLUDED: 1, UNREADABLE: 1, EMPTY: 1, TOO_LARGE: 1 });
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

test("two folders of one name, indexed at once, stay apart", async () => {
  const [one, other] = [path("one"), path("other")].map((where) => join(where, "docs")) as [string, string];
  for (const where of [one, other]) {
    mkdirSync(where, { recursive: true });
    writeFileSync(join(where, "guide.md"), `# Guide\n\nOf ${where}.\n`);
    writeFileSync(join(where, "sum.constructor"), "of no kind that is known");
  }
  await using memory = await open(path(), { workers: 1 });
  // so many that commits are made by another thread
  for (let i = 0; i < 8; i++) await memory.add({ id: `${i}`, text: `item ${i}` });
  const results = await Promise.all([memory.index(one), memory.index(other)]);
  expect(results).toMatchObject([
    { added: 1, unknown: { constructor: 1 } },
    { added: 1, unknown: { constructor: 1 } },
  ]);
  expect(memory.info()).toMatchObject({ items: 10 });
  expect(await memory.index(one)).toMatchObject({ unchanged: 1, removed: 0 });
  expect(await memory.index(other)).toMatchObject({ unchanged: 1, removed: 0 });
});
