import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  fileSource,
  lmdbStore,
  memorySource,
  memoryStore,
  openPath,
  openSnapshot,
  writeSnapshot,
} from "./index.ts";

/** Files that load together with `file`: static imports that are not of types only. */
function loadedWith(file: string, seen: Map<string, string[]> = new Map()): Map<string, string[]> {
  if (seen.has(file)) return seen;
  const source = readFileSync(file, "utf8");
  const statements = source.match(/^(import|export)\s[^;]*?from\s+"[^"]+";|^import\s+"[^"]+";/gms) ?? [];
  const names = statements
    .filter((text) => !/^(import|export) type /.test(text))
    .map((text) => /"([^"]+)";$/.exec(text)![1]!);
  seen.set(
    file,
    names.filter((name) => !name.startsWith(".")),
  );
  for (const name of names) if (name.startsWith(".")) loadedWith(resolve(dirname(file), name), seen);
  return seen;
}

describe("the room's door", () => {
  it("loads in a browser: nothing of Node and no package comes with it", () => {
    const loaded = loadedWith(resolve(import.meta.dirname, "index.ts"));
    expect(loaded.size).toBeGreaterThan(10);
    expect([...loaded.values()].flat()).toEqual([]);
  });

  it("opens what it says", async () => {
    const { mkdtempSync, rmSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    const folder = mkdtempSync(`${tmpdir()}/mneme-door-`);
    const store = await lmdbStore(`${folder}/library`);
    await store.batch((b) => b.put("n", [1], Uint8Array.of(1)));
    await writeSnapshot(store, `${folder}/snapshot`);
    await store.close();
    for (const path of ["library", "snapshot"]) {
      const opened = await openPath(`${folder}/${path}`, { mode: "read" });
      expect(await opened.getMany("n", [[1]])).toEqual([Uint8Array.of(1)]);
      await opened.close();
    }
    const snapshot = await openSnapshot(await fileSource(`${folder}/snapshot`));
    await writeSnapshot(snapshot, `${folder}/again`);
    expect(snapshot.stats().bytes).toBe((await fileSource(`${folder}/again`)).size);
    await snapshot.close();
    await expect(openSnapshot(memorySource(new Uint8Array(3)))).rejects.toMatchObject({ code: "FORMAT" });
    expect(memoryStore().location).toBe("memory");
    rmSync(folder, { recursive: true });
  });
});
