/** Disks that are full or cannot be written: what was there is still found, nothing is half there, and work goes on when there is room. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Item, type Memory, open } from "../../src/index.ts";
import { Random } from "../../src/linalg/random.ts";
import { collect, ids, temporaryFolder } from "../support/memory.ts";

const { path } = temporaryFolder();
const isRoot = process.getuid?.() === 0;
const mount = (...options: string[]): boolean => spawnSync("mount", options).status === 0;
const disk = path("disk");
mkdirSync(disk);
const mounted = isRoot && mount("-t", "tmpfs", "-o", "size=10m", "tmpfs", disk);
// lazily: lmdb-js keeps a file without a lock file mapped until the process ends
afterAll(() => void (mounted && spawnSync("umount", ["-l", disk])));

const random = new Random(24);
const words = Array.from({ length: 5_000 }, () => random.u32().toString(36));

/** About so many bytes of words in no order. */
function item(id: string, bytes: number): Item {
  const some = Array.from({ length: bytes / 7 }, () => words[random.integer(words.length)]);
  return { id, text: `first${id} ${some.join(" ")}` };
}

async function expectWhole(memory: Memory, expected: readonly Item[]): Promise<void> {
  expect((await collect(memory.list())).map(({ id }) => id)).toEqual(expected.map(({ id }) => id).sort());
  expect(memory.info().items).toBe(expected.length);
  for (const { id, text } of expected) {
    expect((await memory.get(id))?.text).toBe(text);
    expect(ids(await memory.search(`first${id}`, { retriever: "words" }))[0]).toBe(id);
  }
}

/** Adds until the disk is full. @returns what was acknowledged */
async function fill(memory: Memory, make: (n: number) => Item[]): Promise<Item[]> {
  const added: Item[] = [];
  for (let n = 0; n < 100; n++) {
    const items = make(n);
    try {
      await memory.add(items);
    } catch (error) {
      expect(error).toMatchObject({ code: "DISK_FULL", message: expect.stringContaining(disk) });
      return added;
    }
    added.push(...items);
  }
  throw new Error("the disk never filled up");
}

describe.skipIf(!mounted)("a full disk", () => {
  test.each<[string, (n: number) => Item[]]>([
    ["small calls", (n) => [item(`small${n}`, 200_000)]],
    ["large calls", (n) => [0, 1, 2].map((i) => item(`large${n}x${i}`, 400_000))],
  ])("filled by %s", { timeout: 120_000 }, async (_, make) => {
    const [where, filler] = [join(disk, "library"), join(disk, "filler")];
    writeFileSync(filler, Buffer.alloc(4_000_000));
    const warnings: string[] = [];
    const options = { workers: 0, onWarning: (message: string) => void warnings.push(message) };
    const expected = [item("earlier", 1_000)];
    {
      await using memory = await open(where, options);
      await memory.add(expected);
      expected.push(...(await fill(memory, make)));
      expect(expected.length).toBeGreaterThan(3);
      await memory.idle().catch((error: unknown) => expect(error).toMatchObject({ code: "DISK_FULL" }));
      await expectWhole(memory, expected);
    }
    {
      await using reader = await open(where, { mode: "read" });
      await expectWhole(reader, expected);
    }
    rmSync(filler);
    {
      await using memory = await open(where, options);
      await expectWhole(memory, expected);
      const more = make(1_000);
      await memory.add(more);
      await memory.idle();
      await expectWhole(memory, [...expected, ...more]);
    }
    for (const message of warnings) expect(message).toContain("background work failed");
    rmSync(where, { recursive: true });
  });

  test("that cannot be written refuses writers and lets readers read", async () => {
    const where = join(disk, "library");
    const expected = [item("earlier", 1_000)];
    {
      await using memory = await open(where, { workers: 0 });
      await memory.add(expected);
    }
    expect(mount("-o", "remount,ro", disk)).toBe(true);
    try {
      await expect(open(where)).rejects.toMatchObject({ code: "READ_ONLY" });
      await expect(open(join(disk, "new"))).rejects.toMatchObject({ code: "READ_ONLY" });
      await using reader = await open(where, { mode: "read" });
      await expectWhole(reader, expected);
      await expect(reader.snapshot(join(disk, "snapshot"))).rejects.toMatchObject({ code: "READ_ONLY" });
      await reader.snapshot(path("snapshot"));
    } finally {
      mount("-o", "remount,rw", disk);
    }
    await using memory = await open(where, { workers: 0 });
    await expectWhole(memory, expected);
  });
});

test.skipIf(isRoot)("a folder without write permission refuses writers and lets readers read", async () => {
  const where = path();
  const expected = [item("earlier", 1_000)];
  {
    await using memory = await open(where, { workers: 0 });
    await memory.add(expected);
  }
  chmodSync(where, 0o555);
  try {
    await expect(open(where)).rejects.toMatchObject({ code: "READ_ONLY" });
    await using reader = await open(where, { mode: "read" });
    await expectWhole(reader, expected);
  } finally {
    chmodSync(where, 0o755);
  }
});
