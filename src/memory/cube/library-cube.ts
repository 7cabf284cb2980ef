/** The cube of an open library: follows its segments, and files what is in its tail. */
import type { Embedder } from "../../embed/embedder.ts";
import {
  type About,
  extractAll,
  type Labels,
  type LabelVectors,
  SegmentedCube,
} from "../../index/cube/index.ts";
import { Pacer } from "../../pacer.ts";
import { cubePrefix, type Manifest } from "../layout.ts";
import type { StoredSegment } from "../stored-segment.ts";
import type { Tail } from "../tail.ts";
import type { ItemHead } from "../types.ts";
import type { Filing } from "./filing.ts";

/** What extractors are told of an item beside its text. */
export function aboutOf({ title, meta, provenance: { mediaType } }: ItemHead): About {
  return { title, meta, ...(mediaType ? { mediaType } : {}) };
}

export class LibraryCube {
  #filing: Filing | undefined;
  /** Absent where items are not filed. */
  index: SegmentedCube | undefined;
  /** Labels by meaning, and how many labels there were when they were embedded; made behind the writes, or by the first search that wants them. */
  vectors:
    | {
        readonly of: SegmentedCube;
        readonly embedder: Embedder;
        readonly labels: number;
        readonly vectors: LabelVectors;
      }
    | undefined;
  #filed: Promise<void> = Promise.resolve();

  constructor(filing: Filing | undefined) {
    this.#filing = filing;
    this.index = filing && new SegmentedCube(filing.entry.dimensions);
  }

  get filing(): Filing | undefined {
    return this.#filing;
  }

  /** Whether extractors ask a model: their labels come behind the writes. */
  get isSlow(): boolean {
    return this.#filing?.extractors?.some(({ isSlow }) => isSlow) ?? false;
  }

  /** Makes the filed segments those of the library that have been filed as the manifest says. */
  async follow({ cube }: Manifest, segments: readonly { readonly stored: StoredSegment }[]): Promise<void> {
    if (!this.#filing || !cube) return;
    if (cube.id !== this.#filing.entry.id) {
      // a writer files in another way than when this reader opened the library
      this.#filing = { entry: cube };
      this.index = new SegmentedCube(cube.dimensions);
    }
    const index = this.index!;
    const prefix = cubePrefix(cube.id);
    const there = new Set(segments.map(({ stored }) => stored.entry.id));
    for (const id of index.segmentIds) if (!there.has(id)) index.detach(id);
    for (const { stored } of segments)
      if (!index.has(stored.entry.id) && stored.has(prefix)) await index.attach(stored.source(prefix));
  }

  /** Files rows of the tail that are not yet filed, one call after the other. @throws what an extractor throws */
  file(tail: Tail, signal?: AbortSignal): Promise<void> {
    if (!this.#filing?.extractors) return this.#filed;
    const next = this.#filed.then(() => this.#fileTail(tail, signal));
    this.#filed = next.catch(() => {}); // whoever asked is told
    return next;
  }

  /** @throws what an extractor throws */
  async labelsOf(text: string, head: ItemHead, signal?: AbortSignal): Promise<Labels> {
    return extractAll(this.#filing?.extractors ?? [], text, { ...aboutOf(head), signal });
  }

  memory(): readonly { readonly name: string; readonly bytes: number }[] {
    if (!this.index) return [];
    return [...this.index.memory(), { name: "cube: label vectors", bytes: this.vectors?.vectors.bytes ?? 0 }];
  }

  clearTail(): void {
    this.index?.clearTail();
  }

  async #fileTail({ items }: Tail, signal: AbortSignal | undefined): Promise<void> {
    const index = this.index!;
    const pacer = new Pacer();
    for (const { firstRow, passages, record } of items) {
      for (const [i, text] of passages.entries()) {
        if (index.tailLabels(firstRow + i)) continue;
        index.append(firstRow + i, await this.labelsOf(text, record.head, signal));
      }
      if (pacer.isDue) await pacer.pause();
    }
  }
}
