/** Completion scripts in the shells that they are for, where those are installed: what Tab offers behind a line. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { policyOf } from "../../cache/policy-of.ts";
import { parseCodec } from "../../codecs/index.ts";
import { COMMANDS } from "../commands.ts";
import { run } from "../run.ts";
import { completionTable, SHELLS, type Shell } from "./table.ts";

const folder = mkdtempSync(join(tmpdir(), "mneme-completion-"));
const scripts = Object.fromEntries(SHELLS.map((shell) => [shell, join(folder, `script.${shell}`)])) as Record<
  Shell,
  string
>;
const place = join(folder, "place");
const table = await completionTable(COMMANDS);

beforeAll(async () => {
  mkdirSync(join(place, "books"), { recursive: true });
  writeFileSync(join(place, "notes.md"), "");
  writeFileSync(join(place, "two words.md"), "");
  for (const shell of SHELLS) {
    let script = "";
    const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      script += text;
      return true;
    });
    expect(await run(["completion", shell])).toBe(0);
    out.mockRestore();
    writeFileSync(scripts[shell], script);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const child = (name: string): string => fileURLToPath(new URL(`children/${name}`, import.meta.url));

/** A shell's answer to a line, a word each. */
const ASK: Readonly<Record<Shell, (line: string) => readonly string[]>> = {
  // readline cuts at = too
  bash: (line) => {
    const words = line.split(" ").flatMap((word) => word.split(/(=)/).filter((part) => part !== ""));
    if (line.endsWith(" ")) words.push("");
    return ["--norc", child("complete.bash"), scripts.bash, ...words];
  },
  zsh: (line) => ["-f", child("complete.zsh"), scripts.zsh, line],
  fish: (line) => ["--no-config", "-c", "source $argv[1]; complete -C $argv[2]", scripts.fish, line],
};

/** What is offered: no descriptions, no quoting, neither the flag nor the words of the list that stand before it. */
function offers(shell: Shell, line: string): string[] {
  const { stdout, stderr, status } = spawnSync(shell, ASK[shell](line), { cwd: place, encoding: "utf8" });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  const words = stdout.split("\n").map((offer) =>
    offer
      .replace(/\t.*$/, "")
      .replace(/\\(.)/g, "$1")
      .replace(/^--[a-z-]+=(?=.)/, "")
      .replace(/^.*[,+](?=.)/, "")
      .replace(/[/=]$/, ""),
  );
  return [...new Set(words.filter((word) => word !== ""))].sort();
}

const sorted = (words: readonly string[]): string[] => [...words].sort();
const PATHS = ["books", "notes.md", "two words.md"];
const RETRIEVERS = ["generative", "hybrid", "meaning", "words"];

describe.each(SHELLS)("%s", (shell) => {
  const isInstalled = spawnSync(shell, ["--version"]).status === 0;
  if (!isInstalled) console.warn(`${shell} is not installed: its completion script is not tested`);

  test.skipIf(!isInstalled).each([
    ["mneme ", sorted(COMMANDS.map(({ name }) => name))],
    ["mneme sea", ["search"]],
    ["mneme search --retriever ", RETRIEVERS],
    ["mneme search --retriever=h", ["hybrid"]],
    ["mneme search tea --group ", ["item", "passage"]],
    ["mneme search --vectors fl", ["flat"]],
    ["mneme reembed --to ", ["bundled", "openai", "transformers"]],
    ["mneme tune --parts fusion,c", ["cube"]],
    ["mneme index --cube person,da", ["date"]],
    ["mneme scaling --codecs ra", ["rabitq1", "rabitq2", "rabitq4"]],
    ["mneme ask --cache ll", ["lloyd2", "lloyd4"]],
    ["mneme ask --model ", sorted(["none", ...PATHS])],
    ["mneme ask --library ", PATHS],
    ["mneme ask -l no", ["notes.md"]],
    ["mneme eval --qrels=no", ["notes.md"]],
    ["mneme index ", PATHS],
    ["mneme restore notes.md ", PATHS],
    ["mneme completion ", sorted(SHELLS)],
    ["mneme weights c", ["clear"]],
    ["mneme search --no-", ["--no-cube", "--no-feedback"]],
    ["mneme list --pre", ["--prefix"]],
    ["mneme search -k ", []],
    ["mneme forget --where ", []],
    ["mneme count no", []],
  ] as const)("%s", (line, expected) => {
    // where nothing is offered for a value, zsh lists the flags that may follow
    expect(offers(shell, line).filter((word) => expected.length > 0 || !word.startsWith("-"))).toEqual(
      expected,
    );
  });
});

test("every word that is offered for a kind of codes or a policy is one", () => {
  const flags = table.flatMap((command) => command.flags);
  const wordsOf = (name: string): string[] => [
    ...new Set(flags.flatMap(({ names, takes }) => (names.includes(name) ? (takes?.words ?? []) : []))),
  ];
  for (const word of wordsOf("--codecs")) expect(parseCodec(word).id).toBe(word);
  for (const word of wordsOf("--cache")) expect(policyOf(word).name).toBeDefined();
  expect(wordsOf("--codecs").length * wordsOf("--cache").length).toBeGreaterThan(0);
});

test("words and names need no quoting in any shell", () => {
  const all = table.flatMap(({ name, flags, positional }) => [
    name,
    ...positional.words,
    ...flags.flatMap(({ names, takes }) => [...names, ...(takes?.words ?? [])]),
  ]);
  for (const word of all) expect(word).toMatch(/^[\w-]+$/);
});
