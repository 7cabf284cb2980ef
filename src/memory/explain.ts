/** explain: which index searches the vectors of each space, why, and what the others would take. */
import type { SpaceEntry } from "./layout.ts";
import type { Library } from "./library.ts";
import type { VectorExplanation, VectorIndex } from "./types.ts";

export function explainVectors(library: Library): readonly VectorExplanation[] {
  return library.manifest.spaces.map((entry) => explainSpace(library, entry));
}

function explainSpace(library: Library, { id, space }: SpaceEntry): VectorExplanation {
  const { manifest, spaceVectors } = library;
  const plan = spaceVectors.planOf(manifest, id);
  const isActive = id === manifest.active;
  const searchedBy: Partial<Record<VectorIndex, number>> = {};
  if (isActive)
    for (const { id: segment, count } of manifest.segments) {
      const kind = spaceVectors.usedBy(segment);
      searchedBy[kind] = (searchedBy[kind] ?? 0) + count;
    }
  const held = isActive ? library.vectors.memory() : [];
  return {
    space,
    isActive,
    ...plan,
    heldBytes: held.reduce((sum, { bytes }) => sum + bytes, 0),
    searchedBy,
    refused: isActive ? [...spaceVectors.refused.values()] : [],
    scanned: isActive ? spaceVectors.scanned(manifest) : [],
  };
}
