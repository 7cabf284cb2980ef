/** The documentation says what is so: README's examples run, links lead somewhere, the systems' table is the generated one, every command has a guide. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { transformSync } from "rolldown/utils";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../src/cli/commands.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = promisify(execFile);
const built = join(root, "dist", "index.js");
const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");

/** The blocks of `markdown` that are fenced as `language`. */
function fenced(markdown: string, language: string): string[] {
  const block = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...markdown.matchAll(block)].map((match) => match[1]!);
}

/** Runs TypeScript that imports "mneme" in a fresh folder. @returns what it printed */
async function runExample(source: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mneme-docs-"));
  try {
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    const { code, errors } = transformSync("example.ts", source, { target: "es2022" });
    expect(errors).toEqual([]);
    const script = code.replaceAll(/from "mneme"/g, `from ${JSON.stringify(pathToFileURL(built).href)}`);
    await writeFile(join(folder, "example.mjs"), script);
    const { stdout } = await node(process.execPath, ["example.mjs"], { cwd: folder });
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A language model's folder is not at hand: what loads one is read, not run. */
const examples = fenced(await read("README.md"), "ts").filter((source) => !source.includes("mneme/model"));

describe.skipIf(!existsSync(built))("README's examples", () => {
  test.each(examples.map((source, i) => [i + 1, source] as const))("example %i runs", async (_, source) => {
    const printed = await runExample(source);
    expect(printed).toContain("postings.md");
    expect(printed).toContain("A posting list is pruned when its bound cannot reach");
    expect(printed).toContain("vectors: coarse codes");
  });
});

test("README has an example", () => expect(examples.length).toBeGreaterThan(0));

test("docs/systems.md is what scripts/systems.mjs makes of committed rows", async () => {
  const { stdout } = await node(process.execPath, [join(root, "scripts/systems.mjs"), "--print"]);
  expect(await read("docs/systems.md")).toBe(stdout);
  expect(stdout.match(/^\| \d+ +\|/gm)).toHaveLength(72);
});

test.each(COMMANDS.map(({ name }) => name))(
  "%s has a guide that README links and that shows it",
  async (name) => {
    expect(await read(`docs/commands/${name}.md`)).toContain(`$ mneme ${name}`);
    expect(await read("README.md")).toContain(`docs/commands/${name}.md`);
  },
);

async function pages(): Promise<string[]> {
  const docs = await readdir(join(root, "docs"), { recursive: true });
  const inner = docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
  return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/mneme-embed/MODEL_CARD.md", ...inner];
}

test("every relative link leads to a file of the repository", async () => {
  for (const page of await pages()) {
    const prose = (await read(page)).replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
    for (const [, target] of prose.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const path = resolve(root, dirname(page), target!);
      expect(path.startsWith(resolve(root)) && existsSync(path), `${page} -> ${target}`).toBe(true);
    }
  }
});

test("every command of a figure names a benchmark of the repository and options that it has", async () => {
  const texts = await Promise.all((await pages()).map(read));
  const commands = texts.flatMap((text) =>
    [...text.matchAll(/`([^`]*mneme bench [^`]+)`/g)].map(([, words]) => words!),
  );
  expect(commands.length).toBeGreaterThan(50);
  const bench = COMMANDS.find(({ name }) => name === "bench")!;
  const options = Object.keys((await bench.load()).args ?? {});
  for (const words of commands) {
    const [, name, rest] = /mneme bench ([\w-]+)(.*)/s.exec(words) ?? [];
    if (name === "NAME") continue;
    expect(existsSync(join(root, "bench", `${name}.ts`)), words).toBe(true);
    for (const [, option] of rest!.replaceAll(/'[^']*'|"[^"]*"/g, "").matchAll(/ --([\w-]+)/g))
      expect(options, words).toContain(option);
  }
});
