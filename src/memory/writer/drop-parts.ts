/** Parts that a changed manifest names no more. */
import { type Manifest, NS } from "../layout.ts";
import type { Writer } from "./writer.ts";

/** What `old` names and `manifest` does not: segment and part. */
export function partsGone(old: Manifest, manifest: Manifest): [number, string][] {
  const kept = new Map(manifest.segments.map(({ id, parts }) => [id, parts]));
  return old.segments.flatMap(({ id, parts }) =>
    Object.keys(parts).flatMap((name): [number, string][] => (name in kept.get(id)! ? [] : [[id, name]])),
  );
}

/**
 * Only after the switch: searches read the parts until then. What a crash leaves goes with the next opening, and so does what cannot
 * be deleted, on a full disk: the library has moved all the same.
 */
export async function dropParts(writer: Writer, gone: readonly (readonly [number, string])[]): Promise<void> {
  if (gone.length === 0) return;
  try {
    await writer.store.batch((batch) => {
      for (const key of gone) batch.deletePrefix(NS.segments, key);
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    writer.options.onWarning(`vectors that nothing needs any more go with the next opening: ${why}`);
  }
}
