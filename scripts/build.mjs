// Builds everything the commands need: WASM kernels, the library, the console. Each step is skipped while its inputs are older than its output.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const bin = (name) => join("node_modules", ".bin", name);

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function step(name, inputs, output, command, args) {
  const fresh =
    existsSync(output) && Math.max(...inputs.filter(existsSync).map(newest)) < statSync(output).mtimeMs;
  if (fresh && process.env.MNEME_FORCE_BUILD !== "1") return;
  const started = Date.now();
  const { status } = spawnSync(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) {
    console.error(`build: ${name} failed`);
    process.exit(status ?? 1);
  }
  console.error(`build: ${name} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

step(
  "kernels",
  ["src/kernels/wasm/assembly", "scripts/build-kernels.mjs"],
  "build/kernels.json",
  process.execPath,
  ["scripts/build-kernels.mjs"],
);
step(
  "library",
  ["src", "scripts/build-library.mjs", "build/kernels.json", "package.json"],
  "dist/index.js",
  process.execPath,
  ["scripts/build-library.mjs"],
);
step("console", ["web", "src/memory/units.ts", "package.json"], "dist/web/index.html", bin("vite"), [
  "build",
  "web",
]);
