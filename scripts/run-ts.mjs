// Runs one TypeScript file of this repository: bundles it with rolldown (which comes with the build) and starts it. Node 20 cannot strip types.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
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
process.exit(spawnSync(process.execPath, [...flags, out, ...args], { stdio: "inherit" }).status ?? 1);
