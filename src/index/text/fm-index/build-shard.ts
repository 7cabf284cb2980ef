/**
 * Documents to a shard in bounded memory: a block of them at a time goes into the run of those before (merge-documents.ts). The first of a
 * shard, those longer than a block, and what merge-documents.ts refuses, are sorted by their suffixes: in pieces that are merged, for sorting
 * wants the cache. Memory: at most 16 bytes a byte of a block, or 7.5 of a longer document, which is never cut, and 2.1 of the shard, less
 * where it has its peak than the sum of these.
 */

import { throwIfAborted } from "../../../errors.ts";
import { FmMemory } from "../../../kernels/fm.ts";
import { Pacer } from "../../../pacer.ts";
import { buildRun, type Fold, type Staged, sizeOf, stage } from "./build-run.ts";
import { mergeDocuments } from "./merge-documents.ts";
import { mergeRuns } from "./merge-runs.ts";
import { allocRun, countRun, emptySize, type Run, sumSizes, widenRun } from "./run.ts";
import type { ShardHeader } from "./shard-format.ts";
import { type ByteSink, writeShard } from "./write-shard.ts";

export interface BuilderOptions {
  readonly fold: Fold;
  readonly sampleRate: number;
  readonly inverseRate: number;
  /** Bytes of documents that are merged into the shard together. */
  readonly blockBytes: number;
  /** Bytes of those that are sorted at once. Default 2 MiB: what the cache holds. */
  readonly pieceBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

const PIECE_BYTES = 2 << 20;
/** Documents that a run takes at once, in its own bytes. */
const GROWTH = 2;

/** Cuts documents, one after the other in memory: those before fit in so many bytes, but for a longer one by itself. */
function cut({ at, lengths }: Staged, bytes: number): [Staged, Staged] {
  let [count, sum] = [1, lengths[0]!];
  while (count < lengths.length && sum + lengths[count]! <= bytes) sum += lengths[count++]!;
  return [
    { at, lengths: lengths.slice(0, count) },
    { at: at + sum, lengths: lengths.slice(count) },
  ];
}

export class ShardBuilder {
  readonly #memory: FmMemory;
  readonly #options: BuilderOptions;
  readonly #pieceBytes: number;
  readonly #base: number;
  /** Where documents wait to be sorted. */
  readonly #stage: number;
  #waiting: number[] = [];
  #waitingBytes = 0;
  #run: Run | undefined;
  #lengths: number[] = [];

  constructor(options: BuilderOptions, memory: FmMemory = new FmMemory()) {
    this.#options = options;
    this.#pieceBytes = options.pieceBytes ?? PIECE_BYTES;
    this.#memory = memory;
    this.#stage = memory.alloc(options.blockBytes);
    this.#base = memory.top;
  }

  /** Bytes of the documents so far. */
  get textBytes(): number {
    const { rows, documentCount } = this.#run ?? emptySize;
    return rows - documentCount + this.#waitingBytes;
  }

  get documents(): number {
    return this.#lengths.length;
  }

  /** Takes a copy of a document. @throws MnemeError CANCELLED, BUDGET */
  async add(document: Uint8Array): Promise<void> {
    const { length } = document;
    if (this.#waitingBytes + length > this.#options.blockBytes) await this.sort();
    this.#lengths.push(length);
    if (length > this.#options.blockBytes) await this.#addLong(document);
    else if (length > 0) {
      this.#memory.u8(this.#stage + this.#waitingBytes, length).set(document);
      this.#waiting.push(length);
      this.#waitingBytes += length;
    }
  }

  /** Sorts the documents that wait. @throws MnemeError CANCELLED, BUDGET */
  async sort(): Promise<void> {
    let rest: Staged = { at: this.#stage, lengths: this.#waiting };
    this.#waiting = [];
    this.#waitingBytes = 0;
    while (rest.lengths.length > 0) {
      // many documents for each row of a run leave much of their order open
      const [piece, later] = cut(rest, Math.max(this.#pieceBytes, GROWTH * (this.#run?.rows ?? 0)));
      await this.#grow(piece.lengths, () => piece, true);
      rest = later;
    }
  }

  async #addLong(document: Uint8Array): Promise<void> {
    await this.#grow([document.length], () => stage(this.#memory, [document]), false);
  }

  /** Takes documents of such lengths, which are staged once the run has room for them. */
  async #grow(lengths: readonly number[], staged: () => Staged, isBlock: boolean): Promise<void> {
    const { sampleRate, fold, signal } = this.#options;
    throwIfAborted(signal, "fm-index build");
    const memory = this.#memory;
    if (!this.#run) {
      this.#run = buildRun(memory, staged(), sampleRate, fold);
      return;
    }
    // room for the parts of both, so that the run grows in place
    const wide = widenRun(memory, this.#run, sumSizes(this.#run, sizeOf(lengths, sampleRate)));
    const counted = { ...wide, counts: countRun(memory, wide) };
    const { top } = memory;
    const more = staged();
    this.#run =
      (isBlock ? await mergeDocuments(memory, counted, more, sampleRate, fold) : undefined) ??
      (await mergeRuns(memory, counted, await this.#sorted(more)));
    memory.release(top);
  }

  /** The run of staged documents, the last thing handed out: sorted in pieces, which want the cache, and merged. */
  async #sorted(staged: Staged): Promise<Run> {
    const { sampleRate, fold, signal } = this.#options;
    const memory = this.#memory;
    let [piece, rest] = cut(staged, this.#pieceBytes);
    let run = buildRun(memory, piece, sampleRate, fold);
    while (rest.lengths.length > 0) {
      throwIfAborted(signal, "fm-index build");
      [piece, rest] = cut(rest, this.#pieceBytes);
      const wide = widenRun(memory, run, sumSizes(run, sizeOf(piece.lengths, sampleRate)));
      const { top } = memory;
      run = await mergeRuns(memory, wide, buildRun(memory, piece, sampleRate, fold));
      memory.release(top);
    }
    return run;
  }

  /** Takes a run of later documents that `load` puts into kernel memory, of so large a size. */
  async merge(
    size: Parameters<typeof widenRun>[2],
    lengths: ArrayLike<number>,
    load: (run: Run) => Promise<void>,
  ): Promise<void> {
    await this.sort();
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
    this.#run = await mergeRuns(memory, wide, more);
    memory.release(top);
  }

  /** Writes the shard and forgets its documents. @throws MnemeError CANCELLED, BUDGET; the sink's errors */
  async finish(sink: ByteSink): Promise<ShardHeader> {
    await this.sort();
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
