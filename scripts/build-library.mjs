// Bundles the rooms, the command line and the worker threads to ES modules for Node 20; shared code becomes shared chunks.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const ROOMS = [
  "kernels",
  "linalg",
  "codecs",
  "storage",
  "hashing",
  "index",
  "embed",
  "eval",
  "cache",
  "model",
  "memory",
  "train",
  "server",
];

const bundle = await rolldown({
  input: {
    index: "src/index.ts",
    ...Object.fromEntries(ROOMS.map((room) => [`${room}/index`, `src/${room}/index.ts`])),
    "cli/main": "src/cli/main.ts",
    "kernels/worker": "src/kernels/worker.ts",
    "index/search-worker": "src/index/vector/spann/search-worker.ts",
    "memory/worker": "src/memory/writer/worker.ts",
    "model/worker": "src/model/worker.ts",
    "storage/commit-worker": "src/storage/commit-worker.ts",
  },
  platform: "node",
  external: (id) =>
    !id.startsWith("@oxc-project/runtime") &&
    !id.startsWith(".") &&
    !id.startsWith("/") &&
    !id.startsWith("\0"),
  transform: { target: "node20" },
  treeshake: true,
  onLog: (level, log, handle) => (log.code === "INEFFECTIVE_DYNAMIC_IMPORT" ? undefined : handle(level, log)),
});
const { output } = await bundle.write({
  dir: "dist",
  format: "esm",
  chunkFileNames: "chunks/[name]-[hash].js",
  minify: false,
});
await bundle.close();

const current = new Set(output.map(({ fileName }) => fileName));
for (const name of readdirSync("dist/chunks"))
  if (!current.has(`chunks/${name}`)) rmSync(join("dist/chunks", name));
