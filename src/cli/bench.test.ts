/** Benchmarks are run by name; their parts are none, data that is missing is named, and a run that is interrupted leaves nothing behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { mneme } from "../../test/support/command-line.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mneme-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function started(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ["scripts/run-ts.mjs", `bench/${name}.ts`, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const told = { err: "" };
  child.stderr.setEncoding("utf8").on("data", (text) => (told.err += text));
  return { child, told };
}

test.each(["row", "spann-batches", "spann-codes", "svg", "../scripts/build", "kernel"])(
  "%s is no benchmark",
  async (name) => {
    const { code, err } = await mneme("bench", name);
    expect(code).toBe(3);
    expect(err).toContain(`no benchmark "${name}"`);
    const names = /there are (.*)/.exec(err)![1]!.split(", ");
    expect(names).toEqual(expect.arrayContaining(["kernels", "spann", "spann-churn", "tags"]));
    for (const part of ["row", "spann-batches", "tags-data"]) expect(names).not.toContain(part);
  },
);

test.each([
  [join(folder, "none"), "no public data sets in"],
  [folder, "no corpus in"],
])("data that is missing is named: %s", async (data, message) => {
  const { child, told } = started("indexing", ["--data", data]);
  const [code] = await once(child, "close");
  expect(told.err).toContain(`[NOT_FOUND] bench: ${message} ${data}; name the folder`);
  expect(told.err.trim().split("\n")).toHaveLength(1);
  expect(code).toBe(3);
});

test("a run that is interrupted leaves no temporary files", async () => {
  const temporary = mkdtempSync(join(folder, "tmp-"));
  const { child } = started("spann", ["--scale", "0.05"], {
    TMPDIR: temporary,
    MNEME_KEPT: join(folder, "kept"),
  });
  await vi.waitUntil(
    () => readdirSync(temporary, { recursive: true }).some((file) => String(file).includes("mneme-spann-")),
    { timeout: 60_000 },
  );
  child.kill("SIGTERM");
  await once(child, "close");
  expect(readdirSync(temporary)).toEqual([]);
});

test("the command ends when the benchmark that it interrupts has ended", async () => {
  const temporary = mkdtempSync(join(folder, "tmp-"));
  vi.stubEnv("TMPDIR", temporary).stubEnv("MNEME_KEPT", join(folder, "kept"));
  const running = mneme("bench", "spann", "--scale", "0.05");
  await vi.waitUntil(() => readdirSync(temporary).length > 0, { timeout: 60_000 });
  process.emit("SIGTERM");
  const { code, err } = await running;
  vi.unstubAllEnvs();
  expect(err).toContain("[CANCELLED] interrupted");
  expect(code).toBe(130);
  expect(readdirSync(temporary)).toEqual([]);
});
