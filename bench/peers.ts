/** The systems measured beside Mneme. They are no dependency of the product: bench/node_modules has them, and they load on demand. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { repository } from "./row.ts";

/** The Python that has FAISS: $MNEME_PYTHON, or the system's. */
export const PYTHON: string = process.env.MNEME_PYTHON ?? "/usr/bin/python3";

/* Peers' own types are only there when they are installed, so the bench sees them as plain values. */
// biome-ignore lint/suspicious/noExplicitAny: modules that may be absent
export type PeerModule = any;

/** @throws Error that says how to install the peers. */
export async function importPeer(
  name: "@orama/orama" | "@lancedb/lancedb" | "apache-arrow" | "node-llama-cpp" | "hnswlib-node" | "usearch",
): Promise<PeerModule> {
  const require = createRequire(join(repository, "bench/package.json"));
  let path: string;
  try {
    path = require.resolve(name);
  } catch (cause) {
    throw new Error(`bench: ${name} is not installed; run: npm install --prefix bench`, { cause });
  }
  return import(pathToFileURL(path).href);
}
