/** Random damage never crashes, hangs or gives wrong data. MNEME_DAMAGE sets the number of cases (default 250). */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BundledScript, bundleScript } from "./children/bundle.ts";

const cases = Number(process.env.MNEME_DAMAGE ?? 250);
const seed = Number(process.env.MNEME_SEED ?? 1);
let script: BundledScript;
const work = mkdtempSync(join(tmpdir(), "mneme-damage-"));

beforeAll(async () => {
  script = await bundleScript("damage.ts");
});
afterAll(() => {
  script.remove();
  rmSync(work, { recursive: true, force: true });
});

describe("damaged libraries", () => {
  it(
    `are refused or read right: ${cases} random flips and cuts`,
    () => {
      const run = spawnSync(process.execPath, [script.path, join(work, "library"), `${seed}`, `${cases}`], {
        encoding: "utf8",
        timeout: 60_000 + cases * 500,
      });
      const lines = run.stdout.trim().split("\n");
      const last = lines.at(-1)!;
      expect(
        { signal: run.signal, status: run.status, last: last.slice(0, 4) },
        `${lines.length} lines, the last: ${last}\n${run.stderr.slice(-2000)}`,
      ).toEqual({ signal: null, status: 0, last: "done" });
      const outcomes = JSON.parse(last.slice(5)) as Record<string, number>;
      expect(outcomes.CORRUPT).toBeGreaterThan(cases / 10);
    },
    90_000 + cases * 500,
  );
});
