// Installs the optional peers beside the project and links them in: npm leaves them out of the project's own folder, so that it stays light.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const PEERS = { "@huggingface/hub": "2.17.5" };
const FOLDER = "build/peers";

mkdirSync(FOLDER, { recursive: true });
const wanted = Object.entries(PEERS).map(([name, version]) => `${name}@${version}`);
const args = ["install", "--prefix", FOLDER, "--no-save", "--no-audit", "--no-fund", ...wanted];
const { status } = spawnSync("npm", args, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
for (const name of Object.keys(PEERS)) {
  const link = join("node_modules", name);
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { recursive: true, force: true });
  symlinkSync(resolve(FOLDER, "node_modules", name), link, "junction");
}
