/** open: what is found again after closing, who may open what, snapshots. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { animals, ids, temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import { builtFile } from "../built-file.ts";
import { open } from "./index.ts";

const { root, path } = temporaryFolder();

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

test.each([-1, 1.5, Number.NaN, 10_000])("%d worker threads are refused", async (workers) => {
  await expect(open(":memory:", { workers })).rejects.toMatchObject({ code: "RANGE" });
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

test("threads start whatever flags the process has", () => {
  const script = `
    const { open } = await import(${JSON.stringify(builtFile("index.js", import.meta.url).href)});
    const memory = await open(process.argv[1]);
    const text = "harbour lantern otter. ".repeat(200);
    await memory.add(Array.from({ length: 400 }, (_, i) => ({ id: String(i), text: text + i })));
    console.log(memory.info().items, (await memory.search("otter")).hits.length);
    await memory.close();`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script, path()], {
    encoding: "utf8",
    timeout: 30_000,
  });
  expect([status, stdout.trim()]).toEqual([0, "400 10"]);
}, 40_000);
