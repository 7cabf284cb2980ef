/** kill -9 while rows go to their lists and lists are split loses nothing that was acknowledged, and leaves no half change. MNEME_CRASHES sets the number (default 8). */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random, rowOf } from "../../../linalg/index.ts";
import { type BundledScript, bundleScript } from "../../../storage/children/bundle.ts";
import { lmdbStore } from "../../../storage/index.ts";
import { rowsAfter, rowsOfIds } from "./children/crash-plan.ts";
import { SpannIndex } from "./spann.ts";

const crashes = Number(process.env.MNEME_CRASHES ?? 8);
const CODES = ["rabitq1", "pq4"] as const;
const work = mkdtempSync(join(tmpdir(), "mneme-spann-crash-"));
let script: BundledScript;

beforeAll(async () => {
  script = await bundleScript("../../index/vector/spann/children/crash.ts");
});
afterAll(() => {
  script.remove();
  rmSync(work, { recursive: true, force: true });
});

/** Kills the child some milliseconds after its first answer. @returns the last change that it acknowledged */
function runAndKill(codes: string, before: number, afterMs: number): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script.path, join(work, codes), String(before), codes], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), afterMs);
      output += chunk;
    });
    child.on("close", () => resolve(Number(output.split("\n").slice(0, -1).at(-1) ?? before)));
  });
}

/** @returns changes that the index has the rows of: those that were acknowledged, or one more */
async function changesFound(
  codes: string,
  acknowledged: number,
): Promise<{ changes: number; waited: boolean }> {
  await using store = await lmdbStore(join(work, codes));
  using index = await SpannIndex.open(store, "crash", { lists: 100_000, pruning: { rule: "none" } });
  expect(index.about.codes.id.startsWith(codes)).toBe(true);
  const query = rowsOfIds(5, 6).data;
  const found = new Set((await index.search(query, { k: 100_000 })).rows);
  expect(found.size).toBe(index.about.rows);
  const isAfter = (n: number): boolean => {
    const rows = rowsAfter(n);
    return rows.size === found.size && [...rows].every((id) => found.has(id));
  };
  const n = isAfter(acknowledged) ? acknowledged : acknowledged + 1;
  expect(isAfter(n)).toBe(true);
  for (const id of [...found].slice(-20)) {
    const hits = await index.search(rowOf(rowsOfIds(id, id + 1), 0), { k: 1, lists: 32 });
    expect(hits.rows[0]).toBe(id);
  }
  return { changes: n, waited: index.about.log.end > index.about.log.first };
}

test.each(CODES)(
  `an index of %s whose process is killed holds every acknowledged change whole, ${crashes} times`,
  {
    timeout: 60_000 + crashes * 4000,
  },
  async (codes) => {
    const random = new Random(9);
    let changes = 0;
    // found with rows that waited for their lists
    let waiting = 0;
    for (let i = 0; i < crashes; i++) {
      const found = await changesFound(codes, await runAndKill(codes, changes, random.uniform() * 250));
      changes = found.changes;
      if (found.waited) waiting++;
    }
    await using store = await lmdbStore(join(work, codes));
    using index = await SpannIndex.open(store, "crash");
    expect(changes).toBeGreaterThan(crashes);
    expect(waiting).toBeGreaterThan(crashes / 2);
    // most rows are in lists: they were on their way there again and again
    expect(index.about.log.first).toBeGreaterThan(0);
    expect(index.about.lists).toBeGreaterThan(40);
  },
);
