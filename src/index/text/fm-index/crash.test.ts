/** kill -9 while shards are written or merged loses no document that was acknowledged, and leaves no file that outlives the next opening. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isMnemeError } from "../../../errors.ts";
import { Random } from "../../../linalg/random.ts";
import { type BundledScript, bundleScript } from "../../../storage/children/bundle.ts";
import { BATCH, documentOf } from "./children/crash-text.ts";
import { FmIndex } from "./fm-index.ts";

const crashes = Number(process.env.MNEME_CRASHES ?? 8);
const work = mkdtempSync(join(tmpdir(), "mneme-fm-crash-"));
let script: BundledScript;

beforeAll(async () => {
  script = await bundleScript("../../index/text/fm-index/children/crash.ts");
});
afterAll(() => {
  script.remove();
  rmSync(work, { recursive: true, force: true });
});

/** Kills the child some milliseconds after its first answer. @returns the documents that it acknowledged last, and its complaints */
function runAndKill(folder: string, afterMs: number): Promise<{ acknowledged: number; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script.path, folder], { stdio: ["ignore", "pipe", "pipe"] });
    let [output, stderr] = ["", ""];
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.stdout.on("data", (chunk) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), afterMs);
      output += chunk;
    });
    child.on("close", () => resolve({ acknowledged: Number(output.split("\n").at(-2) ?? 0), stderr }));
  });
}

/** Occurrences of a word in documents 0 to before `count`, byte by byte. */
function scan(count: number, word: string): number {
  let sum = 0;
  for (let n = 0; n < count; n++) sum += Buffer.from(documentOf(n)).toString().split(word).length - 1;
  return sum;
}

describe("an FM-index whose writer is killed", () => {
  it(`holds every acknowledged document, ${crashes} times`, async () => {
    const folder = join(work, "killed");
    const random = new Random(57);
    for (let i = 0; i < crashes; i++) {
      const { acknowledged, stderr } = await runAndKill(folder, random.uniform() * 250);
      expect(stderr).toBe("");
      if (!existsSync(join(folder, "index.json"))) continue;
      await using index = await FmIndex.open(folder);
      // what was on its way may have become durable without its answer being read
      expect([acknowledged, acknowledged + BATCH]).toContain(index.documents);
      expect(await index.count("lantern stone")).toBe(scan(index.documents, "lantern stone"));
      const last = index.documents - 1;
      if (last >= 0) expect(await index.extract(last)).toEqual(documentOf(last));
      // half of a claim is kept for a minute: whose it is cannot be told
      const left = readdirSync(folder).filter((name) => !name.endsWith(".half"));
      expect(left.filter((name) => !name.endsWith(".fm"))).toEqual(["index.json"]);
      expect(left.length).toBe(index.shardCount + 1);
    }
  });
});

describe("a second writer", () => {
  it("is told who writes, or waits; readers go on", async () => {
    const folder = join(work, "two");
    await using one = await FmIndex.build(["first"], { folder });
    await using two = await FmIndex.open(folder);
    let finish = (): void => {};
    const slow = (async function* () {
      yield "second";
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    })();
    const writing = one.append(slow);
    while (!readdirSync(folder).some((name) => name.endsWith(".lock")))
      await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(two.append(["third"])).rejects.toSatisfy((error) => isMnemeError(error, "LOCKED"));
    await expect(two.merge()).rejects.toSatisfy((error) => isMnemeError(error, "LOCKED"));
    expect(await two.count("first")).toBe(1);
    const waiting = two.append(["third"], { lockTimeoutMs: 20_000 });
    finish();
    expect(await writing).toBe(2);
    // begins with what the other has written
    expect(await waiting).toBe(3);
    expect(new TextDecoder().decode(await two.extract(1))).toBe("second");
    expect(await one.append([])).toBe(3);
  });
});
