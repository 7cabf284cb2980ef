/** `mneme count`, `mneme locate` and `mneme contamination` as they are typed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open } from "../memory/index.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "mneme-contamination-cli-"));
const at = (name: string): string => join(scratch, name);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const text =
  "The harbour of Lima opens at seven in the morning and closes late in the evening of every day of the year.";

beforeAll(async () => {
  await using memory = await open(at("library.mneme"), { workers: 0 });
  await memory.add([
    { id: "lima", text: `First.\n${text}` },
    { id: "oslo", text: "Nothing of that." },
  ]);
  const examples = [
    { question: text },
    { question: `${text} ${"And more words that nobody wrote. ".repeat(3)}` },
  ];
  const clean = {
    question: "A question of which the library holds no words, none at all, long enough to be judged.",
  };
  writeFileSync(
    at("test.jsonl"),
    [...examples, clean, { question: "Short" }].map((one) => JSON.stringify(one)).join("\n"),
  );
});

function run(...args: string[]): { status: number | null; out: string; err: string } {
  const line = [main, ...args, "--library", at("library.mneme")];
  const { status, stdout, stderr } = spawnSync(process.execPath, line, { encoding: "utf8" });
  return { status, out: stdout, err: stderr };
}

test("count and locate", () => {
  expect(run("count", "of", "every")).toMatchObject({ status: 0, out: "1\n" });
  expect(run("count", "--hex", "0a54")).toMatchObject({ status: 0, out: "1\n" });
  expect(run("count", "nowhere")).toMatchObject({ status: 3, out: "0\n" });
  expect(run("count")).toMatchObject({ out: "", err: expect.stringContaining("[ARGUMENT]") });
  const { out } = run("locate", "HARBOUR", "-i", "--json");
  expect(JSON.parse(out)).toMatchObject({ id: "lima", line: 2, startByte: 11, text: "harbour" });
});

test("contamination", () => {
  const { status, out } = run(
    "contamination",
    "--benchmark",
    at("test.jsonl"),
    "--json",
    "--svg",
    at("shares.svg"),
  );
  expect(status).toBe(0);
  const report = JSON.parse(out);
  expect(report).toMatchObject({ examples: 4, dirty: 1, suspicious: 1, clean: 1, short: 1, width: 50 });
  expect(report.results[0]).toMatchObject({
    line: 1,
    verdict: "dirty",
    share: 1,
    longest: { at: { id: "lima", start: 7 } },
  });
  expect(readFileSync(at("shares.svg"), "utf8")).toContain("<rect");
  expect(run("contamination", "--benchmark", at("test.jsonl")).out).toMatch(
    /dirty 100%.*line 1[\s\S]*at lima:2/,
  );
  writeFileSync(at("bad.jsonl"), '{"question":"a"}\n{');
  expect(run("contamination", "--benchmark", at("bad.jsonl")).err).toContain("line 2: not JSON");
});
