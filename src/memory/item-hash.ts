/** Content hashing: equal content is free. sha-256 over everything that makes an item, in a fixed order. */
import { createHash } from "node:crypto";
import type { Item } from "./types.ts";

/** Hex sha-256 of text or data, title, metadata, owner, visibility, expiry, blocks, first line and own vectors; not of provenance, which may change alone. */
export function itemHash(item: Item): string {
  const hash = createHash("sha256");
  const meta = Object.entries(item.meta ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const expires = item.expiresAt === undefined ? null : new Date(item.expiresAt).getTime();
  hash.update(
    JSON.stringify([item.title ?? null, meta, item.owner ?? null, item.visibility ?? null, expires]),
  );
  hash.update("\0");
  hash.update(item.text);
  if (item.data) hash.update("\0data\0").update(item.data);
  if (item.blocks || item.firstLine)
    hash.update(`\0${JSON.stringify([item.blocks ?? null, item.firstLine ?? 1])}`);
  if (item.vector)
    hash.update(new Uint8Array(item.vector.buffer, item.vector.byteOffset, item.vector.byteLength));
  if (item.sparse) {
    const weights = Object.entries(item.sparse).sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(`\0sparse\0${JSON.stringify(weights)}`);
  }
  return hash.digest("hex");
}
