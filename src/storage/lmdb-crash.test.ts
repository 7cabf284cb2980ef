/** kill -9 at random moments loses nothing that was acknowledged and leaves no half batch. MNEME_CRASHES sets the number (default 30). */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BundledScript, bundleScript } from "./children/bundle.ts";
import { stateAfter } from "./children/crash-plan.ts";
import { randomNumbers } from "./children/library.ts";
import { lmdbStore } from "./lmdb-store.ts";
import type { Store } from "./store.ts";

const crashes = Number(process.env.MNEME_CRASHES ?? 30);
const random = randomNumbers(42);
const work = mkdtempSync(join(tmpdir(), "mneme-crash-"));
let script: BundledScript;

beforeAll(async () => {
  script = await bundleScript("crash.ts");
});
afterAll(() => {
  script.remove();
  rmSync(work, { recursive: true, force: true });
});

/** Kills the child some milliseconds after its first answer. @returns the last batch that it acknowledged, and its complaints */
function runAndKill(
  folder: string,
  mode: string,
  afterMs: number,
): Promise<{ readonly acknowledged: number; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script.path, folder, mode], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.stdout.on("data", (chunk) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), afterMs);
      output += chunk;
    });
    child.on("close", () => {
      const lines = output.split("\n").slice(0, -1);
      resolve({ acknowledged: Number(lines.at(-1) ?? 0), stderr });
    });
  });
}

describe("a library whose writer is killed", () => {
  it.each(["alone", "thread"])(
    `holds every acknowledged batch whole, ${crashes} times (%s)`,
    async (mode) => {
      const folder = join(work, mode);
      for (let i = 0; i < crashes; i++) {
        const { acknowledged, stderr } = await runAndKill(folder, mode, random() * 120);
        expect(stderr).toBe("");
        const store = await lmdbStore(folder);
        const generation = store.generation();
        // The batch in flight may have become durable without its answer being read.
        expect([acknowledged, acknowledged + 1]).toContain(generation);
        expectState(store, generation);
        await store.close();
        expect(readdirSync(folder).length).toBeLessThanOrEqual(2);
      }
    },
    60_000 + crashes * 3000,
  );

  it("is read whole by readers that open beside it while it writes and compacts", {
    timeout: 60_000,
  }, async () => {
    const child = spawn(process.execPath, [script.path, join(work, "busy"), "thread"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.stdout.resume();
    try {
      for (let i = 0; i < 25; i++) {
        const reader = await lmdbStore(join(work, "busy"), { readOnly: true });
        for (let look = 0; look < 4; look++) {
          expectState(reader, reader.generation());
          await new Promise((resolve) => setTimeout(resolve, random() * 10));
        }
        await reader.close();
      }
      expect([child.exitCode, child.signalCode]).toEqual([null, null]); // still writing
    } finally {
      child.kill("SIGKILL");
    }
  });
});

/** Synchronous, hence on one commit. */
function expectState(store: Store, generation: number): void {
  const wanted = stateAfter(generation);
  const found = new Map([...store.range("crash")].map((entry) => [entry.key[0] as number, entry.value]));
  expect([...found.keys()]).toEqual([...wanted.keys()].sort((a, b) => a - b));
  for (const [key, value] of wanted) expect(Buffer.compare(found.get(key)!, value)).toBe(0);
}
