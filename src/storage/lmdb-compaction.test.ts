/** The space that the disk store takes, and what compaction does to it and to what is under way. */
import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { checkLmdbFile } from "./lmdb-check.ts";
import { lmdbStore } from "./lmdb-store.ts";
import { PAGE_BYTES } from "./pages.ts";

const root = mkdtempSync(join(tmpdir(), "mneme-compaction-"));
let folder = "";
let count = 0;

afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  folder = join(root, `case-${count++}`);
});

const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);

describe("space", () => {
  it("fills exactly 4 pages with PAGE_BYTES, and 5 with one more", async () => {
    const pagesFor = async (bytes: number): Promise<number> => {
      const path = join(folder, `${bytes}`);
      const store = await lmdbStore(path);
      for (let i = 0; i < 2; i++)
        await store.batch((b) =>
          b.put(
            "n",
            [i],
            Uint8Array.from({ length: bytes }, (_, j) => j & 255),
          ),
        );
      await store.close();
      const file = join(path, readdirSync(path).find((name) => name.endsWith(".mdb"))!);
      const { pages, freePages } = checkLmdbFile(file);
      return Math.floor((pages - freePages) / 2);
    };
    expect((await pagesFor(PAGE_BYTES + 1)) - (await pagesFor(PAGE_BYTES))).toBe(1);
  });

  it("is given back by compaction, and reported before", async () => {
    const store = await lmdbStore(folder);
    for (let i = 0; i < 20; i++)
      await store.batch((b) => b.put("n", [i % 4], new Uint8Array(4 * PAGE_BYTES).fill(i)));
    await store.batch((b) => b.delete("n", [0]));
    expect(store.stats().freeBytes).toBeGreaterThan(60_000);
    const before = store.stats().bytes;
    const { bytesBefore, bytesAfter } = await store.compact();
    expect(bytesBefore).toBe(before);
    expect(bytesAfter).toBeLessThan(3 * 65_536 * 1.3);
    expect(store.stats()).toMatchObject({ bytes: bytesAfter, tier: "disk" });
    await Promise.all([
      store.compact(),
      store.batch((b) => b.put("n", ["during"], Buffer.from("x"))),
      store.compact(),
    ]);
    expect(text(store.get("n", ["during"]))).toBe("x");
    await store.close();
    expect(readdirSync(folder).length).toBe(2);
  });

  it.each([false, true])(
    "keeps commits after a switch that failed (commit thread: %s)",
    async (commitThread) => {
      const store = await lmdbStore(folder, { commitThread });
      await store.batch((b) => b.put("n", [1], Buffer.from("before")));
      const away = `${folder}-away`;
      const switching = (swap: () => Promise<void>): Promise<void> => {
        renameSync(folder, away);
        return swap();
      };
      await expect(store.compact({ switching })).rejects.toThrow();
      renameSync(away, folder);
      await store.batch((b) => b.put("n", [2], Buffer.from("after")));
      await store.close();
      const again = await lmdbStore(folder);
      expect([1, 2].map((key) => text(again.get("n", [key])))).toEqual(["before", "after"]);
      await again.close();
    },
  );

  it("says so to a range that was begun but not yet read", async () => {
    const store = await lmdbStore(folder);
    await store.batch((b) => b.put("n", [1], Buffer.from("x")));
    const entries = store.range("n")[Symbol.iterator]();
    await store.compact();
    expect(() => entries.next()).toThrow(expect.objectContaining({ code: "STATE" }));
    await store.close();
  });

  it("finishes work that was begun before close", async () => {
    const store = await lmdbStore(folder);
    const compacting = store.compact();
    const written = store.batch((b) => b.put("n", [1], Buffer.from("x")));
    await store.close();
    expect(await written).toBe(1);
    await compacting;
    const again = await lmdbStore(folder);
    expect(text(again.get("n", [1]))).toBe("x");
    await again.close();
  });
});
