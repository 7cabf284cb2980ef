/** What `explain` says of the vectors of a library. */
import type { Space } from "../embed/embedder.ts";
import type { VectorIndex } from "../index/vector/kinds.ts";

export interface VectorEstimate {
  readonly kind: VectorIndex;
  /** RAM that it takes for all segments, small ones flat. */
  readonly bytes: number;
  /** Rough milliseconds that a search spends in it, on one core. */
  readonly ms: number;
  /** Whether it fits into what is left of the budget. */
  readonly fits: boolean;
}

/** How the vectors of a space are searched, and why. */
export interface VectorExplanation extends VectorEstimate {
  readonly space: Space;
  /** Whether it is the space that answers. */
  readonly isActive: boolean;
  /** Why this kind was chosen for large segments. */
  readonly reason: string;
  /** A segment of fewer passages is scanned. */
  readonly leastRows: number;
  /** RAM of its indexes now, scratch included. */
  readonly heldBytes: number;
  /** Passages in segments, by what searches them now. */
  readonly searchedBy: Readonly<Partial<Record<VectorIndex, number>>>;
  /** Segments whose index could not be used, and why. */
  readonly refused: readonly string[];
  /** Segments for which an index was built and found slower than a scan. */
  readonly scanned: readonly string[];
  readonly alternatives: readonly VectorEstimate[];
}
