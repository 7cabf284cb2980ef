/** Vector spaces of a library: their coders, and the refusal to mix them. */
import type { Codec } from "../codecs/codec.ts";
import { parseCodec, restoreCoder } from "../codecs/index.ts";
import type { Embedder } from "../embed/embedder.ts";
import type { VectorCoders } from "../index/vector/vectors-kind.ts";
import { matrix } from "../linalg/matrix.ts";
import type { SpaceEntry } from "./layout.ts";

/** Codecs of a new space. Coarse codes stay in RAM, fine codes on disk. */
export const spaceDefaults = { coarse: "rabitq1", fine: "int8" } as const;

const SEED = 20_240_512;

export function vectorsPrefix(spaceId: number): string {
  return `vectors${spaceId}/`;
}

/** Neither codec is trained on data, so a new library needs no sample. */
export function newSpaceEntry(id: number, { space, origin }: Pick<Embedder, "space" | "origin">): SpaceEntry {
  const fit = (recipe: string): string => {
    const codec: Codec = parseCodec(recipe);
    return Buffer.from(codec.fit(matrix(0, space.dim), { seed: SEED }).serialize()).toString("base64");
  };
  return {
    id,
    space,
    ...(origin ? { origin } : {}),
    coarse: fit(spaceDefaults.coarse),
    fine: fit(spaceDefaults.fine),
  };
}

const restored = new WeakMap<SpaceEntry, VectorCoders>();

export function codersOf(entry: SpaceEntry): VectorCoders {
  let coders = restored.get(entry);
  if (!coders) {
    coders = { coarse: restoreCoder(fromBase64(entry.coarse)), fine: restoreCoder(fromBase64(entry.fine)) };
    restored.set(entry, coders);
  }
  return coders;
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
