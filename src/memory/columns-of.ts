/** The metadata columns of an item: its own fields and Mneme's `$` fields. */
import type { Meta, MetaValue } from "../index/filter/where.ts";
import type { ItemHead } from "./types.ts";

export function columnsOf(head: ItemHead): Meta {
  const own: Record<string, MetaValue> = {
    $created: head.createdAt,
    $updated: head.updatedAt,
    $owner: head.owner,
    $visibility: head.visibility,
    $origin: head.provenance.origin,
    $kind: head.kind,
  };
  if (head.expiresAt !== undefined) own.$expires = head.expiresAt;
  return { ...head.meta, ...own };
}
