import { defineConfig } from "tsdown";

const rooms = ["kernels", "linalg", "codecs", "storage", "index", "embed", "memory", "server"];

export default defineConfig({
  entry: {
    index: "src/index.ts",
    ...Object.fromEntries(rooms.map((room) => [`${room}/index`, `src/${room}/index.ts`])),
    "cli/main": "src/cli/main.ts",
    "kernels/worker": "src/kernels/worker.ts",
    "memory/worker": "src/memory/writer/worker.ts",
  },
  format: "esm",
  platform: "node",
  target: "node20",
  dts: process.env.MNEME_TYPES === "1",
  outDir: "dist",
  clean: false,
  fixedExtension: false,
});
