/**
 * The parts that every KV-cache method is a recipe of: what a slot is worth (Scorer), how many slots each head gets (Allocator), which
 * ones stay (Selector), what becomes of the others (Merger). How slots are encoded is the page codecs' business, where they lie the
 * cache's. Parts see one key-value head of one layer at a time.
 */

/** Slots of one key-value head as they are now. `positions` are the tokens' own, never slot numbers. */
export interface KvSegment {
  readonly dim: number;
  /** f32 [slots x dim], rotated. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly positions: Int32Array;
  /** Tokens that each slot stands for; absent: one each. A slot's logit gets ln(count). */
  readonly counts?: Float32Array;
}

export const slotsOf = ({ positions }: KvSegment): number => positions.length;

/** Weights of the last queries over all slots: f32 [query heads of the group x queries x slots], rows sum to 1, causal within the window. */
export interface WindowWeights {
  readonly queries: number;
  readonly weights: Float32Array;
}

/** Of queries before rotation. */
export interface QueryStatistics {
  /** f32 [query heads of the group x dim]. */
  readonly mean: Float32Array;
  /** f32 [query heads of the group x dim x dim]. */
  readonly covariance: Float32Array;
}

/** What attention must keep for a part; the rest is never computed. */
export interface Needs {
  /** The last so many queries of the prompt. */
  readonly windowQueries?: number;
  /** The sum of each slot's weights over all queries so far. */
  readonly weightSums?: boolean;
  readonly queryStatistics?: boolean;
}

/** One key-value head of one layer. All that it lends is borrowed until the part returns. */
export interface HeadContext {
  readonly layer: number;
  readonly kvHead: number;
  readonly kvHeads: number;
  readonly layers: number;
  /** Query heads that share it. */
  readonly group: number;
  readonly dim: number;
  readonly slots: number;
  segment(): KvSegment;
  /** @throws MnemeError UNSUPPORTED unless the needs name it; so too the next two */
  windowWeights(): WindowWeights;
  /** f32 [slots], mean over the group's heads. */
  weightSums(): Float32Array;
  queryStatistics(): QueryStatistics;
  /** Rotates a row of `dim` in place to a position; `unrotate` is its inverse. */
  rotate(row: Float32Array, position: number): void;
  unrotate(row: Float32Array, position: number): void;
}

export interface Scorer {
  readonly needs: Needs;
  /** Writes what each slot is worth, larger is kept; `out` has a place for each slot. */
  score(head: HeadContext, out: Float32Array): void;
}

/** Slots at the start and at the end that are kept whatever they score. */
export interface Guard {
  readonly sinks: number;
  readonly recent: number;
}

export interface Allocator {
  /**
   * @param scores of each head, layer by layer. @param perHead slots that a head gets on average
   * @returns slots of each head; together no more than perHead x heads, none more than it has
   */
  split(scores: readonly Float32Array[], perHead: number, shape: HeadShape): Int32Array;
}

export interface HeadShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly guard: Guard;
}

export interface Selector {
  /** @returns `count` slots at most, ascending, those of the guard among them */
  pick(scores: Float32Array, count: number, guard: Guard): Int32Array;
}

export interface Merger {
  /** What is left of a segment where `keep` stays (ascending): the others' content may go into the kept ones. */
  fold(segment: KvSegment, keep: Int32Array, scores: Float32Array): KvSegment;
}
