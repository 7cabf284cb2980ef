// Runs one TypeScript file of this repository: bundles it with rolldown (which comes with the build) and starts it. Node 20 cannot strip types.
// Its temporary files lie in a folder that goes when it ends, however that is; what it keeps for a next run goes where $MNEME_KEPT says.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const [file, ...args] = process.argv.slice(2);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "dist", "run", `${basename(file, ".ts")}.mjs`);
mkdirSync(dirname(out), { recursive: true });
const bundle = await rolldown({
  input: resolve(file),
  platform: "node",
  transform: { target: "node20" },
  external: (id) =>
    !id.startsWith("@oxc-project/runtime") &&
    !id.startsWith(".") &&
    !id.startsWith("/") &&
    !id.startsWith("\0"),
  logLevel: "silent",
});
await bundle.write({ file: out, format: "esm", codeSplitting: false });
const flags = process.env.NODE_FLAGS?.split(" ") ?? [];
let child;
// heard before there is anything to clean up; a terminal sends its signal to both, and a second one to the child does no harm
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
const temporary = mkdtempSync(join(tmpdir(), "mneme-run-"));
const env = { ...process.env, TMPDIR: temporary, MNEME_KEPT: process.env.MNEME_KEPT ?? tmpdir() };
child = spawn(process.execPath, [...flags, out, ...args], { stdio: "inherit", env });
child.on("exit", (code, signal) => {
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code ?? 128 + constants.signals[signal]);
});
