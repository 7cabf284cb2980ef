/** `mneme serve` with a language model, and `mneme weights`, as they are typed: how its weights and caches are kept. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import serve from "./commands/serve.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "mneme-serve-"));
const model = writeModelFolder(join(scratch, "tiny"), { context: 1024 });
const library = join(scratch, "library.mneme");
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Serves on a free port while `work` runs. */
async function served<T>(flags: readonly string[], work: (url: string) => Promise<T>): Promise<T> {
  const args = [main, "serve", "-l", library, "--model", model, "--port", "0", "--json", ...flags];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  try {
    const line = await new Promise<Buffer>((resolve) => child.stdout!.once("data", resolve));
    return await work((JSON.parse(String(line)) as { url: string }).url);
  } finally {
    child.kill("SIGINT");
    await ended;
  }
}

/** Tokens of the second of two equal requests that were at hand. */
async function cachedTokens(url: string): Promise<number> {
  const body = { model: "tiny", prompt: "The library is open on every day of the week.", max_tokens: 2 };
  const headers = { "content-type": "application/json" };
  let cached = 0;
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    const { usage } = (await answer.json()) as {
      usage: { prompt_tokens_details: { cached_tokens: number } };
    };
    cached = usage.prompt_tokens_details.cached_tokens;
  }
  return cached;
}

test("serve ends where the interrupt came while the library was opened", async () => {
  const args = { _: [], library: join(scratch, "interrupted.mneme"), host: "127.0.0.1", port: "0" };
  const context = { signal: AbortSignal.abort(), commands: [], rawArgs: [] };
  const served = serve.run(args as never, context as never);
  await expect(served).rejects.toMatchObject({ code: "CANCELLED" });
});

describe.skipIf(!existsSync(main))("mneme serve --model", () => {
  test("keeps converted weights where it is told to, and what it read", async () => {
    const kept = join(scratch, "weights");
    expect(await served(["--precision", "int4", "--weight-cache", kept], cachedTokens)).toBeGreaterThan(30);
    expect(readdirSync(kept)).toHaveLength(1);
  });

  test("mneme weights lists and clears what is kept", async () => {
    const kept = join(scratch, "listed");
    const weights = (...args: string[]) =>
      spawnSync(process.execPath, [main, "weights", ...args, "--weight-cache", kept], { encoding: "utf8" });
    expect(weights().stdout).toMatch(/^0 files, 0 B of 8.* in .*listed\n$/);
    await served(["--weight-cache", kept], cachedTokens);
    const { files, bytes } = JSON.parse(weights("--json").stdout);
    expect(files).toMatchObject([{ model, precision: "int8", bytes, pinned: false }]);
    expect(weights("list").stdout).toMatch(/tiny +int8 .*\n1 file, /);
    expect(JSON.parse(weights("clear", "--json").stdout)).toEqual({ folder: kept, files: 1, bytes });
    expect(readdirSync(kept)).toEqual([]);
    expect(weights("burn").status).toBe(2);
  });

  test("--cache governs every request", async () => {
    expect(await served(["--cache", "affine4", "--weight-cache", "off"], cachedTokens)).toBe(0);
  });

  test.each([
    [["--cache", "nothing"], /no policy "nothing"/],
    [["--cache-bytes", "much"], /--cache-bytes/],
  ])("%j is refused", (flags, message) => {
    const args = [main, "serve", "-l", library, "--model", model, "--port", "0", ...flags];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
