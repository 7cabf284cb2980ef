/** Test support: a TypeScript file as a script that plain Node runs in a process of its own, which a test may crash or kill. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { build } from "vite";

export interface BundledScript {
  readonly path: string;
  remove(): void;
}

export async function bundleScript(name: string): Promise<BundledScript> {
  const root = resolve(import.meta.dirname, "../../..");
  const folder = mkdtempSync(join(tmpdir(), "mneme-child-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  // where the script looks for threads of the package
  const out = join(folder, "dist");
  mkdirSync(out);
  for (const name of ["storage", "chunks"]) symlinkSync(join(root, "dist", name), join(out, name));
  const output = { entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" };
  await build({
    configFile: false,
    root,
    logLevel: "error",
    build: {
      ssr: join(import.meta.dirname, name),
      outDir: out,
      emptyOutDir: false,
      minify: false,
      target: "node20",
      rolldownOptions: { output },
    },
  });
  return {
    path: join(out, `${basename(name, ".ts")}.mjs`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
