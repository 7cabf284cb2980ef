/** Full disks and read-only ones: a small file system in RAM where mounting is allowed, a file size limit everywhere else. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf } from "../../test/support/code-of.ts";
import { type BundledScript, bundleScript } from "./children/bundle.ts";
import { LineChild } from "./children/start.ts";
import { checkLmdbFile } from "./lmdb-check.ts";
import { lmdbStore } from "./lmdb-store.ts";
import { memoryStore } from "./memory-store.ts";
import { restore } from "./snapshot-restore.ts";
import { writeSnapshot } from "./snapshot-write.ts";
import type { Store } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "mneme-full-"));
const disk = join(root, "disk");
mkdirSync(disk);
const mount = (...options: string[]): boolean => spawnSync("mount", options).status === 0;
const mounted = process.getuid?.() === 0 && mount("-t", "tmpfs", "-o", "size=6m", "tmpfs", disk);

afterAll(() => {
  // Lazily: lmdb-js keeps a file without a lock file mapped until the process ends.
  if (mounted) spawnSync("umount", ["-l", disk]);
  rmSync(root, { recursive: true, force: true });
});

const big = (seed: number): Uint8Array => new Uint8Array(700_000).fill(seed);

/** Writes until the disk is full. @returns how many batches it took */
async function fillUp(store: Store): Promise<number> {
  for (let i = 0; i < 100; i++) {
    const code = await codeOf(() =>
      store.batch((b) => {
        b.put("n", ["small", i], Uint8Array.of(i));
        b.put("n", ["big", i], big(i));
      }),
    );
    if (code === "no error") continue;
    expect(code).toBe("DISK_FULL");
    return i;
  }
  throw new Error("the disk never filled up");
}

function expectWhole(store: Store, batches: number): void {
  expect(store.generation()).toBe(batches);
  expect([...store.range("n", { prefix: ["small"] })].map((e) => e.value[0])).toEqual(
    Array.from({ length: batches }, (_, i) => i),
  );
  for (let i = 0; i < batches; i++) expect(Buffer.compare(store.get("n", ["big", i])!, big(i))).toBe(0);
  expect(store.get("n", ["big", batches])).toBeUndefined();
}

const takesNothing = "takes nothing of the batch, keeps the rest, and goes on when space returns";

describe.skipIf(!mounted)("a full disk", () => {
  it.each([
    [takesNothing, false],
    [`${takesNothing}, with a commit thread`, true],
  ])("%s", async (_, commitThread) => {
    const folder = join(disk, "library");
    const filler = join(disk, "filler");
    rmSync(folder, { recursive: true, force: true });
    writeFileSync(filler, Buffer.alloc(1_500_000));
    const store = await lmdbStore(folder, { commitThread });
    const batches = await fillUp(store);
    expect(batches).toBeGreaterThan(2);
    expectWhole(store, batches);
    expect(await codeOf(() => store.batch((b) => b.put("n", ["big", -1], big(9))))).toBe("DISK_FULL");
    expect(await codeOf(() => store.compact())).toBe("DISK_FULL");
    expectWhole(store, batches);
    const source = memoryStore();
    await source.batch((b) => b.put("n", [1], new Uint8Array(3_000_000).fill(7)));
    expect(await codeOf(() => writeSnapshot(source, join(disk, "snapshot")))).toBe("DISK_FULL");
    expect(await codeOf(() => restore(source, join(disk, "restored")))).toBe("DISK_FULL");
    rmSync(join(disk, "restored"), { recursive: true, force: true });
    expect(readdirSync(disk).sort()).toEqual(["filler", "library"]);
    rmSync(filler);
    await store.batch((b) => b.put("n", ["big", batches + 5], big(5)));
    expect(store.generation()).toBe(batches + 1);
    await store.close();
    const again = await lmdbStore(folder);
    expect(Buffer.compare(again.get("n", ["big", batches + 5])!, big(5))).toBe(0);
    expect(Buffer.compare(again.get("n", ["big", 0])!, big(0))).toBe(0);
    await again.close();
  });

  it("gives room for itself by deleting", async () => {
    rmSync(join(disk, "library"), { recursive: true });
    const store = await lmdbStore(join(disk, "library"));
    const batches = await fillUp(store);
    await store.batch((b) => b.delete("n", ["big", 0]));
    await store.batch((b) => b.delete("n", ["big", 1]));
    await store.batch((b) => b.put("n", ["again"], big(1)));
    expect(store.generation()).toBe(batches + 3);
    await store.close();
  });

  it("that cannot be written says READ_ONLY to writers and lets readers read", async () => {
    expect(mount("-o", "remount,ro", disk)).toBe(true);
    try {
      expect(await codeOf(() => lmdbStore(join(disk, "library")))).toBe("READ_ONLY");
      expect(await codeOf(() => lmdbStore(join(disk, "new")))).toBe("READ_ONLY");
      expect(await codeOf(() => writeSnapshot(memoryStore(), join(disk, "new")))).toBe("READ_ONLY");
      const reader = await lmdbStore(join(disk, "library"), { readOnly: true });
      expect(Buffer.compare(reader.get("n", ["again"])!, big(1))).toBe(0);
      await reader.close();
    } finally {
      mount("-o", "remount,rw", disk);
    }
  });
});

describe("a file size limit", () => {
  let script: BundledScript;
  beforeAll(async () => {
    script = await bundleScript("hold.ts");
  });
  afterAll(() => script.remove());

  it("is DISK_FULL too, and the library stays sound", async () => {
    const folder = join(root, "limited");
    const command = `ulimit -f 1000; exec "${process.execPath}" "${script.path}" "${folder}"`;
    const child = new LineChild("bash", ["-c", command]);
    expect(await child.line()).toBe("open");
    expect(await child.ask("fill 200000")).toBe("1");
    expect(await child.ask("fill 5000000")).toBe("DISK_FULL");
    expect(await child.ask("put small")).toBe("2");
    expect(await child.ask("close")).toBe("closed");
    const store = await lmdbStore(folder);
    expect(store.get("n", ["big"])!.length).toBe(200_000);
    await store.close();
    checkLmdbFile(join(folder, "data-000001.mdb"));
  });
});
