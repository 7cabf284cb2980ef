/** `mneme chat`, `mneme ask` and `mneme stats` as they are typed, with a tiny model of random weights. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { open } from "../memory/index.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "mneme-chat-"));
const model = writeModelFolder(join(scratch, "tiny"), { context: 4096 });
const library = join(scratch, "library.mneme");

beforeAll(async () => {
  const memory = await open(library, { workers: 0 });
  await memory.add([{ id: "uploads.md", text: "# Uploads\n\nThe maximum size of an upload is 40 MB." }]);
  await memory.close();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function mneme(input: string, ...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    input,
    encoding: "utf8",
  });
  return { code: status, out: stdout, err: stderr };
}

describe.skipIf(!existsSync(main))("mneme chat", () => {
  test("answers each line from the library", () => {
    const lines = "How large may an upload be at most?\n\nWhich wine goes with oysters?\n";
    const { code, out } = mneme(lines, "chat", "-l", library, "--model", "none");
    expect(code).toBe(0);
    expect(out).toMatch(
      /40 MB\. \[1\]\n\[1\] uploads\.md {2}uploads\.md:1\nnot in the library:.*"oysters"\n$/,
    );
    const json = mneme(lines, "chat", "-l", library, "--model", model, "--json");
    const answers = json.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers).toMatchObject([
      { answered: true, by: "extraction", notes: [expect.stringMatching(/sentence/)] },
      { answered: false },
    ]);
  });

  test("a line may lean on the one before it", () => {
    const lines = "How large may an upload be at most?\nAnd in what unit is it?\n";
    const { out } = mneme(lines, "chat", "-l", library, "--model", "none", "--json");
    const [first, second] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(first).not.toHaveProperty("asked");
    expect(second).toMatchObject({ question: "And in what unit is it?" });
    expect(second.answered ? second.asked : second.reason).toMatch(/upload|"unit"/);
  });

  test("without a library it talks with the model, which remembers", () => {
    const { code, out } = mneme(
      "Hi\nAgain\n",
      "chat",
      "--no-library",
      "--model",
      model,
      "--json",
      "--max-tokens",
      "4",
    );
    expect(code).toBe(0);
    const [first, second] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(first).toMatchObject({ question: "Hi", generatedTokens: 4 });
    expect(second.promptTokens).toBeGreaterThan(first.promptTokens + 5);
    expect(second.cachedTokens).toBeGreaterThan(first.promptTokens - 3);
  });

  test("needs a model there", () => {
    const { code, err } = mneme("", "chat", "--no-library", "--model", "none");
    expect(code).toBe(2);
    expect(err).toMatch(/needs a model; name its folder with --model/);
    expect(mneme("", "chat", "--no-library", "--model", join(scratch, "nowhere")).code).toBe(3);
  });

  test("mneme stats shows what a model holds", () => {
    const { out } = mneme("", "stats", "-l", library, "--model", model);
    expect(out).toMatch(
      /ram .* of 256 MB budget\n[\s\S]*ram .* beside the budget\n\s+language model: work space/,
    );
    const { structures } = JSON.parse(mneme("", "stats", "-l", library, "--model", model, "--json").out);
    const row = structures.find(
      ({ structure }: { structure: string }) => structure === "language model: weights",
    );
    expect(row).toMatchObject({ tier: "ram", bytes: expect.any(Number) });
    expect(mneme("", "stats", "-l", library).out).not.toContain("language model");
  });

  test("mneme ask takes the same models", () => {
    const ask = (...args: string[]) =>
      mneme("", "ask", "-l", library, "--json", ...args, "maximum size of an upload?");
    expect(JSON.parse(ask("--model", "none").out)).toMatchObject({ by: "extraction", notes: [] });
    expect(JSON.parse(ask("--model", model).out)).toMatchObject({ answered: true, by: "extraction" });
    expect(ask("--model", join(scratch, "nowhere")).code).toBe(3);
  });
});
