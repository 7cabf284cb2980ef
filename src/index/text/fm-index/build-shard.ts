/**
 * Documents to a shard in bounded memory: a block of them at a time is sorted by its suffixes and merged into the run of those before.
 * Memory: about 5.7 bytes a byte of a block (a document is never cut, so at least those of the longest), or 2.1 of the shard.
 */

import { throwIfAborted } from "../../../errors.ts";
import { FmMemory } from "../../../kernels/fm.ts";
import { Pacer } from "../../../pacer.ts";
import { buildRun, type Fold, sizeOf } from "./build-run.ts";
import { mergeRuns } from "./merge-runs.ts";
import { allocRun, emptySize, type Run, sumSizes, widenRun } from "./run.ts";
import type { ShardHeader } from "./shard-format.ts";
import { type ByteSink, writeShard } from "./write-shard.ts";

export interface BuilderOptions {
  readonly fold: Fold;
  readonly sampleRate: number;
  readonly inverseRate: number;
  /** Bytes of documents that are sorted together. */
  readonly blockBytes: number;
  readonly signal?: AbortSignal | undefined;
}

export class ShardBuilder {
  readonly #memory: FmMemory;
  readonly #base: number;
  readonly #options: BuilderOptions;
  #run: Run | undefined;
  #lengths: number[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(options: BuilderOptions, memory: FmMemory = new FmMemory()) {
    this.#options = options;
    this.#memory = memory;
    this.#base = memory.top;
  }

  /** Bytes of the documents so far. */
  get textBytes(): number {
    const run = this.#run ?? { rows: 0, documentCount: 0 };
    return run.rows - run.documentCount + this.#waitingBytes;
  }

  get documents(): number {
    return this.#lengths.length;
  }

  /** Bytes of kernel memory: it never shrinks. */
  get memoryBytes(): number {
    return this.#memory.bytes;
  }

  /** Takes a document, borrowed until the block it belongs to is sorted. */
  add(document: Uint8Array): void {
    if (this.#waitingBytes > 0 && this.#waitingBytes + document.length > this.#options.blockBytes)
      this.sort();
    this.#lengths.push(document.length);
    if (document.length === 0) return;
    this.#waiting.push(document);
    this.#waitingBytes += document.length;
  }

  /** Sorts the documents that wait. @throws MnemeError CANCELLED, BUDGET */
  sort(): void {
    if (this.#waiting.length === 0) return;
    const { sampleRate, fold, signal } = this.#options;
    throwIfAborted(signal, "fm-index build");
    const documents = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const memory = this.#memory;
    if (!this.#run) {
      this.#run = buildRun(memory, documents, sampleRate, fold);
      return;
    }
    const wide = widenRun(memory, this.#run, sumSizes(this.#run, sizeOf(documents, sampleRate)));
    const { top } = memory;
    this.#run = mergeRuns(memory, wide, buildRun(memory, documents, sampleRate, fold));
    memory.release(top);
  }

  /** Takes a run of later documents that `load` puts into kernel memory, of so large a size. */
  async merge(
    size: Parameters<typeof widenRun>[2],
    lengths: ArrayLike<number>,
    load: (run: Run) => Promise<void>,
  ): Promise<void> {
    this.sort();
    throwIfAborted(this.#options.signal, "fm-index merge");
    const memory = this.#memory;
    for (const length of Array.from(lengths)) this.#lengths.push(length);
    if (!this.#run) {
      this.#run = allocRun(memory, size);
      await load(this.#run);
      return;
    }
    const wide = widenRun(memory, this.#run, sumSizes(this.#run, size));
    const { top } = memory;
    const more = allocRun(memory, size);
    await load(more);
    this.#run = mergeRuns(memory, wide, more);
    memory.release(top);
  }

  /** Writes the shard and forgets its documents. @throws MnemeError CANCELLED, BUDGET; the sink's errors */
  async finish(sink: ByteSink): Promise<ShardHeader> {
    this.sort();
    await new Pacer().pause();
    const { fold, sampleRate, inverseRate, signal } = this.#options;
    const memory = this.#memory;
    const run = this.#run ?? allocRun(memory, emptySize);
    const lengths = this.#lengths;
    this.#run = undefined;
    this.#lengths = [];
    const facts = { lengths, fold, sampleRate, inverseRate };
    const header = await writeShard(memory, run, facts, sink, () => throwIfAborted(signal, "fm-index build"));
    memory.release(this.#base);
    return header;
  }
}
