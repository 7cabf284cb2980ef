/** What others see of a claim while it comes and goes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { bundleScript } from "./children/bundle.ts";
import { LineChild } from "./children/start.ts";
import { acquireWriterLock } from "./writer-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "mneme-claim-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Content of each claim that stands there now; one that goes away meanwhile is left out. */
function claims(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".lock"))
    .flatMap((name) => {
      try {
        return [readFileSync(join(folder, name), "utf8")];
      } catch {
        return [];
      }
    });
}

it("a claim is never seen half written", async () => {
  const script = await bundleScript("claim.ts");
  const child = new LineChild(process.execPath, [script.path, folder, "2000"]);
  expect(await child.line()).toBe("ready");
  let done = false;
  const ended = child.line().then((line) => {
    expect(line).toBe("done");
    done = true;
  });
  let seen = 0;
  const halves: string[] = [];
  while (!done) {
    for (let look = 0; look < 100; look++) {
      for (const claim of claims()) {
        seen++;
        if (!claim.endsWith("}")) halves.push(claim);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  script.remove();
  expect(seen).toBeGreaterThan(0);
  expect(halves).toEqual([]);
});

it("what a writer killed before its claim left behind is in nobody's way, and goes in time", async () => {
  const half = join(folder, `writer-${"0".repeat(24)}.half`);
  writeFileSync(half, "");
  (await acquireWriterLock(folder, 0)).release();
  expect(readdirSync(folder)).toContain(`writer-${"0".repeat(24)}.half`);
  utimesSync(half, new Date(0), new Date(0));
  (await acquireWriterLock(folder, 0)).release();
  expect(readdirSync(folder)).toEqual([]);
});
