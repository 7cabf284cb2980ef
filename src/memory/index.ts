/** The memory room: `open` and the types of what goes in and comes out. */

export { itemFromFile } from "./ingest/read.ts";
export { type Location, open, openDefaults } from "./open.ts";
export { searchDefaults } from "./search.ts";
export * from "./types.ts";
export { formatBytes, parseBytes, parseSpan } from "./units.ts";
