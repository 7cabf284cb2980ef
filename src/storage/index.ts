/** The room of durable bytes: stores on RAM and disk, pages, portable snapshots and the byte budget. */
export * from "./budget.ts";
export { crc32 } from "./crc32.ts";
export { memoryStore } from "./memory-store.ts";
export * from "./store.ts";
