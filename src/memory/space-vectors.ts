/**
 * SpaceVectors: which index searches the vectors of each segment of the active space. The plan says what is wanted, a segment's parts what
 * there is; a segment that has no other parts, or damaged ones, is scanned.
 */
import { isMnemeError } from "../errors.ts";
import type { SegmentSource } from "../index/segment.ts";
import type { Finder } from "../index/vector/finder.ts";
import { FlatIndex } from "../index/vector/flat.ts";
import { hasIndex, INDEX_PREFIX, markOf, openIndex, type VectorIndex } from "../index/vector/kinds.ts";
import { kindFor, type VectorPlan, type VectorWish } from "../index/vector/plan.ts";
import { COARSE, type VectorCoders } from "../index/vector/vectors-kind.ts";
import type { LazyPool } from "../kernels/index.ts";
import type { Budget } from "../storage/budget.ts";
import type { Manifest, SegmentEntry } from "./layout.ts";
import { checkRoom, holdsIndex, planSpace, type Room } from "./plan-vectors.ts";
import { vectorsPrefix } from "./spaces.ts";

export interface SpaceVectorsOptions {
  readonly budget: Budget;
  /** Whether the library is read from afar: flat codes are the least to fetch. */
  readonly isRemote: boolean;
  readonly besideBytes: number;
  readonly wish: VectorWish;
  readonly pool: LazyPool;
}

export class SpaceVectors {
  readonly #options: SpaceVectorsOptions;
  /** Of open segments that are not scanned. */
  readonly #found = new Map<number, VectorIndex>();
  /** Segments whose index could not be used, and why. */
  readonly refused: Map<number, string> = new Map();
  #active = 0;
  #plan: VectorPlan | undefined;
  #leaving = 0;

  constructor(options: SpaceVectorsOptions) {
    this.#options = options;
  }

  /** An index of the active space; none of its segments is known yet. */
  indexOf(coders: VectorCoders): FlatIndex {
    this.#found.clear();
    this.refused.clear();
    return new FlatIndex({ coders, pool: this.#options.pool, finder: (source) => this.#finderOf(source) });
  }

  /** What is wanted for the segments of a manifest from now on. */
  plan(manifest: Manifest): VectorPlan {
    this.#active = manifest.active;
    this.#plan = this.planOf(manifest, manifest.active);
    return this.#plan;
  }

  /** What is planned for a space, active or being filled in. */
  planOf(manifest: Manifest, spaceId: number): VectorPlan {
    return planSpace(manifest, spaceId, this.#room, this.#wish);
  }

  /** @throws MnemeError BUDGET */
  checkRoom(manifest: Manifest): void {
    checkRoom(this.#plan!, manifest, this.#room, this.#wish);
  }

  /** Does something, and plans as if so many bytes of the budget were not there. */
  async leaving(bytes: number, work: () => Promise<void>): Promise<void> {
    this.#leaving = bytes;
    try {
      await work();
    } finally {
      this.#leaving = 0;
    }
  }

  /** How a segment shall be searched. */
  wanted({ count }: SegmentEntry): VectorIndex {
    return kindFor(this.#plan!, count);
  }

  /** How an open segment is searched. */
  usedBy(id: number): VectorIndex {
    return this.#found.get(id) ?? "flat";
  }

  /** Whether an open segment shall be searched by something else than it is, and has the parts for it. */
  isToChange(entry: SegmentEntry): boolean {
    return this.usedBy(entry.id) !== this.#possible(entry, this.#active);
  }

  /** Which parts of vectors opening a segment of this manifest will read whole. */
  readFirst(manifest: Manifest, entry: SegmentEntry): (part: string) => boolean {
    this.plan(manifest);
    const kind = this.#possible(entry, manifest.active);
    const prefix = vectorsPrefix(manifest.active) + (kind === "flat" ? COARSE : INDEX_PREFIX[kind]);
    return (part) => part.startsWith(prefix);
  }

  forget(id: number): void {
    this.#found.delete(id);
    this.refused.delete(id);
  }

  /** Whether the plan chooses: an index that turns out to be slower than a scan is then not kept. */
  get isChosen(): boolean {
    return this.#wish === "auto";
  }

  /** Segments whose index was found slower than a scan. */
  scanned(manifest: Manifest): readonly string[] {
    return manifest.segments.flatMap((entry) => {
      const kind = this.wanted(entry);
      if (kind === "flat") return [];
      const holds = (part: string): boolean => holdsIndex(entry.parts, manifest.active, part);
      if (holds(markOf(kind)) || !holds(INDEX_PREFIX[kind])) return [];
      return [`segment ${entry.id} is scanned: walks over its ${kind} were measured to take longer`];
    });
  }

  get #wish(): VectorWish {
    const { wish, isRemote } = this.#options;
    return wish === "auto" && isRemote ? "flat" : wish;
  }

  get #room(): Room {
    const { budget, besideBytes } = this.#options;
    return { limitBytes: budget.limitBytes, besideBytes: besideBytes + this.#leaving };
  }

  #possible(entry: SegmentEntry, spaceId: number): VectorIndex {
    const kind = this.wanted(entry);
    if (kind === "flat" || this.refused.has(entry.id)) return "flat";
    return holdsIndex(entry.parts, spaceId, markOf(kind)) ? kind : "flat";
  }

  async #finderOf(source: SegmentSource): Promise<Finder | undefined> {
    this.#found.delete(source.id);
    const kind = kindFor(this.#plan!, source.rows.count);
    if (kind === "flat" || this.refused.has(source.id) || !hasIndex(source, kind)) return undefined;
    try {
      const finder = await openIndex(kind, source);
      this.#found.set(source.id, kind);
      return this.#guarded(source.id, finder);
    } catch (error) {
      this.#refuse(source.id, error);
      return undefined;
    }
  }

  /** The same, but for a part that turns out to be damaged when it is read: all rows of the segment are then scored. */
  #guarded(id: number, finder: Finder): Finder {
    return {
      find: async (query, options) => {
        try {
          return this.refused.has(id) ? undefined : await finder.find(query, options);
        } catch (error) {
          this.#refuse(id, error);
          return undefined;
        }
      },
      expected: (options, best) => (this.refused.has(id) ? 1 : finder.expected(options, best)),
      memory: () => finder.memory(),
      [Symbol.dispose]: () => finder[Symbol.dispose](),
    };
  }

  /** Flat codes hold the same rows: nothing is lost but speed, until the index is built anew. @throws what is no damage */
  #refuse(id: number, error: unknown): void {
    if (!isMnemeError(error) || !["CORRUPT", "VERSION"].includes(error.code)) throw error;
    this.refused.set(id, `segment ${id} is scanned: ${error.message}`);
  }
}
