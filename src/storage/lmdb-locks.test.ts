/**
 * LMDB's locks between processes. A process that opens the lock file of an open library once more loses them when it closes that
 * descriptor; the next process would take itself for the only one and clear the table of readers. Nothing here may do so.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BundledScript, bundleScript } from "./children/bundle.ts";
import { LineChild } from "./children/start.ts";
import { lmdbStore } from "./lmdb-store.ts";
import type { Store } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "mneme-locks-"));
let script: BundledScript;
let folder = "";
let count = 0;

beforeAll(async () => {
  script = await bundleScript("look.ts");
});
afterAll(() => {
  script.remove();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  folder = join(root, `case-${count++}`);
});

/** Bytes of the current lock file that this process has locked: 0 says that the file is in use, its process id that it reads. */
function lockedBytes(): number[] {
  const name = readdirSync(folder).find((one) => one.endsWith(".mdb-lock"))!;
  const inode = String(statSync(join(folder, name)).ino);
  return readFileSync("/proc/locks", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => Number(fields[4]) === process.pid && fields[5]?.split(":")[2] === inode)
    .flatMap((fields) => {
      const [first, last] = [Number(fields[6]), Number(fields[7])];
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    })
    .sort((a, b) => a - b);
}

const put = (store: Store, value: number): Promise<number> =>
  store.batch((batch) => batch.put("n", ["k"], new Uint8Array(300_000).fill(value)));

/** Another process reads while walks of this one are under way; then this one reads and writes on. */
async function expectUndisturbed(store: Store): Promise<void> {
  await put(store, 1);
  await store.batch((batch) => batch.put("n", ["l"], Uint8Array.of(1)));
  const walk = store.range("n")[Symbol.iterator]();
  expect(walk.next().value.value[0]).toBe(1);
  const child = new LineChild(process.execPath, [script.path, folder]);
  expect(await child.line()).toBe("1");
  for (let value = 2; value < 40; value++) {
    await put(store, value);
    expect(store.get("n", ["k"])![0]).toBe(value);
    expect(await child.ask("look")).toBe(String(value));
  }
  expect(walk.next().value.value[0]).toBe(1);
  expect(await child.ask("close")).toBe("closed");
}

describe("a process that has a library open", () => {
  it.each([false, true])(
    "keeps its locks while it commits and compacts (commit thread: %s)",
    async (commitThread) => {
      const store = await lmdbStore(folder, { commitThread });
      for (let i = 0; i < 2; i++) {
        for (let value = 0; value < 6; value++) await put(store, value);
        store.get("n", ["k"]);
        if (process.platform === "linux") expect(lockedBytes()).toEqual([0, process.pid]);
        await store.compact();
      }
      await expectUndisturbed(store);
      await store.close();
    },
  );

  it("keeps its locks when it opens the library again for reading, and when that is closed", async () => {
    const store = await lmdbStore(folder);
    await put(store, 0);
    const readers = [
      await lmdbStore(folder, { readOnly: true }),
      await lmdbStore(folder, { readOnly: true }),
    ];
    for (const reader of readers) expect(reader.get("n", ["k"])![0]).toBe(0);
    await readers[0]!.close();
    if (process.platform === "linux") expect(lockedBytes()).toEqual([0, process.pid]);
    await expectUndisturbed(store);
    await store.close();
    expect(readers[1]!.get("n", ["k"])![0]).toBe(39);
    if (process.platform === "linux") expect(lockedBytes()).toEqual([0, process.pid]);
    await readers[1]!.close();
  });
});
