import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { open } from "../../src/index.ts";
import { Random } from "../../src/linalg/random.ts";

/** How often the writer is killed; MNEME_CRASHES=200 for the long run. */
const KILLS = Number(process.env.MNEME_CRASHES ?? 12);
const folder = mkdtempSync(join(tmpdir(), "mneme-kill-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the adder until it has acknowledged something and `ms` more, kills it, returns what it acknowledged. */
function addUntilKilled(
  library: string,
  start: number,
  workers: number,
  ms: number,
): Promise<[id: string, length: number][]> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("adder.mjs", import.meta.url)), library, String(start), String(workers)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  let killing = false;
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk;
    if (!killing) setTimeout(() => child.kill("SIGKILL"), ms);
    killing = true;
  });
  return new Promise((resolve) => {
    child.on("close", () => {
      const whole = output.slice(0, output.lastIndexOf("\n") + 1);
      resolve(
        whole
          .split("\n")
          .filter(Boolean)
          .flatMap((line) => JSON.parse(line) as [string, number][]),
      );
    });
  });
}

test(`${KILLS} times kill -9: every acknowledged item is there, none half`, {
  timeout: 60_000 + KILLS * 4_000,
}, async () => {
  const library = join(folder, "library.mneme");
  const random = new Random(11);
  const acknowledged = new Map<string, number>();
  for (let kill = 0; kill < KILLS; kill++) {
    const ms = random.integer(250);
    for (const [id, length] of await addUntilKilled(library, kill * 1000 + 1, kill % 2, ms))
      acknowledged.set(id, length);
    await using memory = await open(library, { workers: 0 });
    let listed = 0;
    for await (const head of memory.list()) {
      listed++;
      expect(await memory.get(head.id)).toMatchObject({ id: head.id, bytes: head.bytes });
    }
    expect(memory.info().items).toBe(listed);
    for (const [id, length] of acknowledged) {
      const item = await memory.get(id);
      // a later replacement may have become durable without being acknowledged before the kill
      if (item && item.text.length !== length) expect(item.version).toBeGreaterThan(1);
      else expect(item?.text.length).toBe(length);
    }
    const [sample] = random.sample(acknowledged.size, 1);
    const id = [...acknowledged.keys()][sample!]!;
    const hits = await memory.search(`unique${id.replace("-", "x")}`, { retriever: "words", k: 3 });
    expect(hits.hits[0]?.id).toBe(id);
  }
});
