/** The memory room: `open` and the types of what goes in and comes out. The machinery is loaded by the first `open`. */

import type { Meta } from "../index/filter/where.ts";
import type { Item, Location, Memory, OpenOptions } from "./types.ts";

export { type ModelExtractorOptions, modelExtractor } from "./cube/by-model.ts";
export { openDefaults, searchDefaults } from "./defaults.ts";
export * from "./types.ts";
export { formatBytes, parseBytes, parseSpan } from "./units.ts";

/**
 * Opens a library, making it when the path is free.
 * @throws MnemeError FORMAT (foreign), CORRUPT (damaged), VERSION, LOCKED (another writer), READ_ONLY, SPACE (another embedder), BUDGET.
 */
export async function open(location: Location, options: OpenOptions = {}): Promise<Memory> {
  return (await import("./open.ts")).open(location, options);
}

/** A file's bytes as an item under its name, its text read by the reader for its kind. @throws MnemeError UNSUPPORTED, UNREADABLE, FORMAT. */
export async function itemFromFile(
  name: string,
  bytes: Uint8Array,
  meta: Meta = {},
  options: { readonly binary?: boolean } = {},
): Promise<Item> {
  return (await import("./ingest/read.ts")).itemFromFile(name, bytes, meta, options);
}
